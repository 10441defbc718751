import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { WebhookOutbox } from '@app/webhooks';
import { Gather } from './gather.js';
import type { Committed, SettledRefresh } from './settled-refresh.js';

interface CommitRow {
  readonly id: string;
  readonly generation: string;
  readonly expires_at: Date | null;
  readonly in_time: boolean;
  readonly recovered: boolean;
  readonly lateness_ms: number | null;
}

/**
 * Compare and set on generation and on the epoch of the request that brought the answer. While the row still names that
 * epoch as its open intent, nobody has used the refresh token after us, so the answer is the newest there is, even where
 * our lease has ended meanwhile and the connection was given up for lost. A later epoch's intent overwrites it, and then
 * this writes nothing.
 */
export const COMMIT = `
  WITH answer AS (
    SELECT * FROM unnest(
      $1::text[], $2::bigint[], $3::bigint[], $4::uuid[], $5::bytea[], $6::bytea[], $7::text[], $8::text[], $9::jsonb[],
      $10::float8[], $11::float8[], $12::float8[], $13::float8[], $14::smallint[], $15::bytea[], $16::text[])
      AS a (id, generation, epoch, data_key_id, access_token, refresh_token, token_type, scope, metadata,
            elapsed, access_ms, refresh_ms, next_ms, http_status, fingerprint, owner)
  ), done AS (
    UPDATE connections c
    SET generation = c.generation + 1, data_key_id = a.data_key_id, access_token = a.access_token,
        refresh_token = a.refresh_token, token_type = a.token_type, scope = coalesce(a.scope, c.scope),
        metadata = c.metadata || a.metadata, status = 'active', status_reason = NULL,
        issued_at = app_now() - a.elapsed * interval '1 ms',
        expires_at = app_now() + (a.access_ms - a.elapsed) * interval '1 ms',
        refresh_expires_at = CASE WHEN a.refresh_ms IS NULL THEN c.refresh_expires_at
                                  ELSE app_now() + (a.refresh_ms - a.elapsed) * interval '1 ms' END,
        next_refresh_at = app_now() + (a.next_ms - a.elapsed) * interval '1 ms',
        lease_owner = NULL, lease_until = NULL, intent_epoch = NULL, intent_at = NULL, intent_fingerprint = NULL,
        intent_replays = 0, consecutive_failures = 0, first_failed_at = NULL, last_refreshed_at = app_now(),
        expiry_warned_days = NULL
    FROM answer a JOIN connections o ON o.id = a.id
    WHERE c.id = o.id AND c.generation = a.generation AND c.intent_epoch = a.epoch AND c.deleted_at IS NULL
      AND c.status <> 'disabled'
    RETURNING c.id, c.generation, c.expires_at, o.lease_epoch = a.epoch AS in_time,
      (o.consecutive_failures > 0 OR o.status <> 'active') AS recovered,
      extract(epoch FROM app_now() - o.next_refresh_at)::float8 * 1000 AS lateness_ms,
      a.generation AS replaced, a.epoch, a.owner, a.elapsed, a.http_status, a.fingerprint
  ), kept AS (
    INSERT INTO refresh_attempts
      (connection_id, generation, lease_epoch, owner, started_at, finished_at, outcome, status, token_fingerprint)
    SELECT id, replaced, epoch, owner, app_now() - elapsed * interval '1 ms', app_now(),
           CASE WHEN in_time THEN 'refreshed' ELSE 'refreshed_late' END, http_status, fingerprint
    FROM done
  ), told AS (
    INSERT INTO outbox_events (${WebhookOutbox.columns})
    SELECT ${WebhookOutbox.values('e')}
    FROM jsonb_to_recordset($17::jsonb) AS e (${WebhookOutbox.recordset})
    WHERE e.connection_id IN (SELECT id FROM done WHERE recovered)
  )
  SELECT id, generation, expires_at, in_time, recovered, lateness_ms FROM done`;

/** Writes the answers of upstreams: row, journal and event in one statement, many answers in one commit. */
@Injectable()
export class RefreshCommits {
  private readonly commits = new Gather<SettledRefresh, Committed | undefined>(
    (batch) => this.write(batch),
    2,
    64,
    isDataFault,
  );

  constructor(
    private readonly database: Database,
    private readonly outbox: WebhookOutbox,
  ) {}

  /**
   * Undefined: the connection went on without this answer (deleted, connected anew, or refreshed by a later epoch).
   * @throws DatabaseUnavailable when it may not be written; do it again, that is harmless
   */
  commit(settled: SettledRefresh): Promise<Committed | undefined> {
    return this.commits.submit(settled);
  }

  /** Whether the connection was deleted, so that nobody will use what its last refresh brought. */
  async isDeleted(connectionId: string): Promise<boolean> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM connections WHERE id = $1 AND deleted_at IS NULL`,
      [connectionId],
    );
    return rows.length === 0;
  }

  private async write(batch: readonly SettledRefresh[]): Promise<(Committed | undefined)[]> {
    const now = Date.now();
    const events = batch.flatMap(({ connectionId, organizationId, providerId }) =>
      this.outbox.rowsFor({ kind: 'connection.recovered', connectionId, organizationId, providerId, data: {} }),
    );
    const rows = await this.database.queryNamed<CommitRow>('vault-commit', COMMIT, [
      batch.map((one) => one.connectionId),
      batch.map((one) => one.generation),
      batch.map((one) => one.epoch),
      batch.map((one) => one.dataKeyId),
      batch.map((one) => one.accessToken),
      batch.map((one) => one.refreshToken),
      batch.map((one) => one.tokenType),
      batch.map((one) => one.scope ?? null),
      batch.map((one) => JSON.stringify(one.metadata)),
      batch.map((one) => Math.max(0, now - one.issuedAtHostMs)),
      batch.map((one) => one.accessMs ?? null),
      batch.map((one) => one.refreshMs ?? null),
      batch.map((one) => one.nextMs ?? null),
      batch.map((one) => one.httpStatus),
      batch.map((one) => one.fingerprint),
      batch.map((one) => one.owner),
      JSON.stringify(events),
    ]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return batch.map((one) => committedOf(byId.get(one.connectionId)));
  }
}

/** SQLSTATE classes 22 and 23: a value that Postgres does not take. It must not cost others their tokens. */
function isDataFault(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^2[23]/.test(code);
}

function committedOf(row: CommitRow | undefined): Committed | undefined {
  if (row === undefined) return undefined;
  return {
    generation: BigInt(row.generation),
    expiresAt: row.expires_at ?? undefined,
    inTime: row.in_time,
    recovered: row.recovered,
    latenessMs: row.lateness_ms ?? undefined,
  };
}
