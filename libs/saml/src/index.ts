/**
 * saml: how to speak to one SAML 2.0 identity provider.
 *
 * Owns: identity providers' metadata and its refresh, our own SAML keys and metadata, AuthnRequests, verifying what comes
 * back, logout messages of both bindings, what of an assertion becomes an identity. Alone speaks XML.
 * Does not own: users, sessions, the login in flight (sign-in), what a logout ends (single-logout).
 * Routes: GET /saml/providers · GET /saml/{provider}/metadata.
 */
export { failed, firstFailure, passed, quoteFound, type CheckName, type Verdict } from './verdict.js';
export type {
  AssertionFacts,
  Attribute,
  AuthnStatement,
  Conditions,
  LogoutFacts,
  LogoutRequestFacts,
  LogoutResponseFacts,
  NameId,
  ResponseFacts,
  SubjectConfirmation,
} from './message-facts.js';
export {
  SAML_VERIFIER,
  VerifierBusy,
  type LogoutJob,
  type MessageHint,
  type ResponseJob,
  type SamlVerifier,
  type Verified,
} from './saml-verifier.js';
export type { IdpDescription, SamlBinding, SamlEndpoint } from './metadata/idp-description.js';
