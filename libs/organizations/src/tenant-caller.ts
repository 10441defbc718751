/** What a caller may do in one organization. Service tokens and API keys hold some; roles imply some. */
export type TenantAccess =
  | 'read_connections'
  | 'write_connections'
  /** The access token of a connection, which acts for its owner at the provider. */
  | 'read_connection_tokens'
  | 'read_oauth_applications'
  | 'write_oauth_applications'
  | 'read_oauth_tokens'
  | 'write_oauth_tokens'
  | 'delete_oauth_tokens'
  | 'manage_organization';

/** Who calls, for which organization: what every statement of a tenant's room is bounded by (R27). */
export interface TenantCaller {
  readonly organizationId: string;
  readonly organizationName: string;
  readonly accesses: ReadonlySet<TenantAccess>;
  /** For the audit: `user:{id}`, `client:{client_id}`, `api_key:{id}`, `service_token:{id}`. */
  readonly actor: string;
  /** The person behind the call, where there is one. */
  readonly userId: string | undefined;
}
