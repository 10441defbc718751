/**
 * upstream-tokens: how to speak to a provider about tokens that it issued to us and that we keep.
 *
 * Owns: connecting an account and the token request in the dialects of providers, reading their answers, telling their
 * failures apart, revocation and introspection upstream.
 * Does not own: what each provider does differently (data, in config's provider-presets), whose tokens they are, where
 * they are kept, when they are refreshed. No users, no database.
 * Routes: none.
 */
export type { RefreshTokenReuse, UpstreamTokenSet } from './token-set.js';
export type { RefreshAnswer } from './refresh-answer.js';
export { UpstreamTokensModule } from './upstream-tokens.module.js';
export { UpstreamTokenEndpoints, type UpstreamTokenTraits } from './upstream-token-endpoints.js';
export type { RefreshOptions } from './token-refresh.js';
export type { ConnectedTokens, ConnectRequest, ConnectStart } from './connection-grant.js';
export type { Revocation } from './neighbour-endpoints.js';
export type { ExpiryStrategy } from '@app/config';
