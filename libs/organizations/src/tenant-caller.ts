/** What a caller may do in one organization. Service tokens and API keys hold some; roles imply some. */
export const TENANT_ACCESSES = [
  'read_connections',
  'write_connections',
  /** The access token of a connection, which acts for its owner at the provider. */
  'read_connection_tokens',
  'read_oauth_applications',
  'write_oauth_applications',
  'read_oauth_tokens',
  'write_oauth_tokens',
  'delete_oauth_tokens',
  'manage_organization',
] as const;

export type TenantAccess = (typeof TENANT_ACCESSES)[number];

/** Who calls, for which organization: what every statement of a tenant's room is bounded by (R27). */
export interface TenantCaller {
  readonly organizationId: string;
  readonly organizationName: string;
  readonly accesses: ReadonlySet<TenantAccess>;
  /** For the audit: `user:{id}`, `client:{client_id}`, `api_key:{id}`, `service_token:{id}`. */
  readonly actor: string;
  /** The person behind the call, where there is one. */
  readonly userId: string | undefined;
  /** The provider that the person's session came from. */
  readonly providerId: string | undefined;
  /** The person's role; an administrator of the installation counts as owner. Undefined for keys and machines. */
  readonly role: OrganizationRole | undefined;
}

/** Who called, as far as it must be kept to ask later whether the caller is still good. No secret, and goes through JSON. */
export type PastCaller = Pick<TenantCaller, 'organizationId' | 'actor' | 'userId' | 'providerId'>;

export const ORGANIZATION_ROLES = ['member', 'admin', 'owner'] as const;

/** In rising order; see {@link accessesOfRole}. */
export type OrganizationRole = (typeof ORGANIZATION_ROLES)[number];

const ALL: ReadonlySet<TenantAccess> = new Set(TENANT_ACCESSES);

/**
 * Everybody who signs in at a provider becomes a member of its organization (D62), so a member may little: connect, and
 * see what is connected. Owners differ from admins in that only they make and unmake owners.
 */
const ACCESSES_OF_ROLE: Readonly<Record<OrganizationRole, ReadonlySet<TenantAccess>>> = {
  member: new Set(['read_connections', 'write_connections']),
  admin: ALL,
  owner: ALL,
};

/** What a role implies. */
export function accessesOfRole(role: OrganizationRole): ReadonlySet<TenantAccess> {
  return ACCESSES_OF_ROLE[role];
}

/** How far up a role stands; a higher number may do to a lower what a lower may not do to it. */
export function rankOf(role: OrganizationRole): number {
  return ORGANIZATION_ROLES.indexOf(role);
}

/** Those of `wanted` that the caller has not, sorted: nobody hands out what he has not (R30). */
export function missingAccesses(
  caller: Pick<TenantCaller, 'accesses'>,
  wanted: Iterable<TenantAccess>,
): readonly TenantAccess[] {
  return [...wanted].filter((access) => !caller.accesses.has(access)).toSorted();
}
