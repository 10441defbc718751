/**
 * edge: what every HTTP request meets before and after its handler.
 *
 * Owns: body parsers, reading input by schema, who-may-call metadata, error answers in four dialects, rate limits and
 * lockouts, the caller's address, security headers and CORS, the OpenAPI decorator, the list of routes.
 * Does not own: deciding whether a token is good (tokens), or any route.
 */
export type { MachinePrincipal, Principal, UserPrincipal } from './principal.js';
export {
  AdmitApplications,
  BodyLimit,
  DEFAULT_POLICY,
  Dialect,
  policyOf,
  Public,
  RateClass,
  RequireAccess,
  routePolicy,
  TenantRoute,
  type DialectName,
  type RateClassName,
  type RouteAccess,
  type RoutePolicy,
} from './route-policy.js';
export {
  CurrentPrincipal,
  noStore,
  principalOf,
  remoteAddress,
  requestContext,
  trustProxyOption,
  type RequestContext,
} from './http-context.js';
export { BODY_LIMIT_BYTES, registerBodyParsers } from './body-parsers.js';
export { readBody, readQuery, type ReadOptions } from './read-input.js';
export { renderFault, wireText, type WireFault } from './error-dialects.js';
export { authenticateHeader } from './authenticate-header.js';
export { answerClientError } from './client-error.js';
export { answerFrameworkError, ErrorFilter, sendFault, toOAuthError } from './error.filter.js';
export { RateLimiter } from './rate-limiter.js';
export { Lockout } from './lockout.js';
export { API_CONTENT_SECURITY_POLICY, registerSecurityHeaders, sharedOrigins } from './security-headers.js';
export { ApiContract, type ApiAnswer, type ApiContractOptions } from './api-contract.js';
export { apiComponents, type JsonSchema } from './api-schemas.js';
export { listRoutes, type ListedRoute } from './route-list.js';
export { registerEdge } from './register-edge.js';
export { EdgeModule } from './edge.module.js';
