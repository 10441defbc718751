/**
 * revocation: what makes a token dead before its time (D20).
 *
 * Owns: the revocation log in Postgres, following it, keeping the mirror in the transient store whole, and the one
 * question "is any of these stale?".
 * Does not own: what a token is, or when one is revoked. No routes.
 */
export { RevocationModule } from './revocation.module.js';
export { revokeEverythingIssued } from './restored.js';
export { Revocations, type Revoke } from './revocations.js';
export type { Revocation } from './revocation-log.js';
