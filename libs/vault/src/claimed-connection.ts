import type { ConnectionPlace } from './connection-place.js';

/** A connection that this process may refresh, as it was when it was claimed. */
export interface ClaimedConnection extends ConnectionPlace {
  readonly providerId: string;
  readonly epoch: bigint;
  readonly dataKeyId: string;
  readonly refreshToken: Buffer;
  readonly scope: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tokenType: string;
  /** Life of the token set in force, milliseconds; undefined: it has no end. */
  readonly lifeMs: number | undefined;
  readonly status: 'active' | 'backing_off';
  readonly failures: number;
  /** Milliseconds since the first failure of this streak. */
  readonly failingForMs: number | undefined;
  /** Milliseconds that the refresh token has left; undefined: it has no known end. */
  readonly refreshLeftMs: number | undefined;
  /** An earlier request may have been sent and its outcome is not known (D60). */
  readonly unresolved: boolean;
  /** Our client got these tokens, or has refreshed them: what is wrong with our client shows in them. */
  readonly proven: boolean;
  /** How often such a request was repeated already. */
  readonly replays: number;
  /** Milliseconds since it fell due; negative where somebody asked before. */
  readonly latenessMs: number | undefined;
}

export interface ClaimRow {
  readonly id: string;
  readonly organization_id: string;
  readonly provider_id: string;
  readonly generation: string;
  readonly lease_epoch: string;
  readonly data_key_id: string;
  readonly refresh_token: Buffer;
  readonly scope: string | null;
  readonly metadata: Record<string, string>;
  readonly token_type: string;
  readonly life_ms: number | null;
  readonly status: 'active' | 'backing_off';
  readonly consecutive_failures: number;
  readonly failing_for_ms: number | null;
  readonly refresh_left_ms: number | null;
  readonly intent_epoch: string | null;
  readonly intent_replays: number;
  readonly proven: boolean;
  readonly lateness_ms: number | null;
}

/** What a claim returns of a connection `c`; read by {@link claimedOf}. */
export const CLAIM_COLUMNS = `
  c.id, c.organization_id, c.provider_id, c.generation, c.lease_epoch, c.data_key_id, c.refresh_token, c.scope,
  c.origin <> 'import' OR c.last_refreshed_at IS NOT NULL AS proven, c.metadata, c.token_type, c.status, c.consecutive_failures, c.intent_epoch, c.intent_replays,
  extract(epoch FROM c.expires_at - c.issued_at)::float8 * 1000 AS life_ms,
  extract(epoch FROM app_now() - c.first_failed_at)::float8 * 1000 AS failing_for_ms,
  extract(epoch FROM c.refresh_expires_at - app_now())::float8 * 1000 AS refresh_left_ms,
  extract(epoch FROM app_now() - c.next_refresh_at)::float8 * 1000 AS lateness_ms`;

export function claimedOf(row: ClaimRow): ClaimedConnection {
  return {
    connectionId: row.id,
    organizationId: row.organization_id,
    providerId: row.provider_id,
    generation: BigInt(row.generation),
    epoch: BigInt(row.lease_epoch),
    dataKeyId: row.data_key_id,
    refreshToken: row.refresh_token,
    scope: row.scope ?? undefined,
    metadata: row.metadata,
    tokenType: row.token_type,
    lifeMs: row.life_ms ?? undefined,
    status: row.status,
    failures: row.consecutive_failures,
    failingForMs: row.failing_for_ms ?? undefined,
    refreshLeftMs: row.refresh_left_ms ?? undefined,
    unresolved: row.intent_epoch !== null,
    proven: row.proven,
    replays: row.intent_replays,
    latenessMs: row.lateness_ms ?? undefined,
  };
}
