/**
 * single-logout: signing a person out here and at the identity provider, whichever of the two he began at.
 *
 * Owns: what a LogoutRequest ends, answering it, our own logout on its way through the browser and back.
 * Does not own: reading or writing SAML messages (saml), what a session takes with it (tokens), POST /oauth2/revoke, where
 * a logout of ours begins (tokens).
 * URL map: IdP → GET, POST /saml/slo → IdP; POST /oauth2/revoke?slo=true → GET /saml/logout → IdP → /saml/slo →
 * /saml/logout → the client.
 */
export { SingleLogoutModule } from './single-logout.module.js';
