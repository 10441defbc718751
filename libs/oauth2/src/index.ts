/**
 * oauth2: the vocabulary of the RFCs. Pure: no framework, no I/O, no npm import.
 *
 * Owns: the error catalogue, PKCE (RFC 7636), scopes (RFC 6749 §3.3), redirect target rules (D7), opaque tokens (D45),
 * what clients may sign with, user codes of devices (RFC 8628).
 * Does not own: routes, storage, how an error is written for a dialect (edge).
 */
export {
  OAuthError,
  temporarilyUnavailable,
  type AuthenticateScheme,
  type OAuthErrorCode,
  type OAuthErrorOptions,
} from './oauth-error.js';
export { challengeOf, isCodeChallenge, isCodeVerifier, verifierMatches } from './pkce.js';
export {
  isLoopbackHost,
  postLogoutUriFault,
  redirectUriFault,
  redirectUriMatches,
  type Delivery,
} from './redirect-uri.js';
export { knownSignInScopes, MACHINE_SCOPES, narrowScope, parseScope, SIGN_IN_SCOPES } from './scope.js';
export {
  hashOpaqueToken,
  isOpaqueToken,
  mintOpaqueToken,
  secretMatches,
  type OpaqueTokenKind,
} from './opaque-token.js';
export {
  APPLICATION_GRANT_TYPES,
  DEVICE_CODE_GRANT,
  TOKEN_EXCHANGE_GRANT,
  type ApplicationGrantType,
} from './grant-types.js';
export { mintUserCode, readUserCode, shownUserCode } from './user-code.js';
export {
  ASYMMETRIC_ALGORITHMS,
  hasPrivateMember,
  isJwkThumbprint,
  isVerificationKey,
  VERIFICATION_KEYS,
} from './verification-key.js';
