import type { OAuth2ProviderConfig } from '@app/config';
import { calculatePKCECodeChallenge, randomPKCECodeVerifier } from 'openid-client';
import { authorizationParameters } from './authorization-parameters.js';
import { readAuthorizationCode } from './authorization-response.js';
import { authenticateClient } from './client-authentication.js';
import { claimAt, isClaimSource, readEmail, readGroups, readName, readSubject } from './identity-claims.js';
import type { ClaimSource } from './identity-claims.js';
import type { OutboundFetch, OutboundRequest } from '@app/outbound';
import { checkResponseIssuer } from './response-issuer.js';
import { readJson, readTokenAnswer } from './token-answer.js';
import type {
  BeginRequest,
  Begun,
  Completed,
  ConnectorStatus,
  ExternalIdentity,
  UpstreamConnector,
  UpstreamTokens,
  UpstreamTransaction,
} from './upstream-connector.js';
import { UpstreamError } from './upstream-error.js';
import { statusFault, toUpstreamError } from './upstream-fault.js';

/**
 * Plain OAuth 2.0 with an identity API beside it, as GitHub does it: no ID token, no discovery, the person read with
 * the access token that the code exchange brought. Written by hand over the outbound client because openid-client
 * takes neither form-encoded token answers nor errors under status 200.
 */
export class OAuth2Connector implements UpstreamConnector {
  readonly type = 'oauth2';
  /** Setting the provider's `issuer` declares that it sends `iss` (RFC 9207); from then on a missing one is refused. */
  readonly sendsIss: boolean;
  readonly #userinfoUrl: string;

  /** @throws Error when the configured client authentication lacks its secret, or there is no userinfo_url */
  constructor(
    private readonly config: OAuth2ProviderConfig,
    private readonly outbound: OutboundFetch,
  ) {
    authenticateClient(config, new URLSearchParams());
    if (config.userinfoUrl === undefined) {
      throw new Error(`provider "${config.id}": nobody can sign in without userinfo_url; set it, or sign_in to false`);
    }
    this.#userinfoUrl = config.userinfoUrl;
    this.sendsIss = config.issuer !== undefined;
  }

  /** There is nothing to discover, so nothing to wait for; a provider that is down shows in the login alone. */
  status(): ConnectorStatus {
    return { state: 'ready' };
  }

  async begin(request: BeginRequest): Promise<Begun> {
    const url = new URL(this.config.authorizationUrl);
    for (const [name, value] of authorizationParameters(this.config, this.config.scopes, request)) {
      url.searchParams.set(name, value);
    }
    const codeVerifier = this.config.pkce ? randomPKCECodeVerifier() : undefined;
    if (codeVerifier !== undefined) {
      url.searchParams.set('code_challenge', await calculatePKCECodeChallenge(codeVerifier));
      url.searchParams.set('code_challenge_method', 'S256');
    }
    return {
      kind: 'redirect',
      url: url.href,
      transaction: { tokenUrl: this.config.tokenUrl, state: request.state, codeVerifier },
    };
  }

  async complete(callback: URLSearchParams, transaction: UpstreamTransaction, redirectUri: string): Promise<Completed> {
    const { tokenUrl, state, codeVerifier } = transaction;
    // The transaction is bound to the endpoint it was begun for: changed settings must not carry a code elsewhere (D35).
    if (tokenUrl !== this.config.tokenUrl || typeof state !== 'string' || typeof codeVerifier === 'number') {
      throw new UpstreamError('invalid_response', 'the login began under other settings of this provider');
    }
    checkResponseIssuer(callback, { issuer: this.config.issuer, promised: this.sendsIss });
    const code = readAuthorizationCode(callback, state);
    const tokens = await this.#requestTokens('code exchange', {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      ...(codeVerifier === undefined ? {} : { code_verifier: codeVerifier }),
    });
    return { identity: await this.#identify(tokens.accessToken), tokens };
  }

  async refresh(refreshToken: string): Promise<UpstreamTokens> {
    return this.#requestTokens('refresh', { grant_type: 'refresh_token', refresh_token: refreshToken });
  }

  async #requestTokens(doing: string, parameters: Readonly<Record<string, string>>): Promise<UpstreamTokens> {
    const body = new URLSearchParams(parameters);
    const headers = {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...authenticateClient(this.config, body),
    };
    return readTokenAnswer(await this.#call(doing, this.config.tokenUrl, { method: 'POST', headers, body }), doing);
  }

  async #identify(accessToken: string): Promise<ExternalIdentity> {
    const { fields, emailsUrl } = this.config;
    const user = await this.#resource('userinfo', this.#userinfoUrl, accessToken);
    if (!isClaimSource(user)) throw new UpstreamError('invalid_response', 'userinfo: the answer is not a JSON object');
    const stated = readEmail(claimAt(user, fields.email), claimAt(user, fields.emailVerified));
    const email =
      emailsUrl === undefined || stated.emailVerified
        ? stated
        : primaryEmail(await this.#resource('e-mail addresses', emailsUrl, accessToken));
    return {
      provider: this.config.id,
      // Where the subject means something. Not the `issuer` setting: adding that later must not rename everybody (D17).
      issuer: new URL(this.#userinfoUrl).origin,
      subject: readSubject(claimAt(user, fields.subject)),
      ...email,
      name: readName(claimAt(user, fields.name)),
      groups: readGroups(claimAt(user, fields.groups)),
      authTime: undefined,
      acr: undefined,
      amr: undefined,
    };
  }

  async #resource(doing: string, url: string, accessToken: string): Promise<unknown> {
    const response = await this.#call(doing, url, {
      headers: { accept: 'application/json', authorization: `Bearer ${accessToken}` },
    });
    if (!response.ok) throw statusFault(response.status, doing);
    return readJson(response);
  }

  async #call(doing: string, url: string, request: OutboundRequest): Promise<Response> {
    try {
      return await this.outbound.fetch(url, request);
    } catch (error) {
      throw toUpstreamError(error, doing);
    }
  }
}

/**
 * The primary address of a list in GitHub's shape, `[{email, primary, verified}]`. Other addresses are passed over,
 * verified ones too: the provider lets its users hold several, but only one speaks for the account.
 */
function primaryEmail(list: unknown): { email: string | undefined; emailVerified: boolean } {
  if (!Array.isArray(list)) throw new UpstreamError('invalid_response', 'e-mail addresses: the answer is not a list');
  const primary = list.filter(isClaimSource).find((entry: ClaimSource) => entry['primary'] === true);
  return readEmail(primary?.['email'], primary?.['verified']);
}
