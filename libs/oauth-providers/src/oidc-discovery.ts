import type { Clock, OidcProviderConfig } from '@app/config';
import { allowInsecureRequests, customFetch, discovery, type ServerMetadata } from 'openid-client';
import { isPermittedUrl, type OutboundFetch } from '@app/outbound';
import { quoteUpstream, UpstreamError } from './upstream-error.js';
import type { ConnectorStatus } from './upstream-connector.js';
import { toUpstreamError } from './upstream-fault.js';

/** Runs something later, once, without keeping the process alive for it. */
export type Schedule = (run: () => void, delayMs: number) => { cancel(): void };

/** ID tokens are believed under these alone: never `none`, never a shared secret (R24, R33). */
export const ASYMMETRIC_ALGORITHMS: readonly string[] = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
];

const FRESH_MS = 60 * 60_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 5 * 60_000;
/** A person who waits may trigger a retry earlier than the background does, but not more often than this. */
const DEMAND_RETRY_MS = 5_000;

/**
 * The discovery document of one provider: fetched when first needed, kept for an hour, fetched again behind the back
 * of callers, and retried with growing pauses while the provider is away. A provider that is down when we start
 * disturbs only itself; one that goes down later is served from the last good document.
 */
export class OidcDiscovery {
  #document: { readonly metadata: ServerMetadata; readonly fetchedAt: number } | undefined;
  #failure: { readonly error: UpstreamError; readonly at: number } | undefined;
  #failures = 0;
  #underWay: Promise<ServerMetadata> | undefined;
  #retry: { cancel(): void } | undefined;
  #stopped = false;

  constructor(
    private readonly config: OidcProviderConfig,
    private readonly outbound: OutboundFetch,
    private readonly clock: Clock,
    private readonly schedule: Schedule,
  ) {}

  /** The last good document, without asking for one. */
  get known(): ServerMetadata | undefined {
    return this.#document?.metadata;
  }

  status(): ConnectorStatus {
    if (this.#failure) return { state: 'degraded', detail: this.#failure.error.detail };
    return { state: this.#document ? 'ready' : 'pending' };
  }

  start(): void {
    this.#stopped = false;
    this.#fetch().catch(() => undefined);
  }

  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
  }

  /**
   * The provider's metadata, its issuer equal to the configured one.
   * @throws UpstreamError when there is none yet and none can be had now
   */
  async metadata(): Promise<ServerMetadata> {
    const now = this.clock().getTime();
    const mayAsk = !this.#failure || now - this.#failure.at >= DEMAND_RETRY_MS;
    if (this.#document) {
      if (now - this.#document.fetchedAt >= FRESH_MS && mayAsk) this.#fetch().catch(() => undefined);
      return this.#document.metadata;
    }
    if (this.#failure && !mayAsk && !this.#underWay) throw this.#failure.error;
    return this.#fetch();
  }

  #fetch(): Promise<ServerMetadata> {
    this.#underWay ??= this.#attempt().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #attempt(): Promise<ServerMetadata> {
    this.#retry?.cancel();
    try {
      const metadata = await this.#discover();
      this.#document = { metadata, fetchedAt: this.clock().getTime() };
      this.#failure = undefined;
      this.#failures = 0;
      return metadata;
    } catch (error) {
      const failure = asUnavailable(toUpstreamError(error, 'discovery'));
      this.#failure = { error: failure, at: this.clock().getTime() };
      this.#retryLater();
      throw failure;
    }
  }

  #retryLater(): void {
    const delay = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
    this.#failures += 1;
    if (!this.#stopped) this.#retry = this.schedule(() => void this.#fetch().catch(() => undefined), delay);
  }

  async #discover(): Promise<ServerMetadata> {
    const { issuer, clientId } = this.config;
    const { allowPrivate, timeoutMs } = this.outbound.limits;
    const found = await discovery(new URL(issuer), clientId, undefined, undefined, {
      [customFetch]: this.outbound.fetch,
      timeout: Math.ceil(timeoutMs / 1_000),
      // The outbound client is the judge of http: loopback only, and only where private hosts are allowed.
      execute: allowPrivate ? [allowInsecureRequests] : [],
    });
    return this.#accept(found.serverMetadata());
  }

  #accept(metadata: ServerMetadata): ServerMetadata {
    // OIDC Discovery §4.3: identical, not merely the same URL. openid-client also lets templates of two vendors pass.
    if (metadata.issuer !== this.config.issuer) {
      const named = quoteUpstream(metadata.issuer);
      throw unusable(`the document's issuer ${named} is not the configured "${this.config.issuer}", letter for letter`);
    }
    for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'] as const) {
      const value: unknown = metadata[name];
      if (value === undefined && name === 'userinfo_endpoint') continue;
      const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
      if (!url) throw unusable(`"${name}" is missing or no URL`);
      if (!isPermittedUrl(url, this.outbound.limits.allowPrivate)) throw unusable(`"${name}" is not https`);
    }
    return { ...metadata, id_token_signing_alg_values_supported: this.#algorithms(metadata) };
  }

  #algorithms(metadata: ServerMetadata): string[] {
    const { idTokenSignedResponseAlg: configured } = this.config;
    const offered =
      configured === undefined ? (metadata.id_token_signing_alg_values_supported ?? ['RS256']) : [configured];
    const usable = Array.isArray(offered) ? offered.filter((alg) => ASYMMETRIC_ALGORITHMS.includes(alg)) : [];
    if (usable.length === 0) throw unusable('no ID token signing algorithm is left: an asymmetric one is needed');
    return usable;
  }
}

function unusable(detail: string): UpstreamError {
  return new UpstreamError('provider_unavailable', `discovery: ${detail}`);
}

/** Whatever was wrong with the document, for the person who wants to sign in the provider is not available. */
function asUnavailable(error: UpstreamError): UpstreamError {
  return error.code === 'provider_unavailable'
    ? error
    : new UpstreamError('provider_unavailable', error.detail, error.cause);
}
