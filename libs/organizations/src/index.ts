/**
 * organizations: the tenants (a mielto workspace is the same thing), who belongs to them, and what else may act for them.
 *
 * Owns: organizations, members and roles, API keys, service tokens, and the guard that turns any of these credentials
 * into a caller of one organization (R27, D28, D30).
 * Does not own: users and how they sign in, what the tenant keeps here (connections, applications).
 * Routes: /api/v1/organizations/…, /api/v1/api-keys.
 */
export type { TenantAccess, TenantCaller } from './tenant-caller.js';
