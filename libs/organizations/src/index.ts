/**
 * organizations: the tenants (a mielto workspace is the same thing), who belongs to them, and what else may act for them.
 *
 * Owns: organizations, members and roles, API keys, service tokens, and the guard that turns any of these credentials
 * into a caller of one organization (R27, D28, D30).
 * Does not own: users and how they sign in, what the tenant keeps here (connections, applications).
 * Routes: /api/v1/organizations/…, /api/v1/api-keys.
 */
export { KeyCommand } from './key-command.js';
export { OrganizationsCommandModule, OrganizationsModule } from './organizations.module.js';
export { Organizations, type Membership, type Organization } from './organizations.js';
export { TenantCallers } from './tenant-callers.js';
export { CurrentTenant, RequireTenant, tenantOf } from './require-tenant.js';
export {
  accessesOfRole,
  TENANT_ACCESSES,
  type OrganizationRole,
  type PastCaller,
  type TenantAccess,
  type TenantCaller,
} from './tenant-caller.js';
