import { createHash } from 'node:crypto';
import type { Clock, OidcProviderConfig } from '@app/config';
import { decodeProtectedHeader } from 'jose';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  clockTolerance,
  Configuration,
  customFetch,
  enableNonRepudiationChecks,
  fetchUserInfo,
  getJwksCache,
  randomNonce,
  randomPKCECodeVerifier,
  refreshTokenGrant,
  setJwksCache,
  type ClientAuth,
  type ExportedJWKSCache,
  type IDToken,
  type ServerMetadata,
  type TokenEndpointResponse,
} from 'openid-client';
import { authorizationParameters } from './authorization-parameters.js';
import { openidClientAuthentication } from './client-authentication.js';
import { claimAt, readEmail, readGroups, readLabel, readLabels, readName, readSubject } from './identity-claims.js';
import type { ClaimSource } from './identity-claims.js';
import { OidcDiscovery, type Schedule } from './oidc-discovery.js';
import type { OutboundFetch } from '@app/outbound';
import { checkResponseIssuer } from './response-issuer.js';
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
import { toUpstreamError } from './upstream-fault.js';

export interface OidcConnectorParts {
  readonly outbound: OutboundFetch;
  readonly clock: Clock;
  readonly schedule: Schedule;
  readonly clockSkewSeconds: number;
}

/** OpenID Connect by authorization code with PKCE S256 and nonce; everything about the provider is discovered. */
export class OidcConnector implements UpstreamConnector {
  readonly type = 'oidc';
  readonly #discovery: OidcDiscovery;
  readonly #authentication: ClientAuth;
  #keys: ExportedJWKSCache | undefined;

  /** @throws Error when the configured client authentication lacks its secret */
  constructor(
    readonly config: OidcProviderConfig,
    private readonly parts: OidcConnectorParts,
  ) {
    this.#discovery = new OidcDiscovery(config, parts.outbound, parts.clock, parts.schedule);
    this.#authentication = openidClientAuthentication(config);
  }

  get sendsIss(): boolean {
    return this.#discovery.known?.authorization_response_iss_parameter_supported === true;
  }

  status(): ConnectorStatus {
    return this.#discovery.status();
  }

  start(): void {
    this.#discovery.start();
  }

  stop(): void {
    this.#discovery.stop();
  }

  /**
   * What was discovered, the same object as long as it is the same document.
   * @throws UpstreamError when there is none yet and none can be had now
   */
  metadata(): Promise<ServerMetadata> {
    return this.#discovery.metadata();
  }

  async begin(request: BeginRequest): Promise<Begun> {
    return { kind: 'redirect', ...(await this.beginWith(this.config.scopes, request)) };
  }

  /** {@link begin} with other scopes than the configured ones; `openid` is always among them. */
  async beginWith(
    scopes: readonly string[],
    request: BeginRequest,
  ): Promise<{ readonly url: string; readonly transaction: UpstreamTransaction }> {
    const metadata = await this.#discovery.metadata();
    const nonce = randomNonce();
    const codeVerifier = randomPKCECodeVerifier();
    const parameters = authorizationParameters(this.config, [...new Set(['openid', ...scopes])], request);
    parameters.set('nonce', nonce);
    parameters.set('code_challenge', await calculatePKCECodeChallenge(codeVerifier));
    parameters.set('code_challenge_method', 'S256');
    return {
      url: buildAuthorizationUrl(this.#configuration(metadata), parameters).href,
      transaction: { issuer: metadata.issuer, state: request.state, nonce, codeVerifier, maxAge: request.maxAge },
    };
  }

  async complete(callback: URLSearchParams, transaction: UpstreamTransaction, redirectUri: string): Promise<Completed> {
    const { configuration, answer, claims } = await this.#redeem(callback, transaction, redirectUri);
    return {
      identity: await this.#identify(configuration, claims, answer.access_token),
      tokens: upstreamTokens(answer),
    };
  }

  /**
   * The token answer as the provider wrote it and the subject of its checked ID token, for whoever keeps the tokens and
   * needs no identity.
   * @throws UpstreamError
   */
  async redeem(
    callback: URLSearchParams,
    transaction: UpstreamTransaction,
    redirectUri: string,
  ): Promise<{ readonly answer: TokenEndpointResponse; readonly subject: string }> {
    const { answer, claims } = await this.#redeem(callback, transaction, redirectUri);
    return { answer, subject: readSubject(claims.sub) };
  }

  /** The steps of OIDC Core §3.1.2.7 and §3.1.3.7; each one refuses by throwing. */
  async #redeem(callback: URLSearchParams, transaction: UpstreamTransaction, redirectUri: string) {
    const { issuer, state, nonce, codeVerifier, maxAge } = readTransaction(transaction);
    const metadata = await this.#discovery.metadata();
    if (issuer !== metadata.issuer) throw refused('the login began with another issuer than is configured now');
    checkResponseIssuer(callback, {
      issuer,
      promised: metadata.authorization_response_iss_parameter_supported === true,
    });

    const configuration = this.#configuration(metadata);
    const answered = new URL(redirectUri);
    answered.search = callback.toString();
    const answer = await this.#withKeys(configuration, 'code exchange', () =>
      authorizationCodeGrant(configuration, answered, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: codeVerifier,
        idTokenExpected: true,
        ...(maxAge === undefined ? {} : { maxAge }),
      }),
    );
    const claims = answer.claims();
    if (!claims || !answer.id_token) throw refused('the token answer has no ID token');
    checkIdToken(answer.id_token, claims, answer.access_token, this.config.clientId);
    return { configuration, answer, claims };
  }

  /** An ID token in the answer is left out: nobody compared its subject with the first one's (OIDC Core §12.2). */
  async refresh(refreshToken: string): Promise<UpstreamTokens> {
    const configuration = this.#configuration(await this.#discovery.metadata());
    const answer = await this.#withKeys(configuration, 'refresh', () => refreshTokenGrant(configuration, refreshToken));
    const { idToken: _unchecked, ...tokens } = upstreamTokens(answer);
    return tokens;
  }

  /**
   * One Configuration for each exchange: it is cheap, and openid-client ties its memory of keys to it (see #withKeys).
   */
  #configuration(metadata: ServerMetadata): Configuration {
    const { clientId } = this.config;
    const { outbound, clockSkewSeconds } = this.parts;
    const client = { [clockTolerance]: clockSkewSeconds };
    const configuration = new Configuration(metadata, clientId, client, this.#authentication);
    configuration[customFetch] = outbound.fetch;
    configuration.timeout = Math.ceil(outbound.limits.timeoutMs / 1_000);
    // Without this openid-client trusts the TLS connection and lets any signature pass (OIDC Core §3.1.3.7 step 6).
    enableNonRepudiationChecks(configuration);
    if (outbound.limits.allowPrivate) allowInsecureRequests(configuration);
    return configuration;
  }

  /**
   * Runs an exchange with the provider's keys remembered between exchanges. openid-client fetches the key set again for
   * an unknown `kid` only when its copy is older than 60 s, which would fail logins right after a rotation; a copy
   * handed over 60 s older than it is makes it ask at once. The other effect is a life of 4 in place of 5 minutes.
   */
  async #withKeys<T>(configuration: Configuration, doing: string, exchange: () => Promise<T>): Promise<T> {
    const aged = this.#keys && { jwks: this.#keys.jwks, uat: this.#keys.uat - 60 };
    if (aged) setJwksCache(configuration, aged);
    try {
      return await exchange();
    } catch (error) {
      throw toUpstreamError(error, doing);
    } finally {
      const used = getJwksCache(configuration);
      if (used?.uat !== aged?.uat) this.#keys = used;
    }
  }

  async #identify(configuration: Configuration, claims: IDToken, accessToken: string): Promise<ExternalIdentity> {
    const subject = readSubject(claims.sub);
    const { groupsClaim } = this.config;
    const complete =
      claims.email !== undefined && claims.name !== undefined && claimAt(claims, groupsClaim) !== undefined;
    // OIDC Core §5.3.2: openid-client refuses an answer about another subject.
    const more: ClaimSource =
      complete || configuration.serverMetadata().userinfo_endpoint === undefined
        ? {}
        : await this.#withKeys(configuration, 'userinfo', () => fetchUserInfo(configuration, accessToken, subject));
    return {
      provider: this.config.id,
      issuer: claims.iss,
      subject,
      ...readEmail(...statedEmail(claims, more)),
      name: readName(claims['name'] ?? more['name']),
      groups: readGroups(claimAt(claims, groupsClaim) ?? claimAt(more, groupsClaim)),
      authTime: claims.auth_time,
      acr: readLabel(claims['acr']),
      amr: readLabels(claims['amr']),
    };
  }
}

/** The address and the word on whether it was verified, both about the same address. */
function statedEmail(claims: ClaimSource, more: ClaimSource): [email: unknown, verified: unknown] {
  if (claims['email'] === undefined) return [more['email'], more['email_verified']];
  const sameAddress = more['email'] === claims['email'];
  return [claims['email'], claims['email_verified'] ?? (sameAddress ? more['email_verified'] : undefined)];
}

/** What openid-client leaves to us, on a token whose signature and registered claims it has accepted. */
function checkIdToken(idToken: string, claims: IDToken, accessToken: string, clientId: string): void {
  const { typ, alg } = decodeProtectedHeader(idToken);
  // RFC 8725 §3.11: an access or logout token of the same issuer, audience and keys is no ID token.
  if (typ !== undefined && typ.toLowerCase().replace(/^application\//, '') !== 'jwt') {
    throw refused('the ID token has the type of another kind of token');
  }
  // OIDC Core §3.1.3.7 step 5: whenever it is there, not only beside several audiences.
  if (claims.azp !== undefined && claims.azp !== clientId) throw refused('the ID token has a foreign "azp"');
  // OIDC Core §3.1.3.8: the access token that will be asked for claims belongs to this ID token.
  if (claims['at_hash'] !== undefined && claims['at_hash'] !== accessTokenHash(accessToken, alg ?? '')) {
    throw refused('the "at_hash" of the ID token does not fit the access token');
  }
}

function accessTokenHash(accessToken: string, alg: string): string {
  const bits = /(256|384|512)$/.exec(alg)?.[1] ?? '512'; // EdDSA over Ed25519 hashes with SHA-512
  const hash = createHash(`sha${bits}`).update(accessToken, 'ascii').digest();
  return hash.subarray(0, hash.length / 2).toString('base64url');
}

function upstreamTokens(answer: TokenEndpointResponse): UpstreamTokens {
  return {
    accessToken: answer.access_token,
    tokenType: answer.token_type,
    ...(answer.refresh_token === undefined ? {} : { refreshToken: answer.refresh_token }),
    ...(answer.scope === undefined ? {} : { scope: answer.scope }),
    ...(answer.expires_in === undefined ? {} : { expiresIn: answer.expires_in }),
    ...(answer.id_token === undefined ? {} : { idToken: answer.id_token }),
  };
}

function readTransaction(transaction: UpstreamTransaction) {
  const { issuer, state, nonce, codeVerifier, maxAge } = transaction;
  if (
    typeof issuer !== 'string' ||
    typeof state !== 'string' ||
    typeof nonce !== 'string' ||
    typeof codeVerifier !== 'string' ||
    typeof maxAge === 'string'
  ) {
    throw refused('the stored transaction is not one of this connector');
  }
  return { issuer, state, nonce, codeVerifier, maxAge };
}

function refused(detail: string): UpstreamError {
  return new UpstreamError('invalid_response', detail);
}
