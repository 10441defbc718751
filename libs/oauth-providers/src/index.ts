/**
 * oauth-providers: how to speak to one upstream OAuth 2.0 or OpenID Connect provider.
 *
 * Owns: beginning a login upstream, completing it into a checked ExternalIdentity and tokens, refreshing those tokens,
 * and discovery with its retries. Alone speaks openid-client.
 * Does not own: users, sessions, the browser binding and storage of a login in flight, sealing upstream tokens.
 * Routes: none.
 */
export { OAuthProvidersModule } from './oauth-providers.module.js';
export { ProviderRegistry, type Provider, type ProviderStatus } from './provider-registry.js';
export type {
  BeginRequest,
  Begun,
  Completed,
  ConnectorStatus,
  ExternalIdentity,
  UpstreamConnector,
  UpstreamTokens,
  UpstreamTransaction,
} from './upstream-connector.js';
export { OidcConnector } from './oidc-connector.js';
export { authenticateClient } from './client-authentication.js';
export { authorizationParameters } from './authorization-parameters.js';
export { readAuthorizationCode } from './authorization-response.js';
export { checkResponseIssuer } from './response-issuer.js';
export { quoteUpstream, UpstreamError, type UpstreamErrorCode } from './upstream-error.js';
export { statusFault, toUpstreamError } from './upstream-fault.js';
