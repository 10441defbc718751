/**
 * saml: how to speak to one SAML 2.0 identity provider.
 *
 * Owns: identity providers' metadata and its refresh, our own SAML keys and metadata, AuthnRequests, verifying what comes
 * back, logout messages of both bindings, what of an assertion becomes an identity. Alone speaks XML.
 * Does not own: users, sessions, the login in flight (sign-in), what a logout ends (single-logout).
 * Routes: GET /saml/providers · GET /saml/{provider}/metadata.
 */
export {
  failed,
  firstFailure,
  passed,
  quoteFound,
  verdictsForRecord,
  type CheckName,
  type RecordedVerdict,
  type Verdict,
} from './verdict.js';
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
export { relayedByQuery } from './verification/redirect-query.js';
export { SAML_WORKER_FILE, SamlWorkers } from './saml-workers.js';
export type { IdpDescription, SamlBinding, SamlEndpoint } from './metadata/idp-description.js';
export { subjectKey } from './identity/subject-key.js';
export {
  samlPrincipalColumns,
  SamlSessions,
  type SamlPrincipal,
  type SamlPrincipalColumns,
  type SamlSession,
} from './sessions/saml-sessions.js';
export {
  NoSingleSignOnEndpoint,
  SamlAuthnRequests,
  type AuthnRequestOrder,
  type BegunAuthnRequest,
} from './requests/authn-requests.js';
export { narrowedClasses } from './requests/context-classes.js';
export { SamlLogoutMessages, type AnsweredLogout, type LogoutPeer } from './requests/saml-logout-messages.js';
export type { OutgoingMessage } from './requests/logout-messages.js';
export { identityOf, type IdentityReading, type SamlIdentity } from './identity/saml-identity.js';
export { checkResponse, type ResponseExpectation } from './validation/response-checks.js';
export {
  checkLogoutRequest,
  checkLogoutResponse,
  logoutOutcome,
  type LogoutExpectation,
} from './validation/logout-checks.js';
export { CertificateWatch, type WatchedCertificate } from './certificate-watch.js';
export { diagnose } from './validation/diagnosis.js';
export { SamlResponses, type AcceptedResponse, type ArrivedResponse } from './saml-responses.js';
export {
  SamlLogouts,
  type AcceptedLogoutRequest,
  type AcceptedLogoutResponse,
  type ArrivedLogout,
  type ReadLogoutRequest,
  type ReadLogoutResponse,
} from './saml-logouts.js';
export { IdentityProviders } from './metadata/identity-providers.js';
export { MetadataCommand } from './metadata/metadata-command.js';
export type { SamlProviderStatus } from './metadata/provider-status.js';
export { SamlKeys, type PublishedCertificate, type SamlSigningKey } from './sp/saml-keys.js';
export { SealedSamlKeys } from './sp/sealed-saml-keys.js';
export { SamlKeyRotation } from './sp/saml-key-rotation.js';
export { rotateSamlKeys } from './sp/saml-rotate.js';
export { fingerprintOf } from './fingerprint.js';
export { SamlCommandModule, SamlModule } from './saml.module.js';
