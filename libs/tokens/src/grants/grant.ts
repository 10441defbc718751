import type { Application, PresentedClient } from '@app/clients';
import { OAuthError } from '@app/oauth2';
import type { RequestContext } from '@app/edge';
import type { IssuedTokens } from '../token-issuer.js';

/** A token request after parsing (RFC 6749 §4.1.3, §4.4.2, §6): names are ours, absent means undefined, never ''. */
export interface TokenRequest {
  readonly grantType: string;
  readonly code: string | undefined;
  readonly codeVerifier: string | undefined;
  readonly redirectUri: string | undefined;
  readonly refreshToken: string | undefined;
  /** Undefined when no scope was sent. */
  readonly scopes: readonly string[] | undefined;
  readonly resource: string | undefined;
  /** The client as it presented itself, by Basic, by body, or not at all; not yet believed. */
  readonly client: PresentedClient;
  readonly context: RequestContext;
  /** Of a device (RFC 8628 §3.4). */
  readonly deviceCode?: string | undefined;
  /** Thumbprint of the key that the request proves (RFC 9449): what the access token is bound to. */
  readonly dpopKey?: string | undefined;
  /** The fields of a token exchange. */
  readonly exchange?: TokenExchange | undefined;
}

/** RFC 8693 §2.1, as sent. */
export interface TokenExchange {
  readonly subjectToken: string | undefined;
  readonly subjectTokenType: string | undefined;
  readonly requestedTokenType: string | undefined;
  readonly audience: string | undefined;
  readonly actorToken: string | undefined;
  readonly actorTokenType: string | undefined;
}

/** One grant type. The endpoint owns what every grant shares; a grant fills in only what is its own. */
export interface Grant {
  readonly grantType: string;
  /** @throws OAuthError with the codes of RFC 6749 §5.2. */
  issue(request: TokenRequest): Promise<IssuedTokens>;
}

/**
 * What the token is for (RFC 8707 §2.2): what was authorized, which a token request may repeat, or leave for ourselves.
 * @throws OAuthError `invalid_target`
 */
export function resourceOf(
  { resource }: TokenRequest,
  authorized: string | undefined,
  ourselves: string,
): string | undefined {
  if (resource === undefined || resource === authorized) return authorized;
  if (resource === ourselves) return undefined;
  throw new OAuthError('invalid_target', 'resource must be the one that was authorized (RFC 8707 §2.2)');
}

/** RFC 9449 §5.2: an application that says so gets no token without a proof. @throws OAuthError `invalid_dpop_proof` */
export function assertProves({ dpopKey }: TokenRequest, application: Application | undefined): void {
  if (application?.dpopBoundAccessTokens === true && dpopKey === undefined)
    throw new OAuthError(
      'invalid_dpop_proof',
      'This application is registered for DPoP: send a proof in the header DPoP (RFC 9449)',
    );
}

/** RFC 6749 §5.2: the application was not registered for this grant. */
export function unauthorizedClient(grantType: string): OAuthError {
  return new OAuthError('unauthorized_client', `This application is not registered for grant_type ${grantType}`);
}
