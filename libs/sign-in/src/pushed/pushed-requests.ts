import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import type { AuthorizationParameters } from '../authorization-request.js';

/** RFC 9126 §2.2: how long the first browser may take to come with it. */
export const PUSHED_LIFETIME_SECONDS = 90;

const PREFIX = 'urn:ietf:params:oauth:request_uri:';
const ID = /^[A-Za-z0-9_-]{43}$/;
/** A code comes of it so many transactions later at most: on our page, upstream, back from SAML, at the consent page. */
const LOGIN_STEPS = 5;

interface StoredRequest {
  readonly clientId: string;
  readonly parameters: AuthorizationParameters;
  /** Milliseconds since the epoch. */
  readonly firstUseBefore: number;
}

/** An authorization request as it is to be read. */
export interface ResolvedRequest {
  /** Of a pushed one: what {@link PushedRequests.finish} is told when its code is issued. */
  readonly pushed: string | undefined;
  readonly parameters: AuthorizationParameters;
}

/** Whether a `request_uri` has the form of ours. */
export function isPushedRequestUri(requestUri: string | undefined): requestUri is string {
  return requestUri?.startsWith(PREFIX) === true;
}

/**
 * Authorization requests that applications pushed (RFC 9126), by a `request_uri` of 256 random bits. One is good for one
 * browser and for one code. §4 asks for a single use and allows a reload: until the code, that browser may come with it
 * again, because it does so when a provider is chosen on our page.
 */
@Injectable()
export class PushedRequests {
  private readonly loginMs: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) { lifetimes }: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.loginMs = lifetimes.loginTransactionSeconds * 1000;
  }

  /** Keeps a request that was checked, without what its client proved itself with. @returns its `request_uri` */
  async push(clientId: string, parameters: AuthorizationParameters): Promise<string> {
    const id = randomBytes(32).toString('base64url');
    const firstUseMs = PUSHED_LIFETIME_SECONDS * 1000;
    const stored: StoredRequest = { clientId, parameters, firstUseBefore: this.clock().getTime() + firstUseMs };
    await this.store.set(`pushed:${id}`, JSON.stringify(stored), firstUseMs + this.loginMs);
    return `${PREFIX}${id}`;
  }

  /**
   * What a request stands for: itself, unless it names a pushed one. Then whatever stands beside is passed over (§4), but
   * for the provider that the person chose on our page where the application left that open.
   * @param browser answers the hash of the browser's id (D10)
   * @throws OAuthError `invalid_request_uri` for the person: there is no target that could be believed
   */
  async resolve(sent: AuthorizationParameters, clientId: string, browser: () => string): Promise<ResolvedRequest> {
    if (!isPushedRequestUri(sent.request_uri)) return { pushed: undefined, parameters: sent };
    const id = sent.request_uri.slice(PREFIX.length);
    const text = ID.test(id) ? await this.store.get(`pushed:${id}`) : undefined;
    const stored = text === undefined ? undefined : (JSON.parse(text) as StoredRequest);
    // Another application's is not used up by asking for it.
    if (stored === undefined || stored.clientId !== clientId) throw unusable('unknown, used, or another client’s');
    await this.bind(id, stored, browser());
    return { pushed: id, parameters: { ...stored.parameters, idp: stored.parameters.idp ?? sent.idp } };
  }

  /** Before a code is issued for it: succeeds once. @throws OAuthError `invalid_request_uri` for the application */
  async finish(id: string): Promise<void> {
    const isFirst = await this.store.setIfAbsent(`pushed-used:${id}`, '1', LOGIN_STEPS * this.loginMs);
    if (!isFirst) throw unusable('a code was issued for it');
    await this.store.delete(`pushed:${id}`);
  }

  private async bind(id: string, { firstUseBefore }: StoredRequest, browser: string): Promise<void> {
    const key = `pushed-browser:${id}`;
    const inTime = this.clock().getTime() < firstUseBefore;
    const isFirst =
      inTime && (await this.store.setIfAbsent(key, browser, PUSHED_LIFETIME_SECONDS * 1000 + this.loginMs));
    if (!isFirst && (await this.store.get(key)) !== browser)
      throw unusable(inTime ? 'another browser came with it first' : 'expired, or another browser’s');
  }
}

function unusable(logDetail: string): OAuthError {
  return new OAuthError(
    'invalid_request_uri',
    'request_uri is unknown, expired or used; start again at the application',
    { logDetail },
  );
}
