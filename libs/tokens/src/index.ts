/**
 * tokens: the tokens that we issue.
 *
 * Owns: sessions, refresh families, authorization codes, device authorizations, the grants, signing claims into tokens,
 * introspection, revocation, proofs of possession (DPoP), the guard that stands before every route, and who counts as an
 * operator.
 * Does not own: how a person signs in (sign-in), who the clients are (clients), the keys (keys).
 * Routes: POST /oauth2/token, /oauth2/refresh, /oauth2/introspect, /oauth2/revoke; GET, POST /oauth2/userinfo;
 * GET /.well-known/openid-configuration, oauth-authorization-server, oauth-protected-resource, jwks.json.
 */
export { TokensModule } from './tokens.module.js';
export { AccessTokenVerifier } from './access-token-verifier.js';
export { ApplicationTokens, type ApplicationToken } from './application-tokens.js';
export { DpopProofs } from './dpop/dpop-proofs.js';
export { IdTokenHints, type IdTokenHint } from './id-token-hints.js';
export { OperatorAccess } from './operator-access.js';
export { markInternalSocket } from './internal-sockets.js';
export type { VerifiedToken } from './verified-tokens.js';
export { AuthorizationCodes, type CodeGrant } from './authorization-codes.js';
export {
  DeviceAuthorizations,
  type AskingDevice,
  type BegunDevice,
  type DeviceRequest,
} from './device-authorizations.js';
export { RefreshTokens, type Rotated } from './refresh-tokens.js';
export { Sessions, type Authentication, type SessionEndReason } from './sessions.js';
export { SilentSessions } from './silent-sessions.js';
export type { SessionFacts } from './session-facts.js';
export { TokenEndpoint } from './token-endpoint.js';
export type { TokenRequest } from './grants/grant.js';
export { TokenIssuer, tokenResponse, type IssuedTokens } from './token-issuer.js';
export { TokenResponseSchema } from './token.schema.js';
export { UPSTREAM_LOGOUT, type PostLogoutTarget, type UpstreamLogout } from './upstream-logout.js';
