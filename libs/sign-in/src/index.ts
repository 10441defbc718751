/**
 * sign-in: a login in flight, from the authorization request to its outcome.
 *
 * Owns: checking authorization requests, the stored transaction and its binding to one browser, the one function that
 * turns a proven identity into a session, delivering code, fragment or JSON.
 * Does not own: speaking to a provider (oauth-providers), who is who (directory), what a token says (tokens).
 * URL map: GET, POST /oauth2/authorize → provider → GET /oauth2/callback[/{idp}] → the client.
 * Also GET /oauth2/providers.
 */
export { SignInModule } from './sign-in.module.js';
export { SignIn, type ProvenIdentity } from './sign-in.js';
