import type { PresentedClient } from '@app/clients';
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
}

/** One grant type. The endpoint owns what every grant shares; a grant fills in only what is its own. */
export interface Grant {
  readonly grantType: string;
  /** @throws OAuthError with the codes of RFC 6749 §5.2. */
  issue(request: TokenRequest): Promise<IssuedTokens>;
}
