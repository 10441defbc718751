import type { DeadReason } from './failure-policy.js';

export type ConnectionOrigin = 'consent' | 'import' | 'sign_in';

/**
 * `active`: fresh, and kept so. `backing_off`: the last refresh failed and is tried again. `needs_reauth`: over; only its
 * person can bring it back. `revoked`: given back. `disabled`: rests by order.
 */
export type ConnectionStatus = 'active' | 'backing_off' | 'needs_reauth' | 'revoked' | 'disabled';

/** What may be shown of a connection; nothing of its tokens but their times. */
export interface StoredConnection {
  readonly id: string;
  readonly organizationId: string;
  readonly providerId: string;
  readonly userId: string | undefined;
  readonly origin: ConnectionOrigin;
  readonly label: string | undefined;
  readonly scope: string | undefined;
  readonly tokenType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: ConnectionStatus;
  readonly statusReason: DeadReason | undefined;
  readonly generation: bigint;
  readonly refreshable: boolean;
  readonly issuedAt: Date;
  readonly expiresAt: Date | undefined;
  readonly refreshExpiresAt: Date | undefined;
  readonly nextRefreshAt: Date | undefined;
  readonly lastRefreshedAt: Date | undefined;
  readonly lastErrorCode: string | undefined;
  readonly lastErrorAt: Date | undefined;
  readonly consecutiveFailures: number;
  readonly createdAt: Date;
  /** The database's clock when this was read: what the other times are to be compared with (D59). */
  readonly readAt: Date;
  /** While the provider's queue rests: until when. */
  readonly restsUntil: Date | undefined;
}

/** With its sealed access token, for the vault alone. */
export interface SealedConnection extends StoredConnection {
  readonly dataKeyId: string;
  readonly accessToken: Buffer;
  readonly refreshToken: Buffer | undefined;
  readonly subjectHash: Buffer | undefined;
}

export interface ConnectionRow {
  readonly id: string;
  readonly organization_id: string;
  readonly provider_id: string;
  readonly user_id: string | null;
  readonly origin: ConnectionOrigin;
  readonly label: string | null;
  readonly scope: string | null;
  readonly token_type: string;
  readonly metadata: Record<string, string>;
  readonly status: ConnectionStatus;
  readonly status_reason: DeadReason | null;
  readonly generation: string;
  readonly data_key_id: string;
  readonly access_token: Buffer;
  readonly refresh_token: Buffer | null;
  readonly subject_hash: Buffer | null;
  readonly issued_at: Date;
  readonly expires_at: Date | null;
  readonly refresh_expires_at: Date | null;
  readonly next_refresh_at: Date | null;
  readonly last_refreshed_at: Date | null;
  readonly last_error_code: string | null;
  readonly last_error_at: Date | null;
  readonly consecutive_failures: number;
  readonly created_at: Date;
  readonly read_at: Date;
  readonly rests_until: Date | null;
}

/** Of a connection `c` and, perhaps, the breaker `b` of its provider. */
export const CONNECTION_COLUMNS = `
  c.id, c.organization_id, c.provider_id, c.user_id, c.origin, c.label, c.scope, c.token_type, c.metadata, c.status,
  c.status_reason, c.generation, c.data_key_id, c.access_token, c.refresh_token, c.subject_hash, c.issued_at, c.expires_at,
  c.refresh_expires_at, c.next_refresh_at, c.last_refreshed_at, c.last_error_code, c.last_error_at,
  c.consecutive_failures, c.created_at, app_now() AS read_at`;

export function sealedConnectionOf(row: ConnectionRow): SealedConnection {
  return {
    id: row.id,
    organizationId: row.organization_id,
    providerId: row.provider_id,
    userId: row.user_id ?? undefined,
    origin: row.origin,
    label: row.label ?? undefined,
    scope: row.scope ?? undefined,
    tokenType: row.token_type,
    metadata: row.metadata,
    status: row.status,
    statusReason: row.status_reason ?? undefined,
    generation: BigInt(row.generation),
    refreshable: row.refresh_token !== null,
    dataKeyId: row.data_key_id,
    accessToken: row.access_token,
    refreshToken: row.refresh_token ?? undefined,
    subjectHash: row.subject_hash ?? undefined,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at ?? undefined,
    refreshExpiresAt: row.refresh_expires_at ?? undefined,
    nextRefreshAt: row.next_refresh_at ?? undefined,
    lastRefreshedAt: row.last_refreshed_at ?? undefined,
    lastErrorCode: row.last_error_code ?? undefined,
    lastErrorAt: row.last_error_at ?? undefined,
    consecutiveFailures: row.consecutive_failures,
    createdAt: row.created_at,
    readAt: row.read_at,
    restsUntil: row.rests_until ?? undefined,
  };
}

/** Without what is sealed. */
export function shown(sealed: SealedConnection): StoredConnection {
  const { dataKeyId: _key, accessToken: _access, refreshToken: _refresh, subjectHash: _subject, ...rest } = sealed;
  return rest;
}
