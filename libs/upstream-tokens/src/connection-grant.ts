import {
  authorizationParameters,
  checkResponseIssuer,
  readAuthorizationCode,
  statusFault,
  toUpstreamError,
  UpstreamError,
  type OidcConnector,
  type UpstreamTransaction,
} from '@app/oauth-providers';
import type { Clock } from '@app/config';
import type { OutboundAnswer, OutboundCalls } from '@app/outbound';
import { createHash, randomBytes } from 'node:crypto';
import { fieldAt, parseAnswer, textOf, type AnswerFields } from './answer-fields.js';
import { readRefusal } from './refusal.js';
import { answeredAt } from './retry-after.js';
import { quoteWithout } from './secret-free.js';
import { readTokenSet } from './token-answer.js';
import { prepareRequest, type OAuthProviderConfig } from './token-request.js';
import type { UpstreamTokenSet } from './token-set.js';
import type { EndpointAddresses } from './upstream-endpoints.js';

export interface ConnectRequest {
  readonly state: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly loginHint?: string | undefined;
}

/** `transaction`: JSON-serialisable, to be kept unseen by the browser and used for one callback. */
export interface ConnectStart {
  readonly url: string;
  readonly transaction: UpstreamTransaction;
}

export interface ConnectedTokens extends UpstreamTokenSet {
  /** The provider's own name of the account, where it says one. */
  readonly subject: string | undefined;
}

const MAX_CALLBACK_METADATA = 256;

/**
 * Connecting an account by authorization code (RFC 6749 §4.1) with PKCE. With `openid` at an `oidc` provider it is the
 * same exchange as a sign-in, ID token and nonce checked; everything else goes by the provider's rules.
 */
export class ConnectionGrant {
  constructor(
    private readonly config: OAuthProviderConfig,
    private readonly calls: OutboundCalls,
    private readonly clock: Clock,
    private readonly addresses: () => EndpointAddresses | Promise<EndpointAddresses>,
    private readonly oidc: OidcConnector | undefined,
  ) {}

  async begin({ state, redirectUri, scopes, loginHint }: ConnectRequest): Promise<ConnectStart> {
    const request = { state, redirectUri, ...(loginHint === undefined ? {} : { loginHint }) };
    if (this.oidc && scopes.includes('openid')) {
      const { url, transaction } = await this.oidc.beginWith(scopes, request);
      return { url, transaction: { ...transaction, flow: 'openid' } };
    }
    const { authorization, token } = await this.addresses();
    const url = new URL(authorization);
    for (const [name, value] of authorizationParameters(this.config, scopes, request)) {
      url.searchParams.set(name, value);
    }
    const codeVerifier =
      this.config.type === 'oidc' || this.config.pkce ? randomBytes(32).toString('base64url') : undefined;
    if (codeVerifier !== undefined) {
      url.searchParams.set('code_challenge', createHash('sha256').update(codeVerifier, 'ascii').digest('base64url'));
      url.searchParams.set('code_challenge_method', 'S256');
    }
    return { url: url.href, transaction: { flow: 'code', tokenUrl: token, state, codeVerifier } };
  }

  async complete(
    callback: URLSearchParams,
    transaction: UpstreamTransaction,
    redirectUri: string,
  ): Promise<ConnectedTokens> {
    const { flow, ...rest } = transaction;
    const connected =
      flow === 'openid' && this.oidc
        ? await this.#redeemOpenId(this.oidc, callback, rest, redirectUri)
        : await this.#redeemCode(callback, transaction, redirectUri);
    return { ...connected, metadata: { ...connected.metadata, ...this.#callbackMetadata(callback) } };
  }

  async #redeemOpenId(
    oidc: OidcConnector,
    callback: URLSearchParams,
    transaction: UpstreamTransaction,
    redirectUri: string,
  ): Promise<ConnectedTokens> {
    const { answer, subject } = await oidc.redeem(callback, transaction, redirectUri);
    const tokens = readTokenSet({ ...answer }, this.config.tokens, this.clock().getTime());
    if (!tokens) throw new UpstreamError('invalid_response', 'code exchange: there is no access token');
    return { ...tokens, subject };
  }

  async #redeemCode(
    callback: URLSearchParams,
    { flow, tokenUrl, state, codeVerifier }: UpstreamTransaction,
    redirectUri: string,
  ): Promise<ConnectedTokens> {
    const { token, issuer, sendsIss } = await this.addresses();
    // The transaction is bound to the endpoint it was begun for: changed settings must not carry a code elsewhere (D35).
    if (flow !== 'code' || tokenUrl !== token || typeof state !== 'string' || typeof codeVerifier === 'number') {
      throw new UpstreamError('invalid_response', 'the connection was begun under other settings of this provider');
    }
    checkResponseIssuer(callback, { issuer, promised: sendsIss });
    const code = readAuthorizationCode(callback, state);
    const parameters: [string, string][] = [
      ['code', code],
      ['redirect_uri', redirectUri],
    ];
    if (codeVerifier !== undefined) parameters.push(['code_verifier', codeVerifier]);
    const answer = await this.#requestTokens(token, parameters);
    const fields = parseAnswer(answer.body, answer.headers['content-type']);
    const { tokens: rules } = this.config;
    const success = answer.status >= 200 && answer.status < 300 && fields?.['ok'] !== false;
    const read =
      success && fields ? readTokenSet(fields, rules, answeredAt(answer.headers.date, this.clock())) : undefined;
    if (!read) throw this.#refusal(answer, fields, [code, codeVerifier]);
    return { ...read, subject: fields && this.#subject(fields) };
  }

  async #requestTokens(url: string, parameters: readonly [string, string][]): Promise<OutboundAnswer> {
    const { tokenRequest, exchangeParameters } = this.config.tokens;
    try {
      const fixed = { grant_type: 'authorization_code', ...exchangeParameters };
      const request = prepareRequest(this.calls, this.config, url, tokenRequest, fixed);
      return await this.calls.send(request.call, request.bodyWith(parameters));
    } catch (error) {
      throw toUpstreamError(error, 'code exchange');
    }
  }

  #refusal(
    { status }: OutboundAnswer,
    fields: AnswerFields | undefined,
    secrets: readonly (string | undefined)[],
  ): UpstreamError {
    const refusal = status >= 500 ? undefined : fields && readRefusal(fields, this.config.tokens);
    if (refusal) {
      const known = [...secrets, this.config.clientSecret?.reveal()];
      const said =
        refusal.description === undefined ? undefined : quoteWithout(known, refusal.description).slice(1, -1);
      const code = known.some((secret) => secret !== undefined && refusal.code.includes(secret.toLowerCase()));
      return UpstreamError.reported(code ? 'unknown_error' : refusal.code, said);
    }
    if (status < 200 || status >= 300) return statusFault(status, 'code exchange');
    const what = fields ? 'there is no access token' : 'the answer is neither a JSON object nor a form';
    return new UpstreamError('invalid_response', `code exchange: ${what}`);
  }

  #subject(fields: AnswerFields): string | undefined {
    const { subjectPath } = this.config.tokens;
    if (subjectPath === undefined) return undefined;
    const value = fieldAt(fields, subjectPath);
    return typeof value === 'number' ? String(value) : textOf(value);
  }

  #callbackMetadata(callback: URLSearchParams): Record<string, string> {
    const metadata: Record<string, string> = {};
    for (const name of this.config.tokens.callbackMetadata) {
      const [value, ...others] = callback.getAll(name);
      if (
        value !== undefined &&
        others.length === 0 &&
        /^[\x21-\x7e]+$/.test(value) &&
        value.length <= MAX_CALLBACK_METADATA
      ) {
        metadata[name] = value;
      }
    }
    return metadata;
  }
}
