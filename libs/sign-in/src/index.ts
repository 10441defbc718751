/**
 * sign-in: a login in flight, from the authorization request to its outcome.
 *
 * Owns: checking authorization requests, the stored transaction and its binding to one browser, the one function that
 * turns a proven identity into a session, delivering code, fragment or JSON.
 * Does not own: speaking to a provider (oauth-providers, saml), who is who (directory), what a token says (tokens).
 * URL map: GET, POST /oauth2/authorize → provider → GET /oauth2/callback[/{idp}] → the client.
 * GET /saml/{provider}/login (or authorize) → IdP → POST /saml/acs → GET /saml/complete → the client.
 * An application's request is answered from the person's session here: GET, POST /oauth2/consent on the way, GET, POST
 * /oauth2/logout to end it; POST /oauth2/par ahead of it. A device's (RFC 8628): POST /oauth2/device_authorization, then
 * GET, POST /device and GET /device/sign-in in a browser elsewhere. Also GET /oauth2/providers.
 */
export { SignInModule } from './sign-in.module.js';
export type { ProvenIdentity } from './proven-identity.js';
export { SignIn } from './sign-in.js';
export { BrowserBinding } from './browser-binding.js';
export { escapeHtml, sendPage, wantsHtml } from './page.js';
export { sendAutoPost, type AutoPost } from './auto-post.js';
export { CallbackHandlers, type CallbackHandler } from './callback-handlers.js';
export { assertReturned, callbackUrl, queryOf, unknownErrand } from './upstream-return.js';
export { loginRefusal, refuseHere } from './login-errors.js';
export { SignInTokenKeeper, type KeepSignInTokens, type SignInTokens } from './sign-in-tokens.js';
export { SAML_TICKET_LIFETIME_MS } from './ticket-lifetime.js';
