/**
 * directory: users, the upstream identities that are theirs, groups, and which providers still count.
 *
 * Owns: who an identity is (D17), profiles, administrators and their pins, provider records, the end of a user.
 * Does not own: how a provider is spoken to, sessions, tokens, or clients.
 * Routes: GET, DELETE /users/me · GET /oauth2/providers/{idp}/groups · GET /saml/providers/{idp}/users.
 */
export { DirectoryCommandModule, DirectoryModule } from './directory.module.js';
export { Directory, type Actor } from './directory.js';
export type { IdentityClaim } from './identity-claim.js';
export type { SignedInUser } from './account-sign-in.js';
export { SetupLink } from './setup-link.js';
export type { UserProfile } from './user-profile.js';
export { ProviderRecords, type RecordedSettings, type Switcher } from './provider-records.js';
export {
  decideAccount,
  type AccountDecision,
  type AccountFacts,
  type ConflictReason,
  type EmailHolder,
} from './account-decision.js';
export { parseEmailAddress, type EmailAddress } from './email-address.js';
