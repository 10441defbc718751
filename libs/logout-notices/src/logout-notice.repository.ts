import { Injectable } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { Database } from '@app/database';
import type { DeliveryOutcome } from '@app/webhooks';
import type { LogoutFacts } from './logout-token.js';

/** A notice that is ours to send until its lease ends, with its application as it is now. */
export interface ClaimedNotice extends LogoutFacts {
  readonly id: string;
  readonly applicationId: string;
  readonly organizationId: string;
  readonly address: string;
  /** This one included; names the lease. */
  readonly attempts: number;
}

/** What waits for all applications together. */
export interface LogoutBacklog {
  readonly pending: number;
  /** 0 where nothing waits. */
  readonly oldestSeconds: number;
}

/** Rows that one statement removes. */
const BATCH = 1000;

const PENDING = 'delivered_at IS NULL AND failed_at IS NULL';

/** $1 and $2: how much is under way already, by application; $3: how much each may have; $4: all; $5: the lease. */
const CLAIM = `
  WITH due AS MATERIALIZED (
    SELECT n.id, a.client_id, a.organization_id, a.backchannel_logout_uri
    FROM applications a
    LEFT JOIN unnest($1::text[], $2::int[]) AS busy (application_id, count) ON busy.application_id = a.id
    CROSS JOIN LATERAL (
      SELECT x.id, x.next_attempt_at FROM logout_notices x
      WHERE x.application_id = a.id AND x.delivered_at IS NULL AND x.failed_at IS NULL
        AND x.next_attempt_at <= app_now() AND (x.leased_until IS NULL OR x.leased_until <= app_now())
      ORDER BY x.next_attempt_at, x.id LIMIT greatest($3 - coalesce(busy.count, 0), 0)
      FOR UPDATE OF x SKIP LOCKED) n
    WHERE a.backchannel_logout_uri IS NOT NULL AND a.disabled_at IS NULL
    ORDER BY n.next_attempt_at, n.id LIMIT $4)
  UPDATE logout_notices n SET leased_until = app_now() + $5 * interval '1 ms', attempts = n.attempts + 1
  FROM due WHERE n.id = due.id
  RETURNING n.id, n.application_id AS "applicationId", due.organization_id AS "organizationId", n.sid,
            n.user_id AS "userId", n.attempts, due.client_id AS "clientId", due.backchannel_logout_uri AS address`;

/** Whoever lost the lease to another instance changes nothing: `attempts` has gone on. */
const SETTLE = `
  UPDATE logout_notices
  SET leased_until = NULL, last_error = $3,
      delivered_at = CASE WHEN $4 = 'delivered' THEN app_now() END,
      failed_at = CASE WHEN $4 = 'refused'
        OR ($4 = 'retry' AND app_now() + $5 * interval '1 ms' > created_at + $6 * interval '1 ms') THEN app_now() END,
      next_attempt_at = CASE WHEN $4 = 'retry' THEN app_now() + $5 * interval '1 ms' ELSE next_attempt_at END
  WHERE id = $1 AND attempts = $2 AND ${PENDING}
  RETURNING failed_at IS NOT NULL AS failed`;

/** The table `logout_notices` as delivery sees it. Each method is short; all time is D59's. */
@Injectable()
export class LogoutNoticeRepository {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Takes due notices, those that wait longest first.
   * @param busy what of each application this process is sending already
   */
  claim(
    busy: ReadonlyMap<string, number>,
    room: { readonly perApplication: number; readonly total: number },
    leaseMs: number,
  ): Promise<ClaimedNotice[]> {
    return this.database.queryNamed<ClaimedNotice>('logout-notices-claim', CLAIM, [
      [...busy.keys()],
      [...busy.values()],
      room.perApplication,
      room.total,
      leaseMs,
    ]);
  }

  /**
   * Keeps what an attempt came to. A notice whose next attempt would come later than `giveUpMs` after the logout is given
   * up, and then the audit says so.
   * @returns what became of the row; `lost`: another instance has it by now.
   */
  settle(
    notice: ClaimedNotice,
    { verdict, error }: DeliveryOutcome,
    delayMs: number,
    giveUpMs: number,
  ): Promise<'delivered' | 'waiting' | 'failed' | 'lost'> {
    return this.database.transaction(async (manager) => {
      const [rows]: [{ failed: boolean }[], number] = await manager.query(SETTLE, [
        notice.id,
        notice.attempts,
        error ?? null,
        verdict,
        delayMs,
        giveUpMs,
      ]);
      const [row] = rows;
      if (row === undefined) return 'lost';
      if (!row.failed) return verdict === 'delivered' ? 'delivered' : 'waiting';
      const { applicationId, organizationId, userId, sid, attempts } = notice;
      const facts = { applicationId, organizationId, userId, sid, attempts, reason: error ?? 'unknown' };
      await this.audit.record(manager, { kind: 'logout_notice.failed', ...facts });
      return 'failed';
    });
  }

  /** Gives a notice back, for another instance to send at once. */
  async release({ id, attempts }: ClaimedNotice): Promise<void> {
    await this.database.query(
      `UPDATE logout_notices SET leased_until = NULL WHERE id = $1 AND attempts = $2 AND ${PENDING}`,
      [id, attempts],
    );
  }

  async backlog(): Promise<LogoutBacklog> {
    const [row] = await this.database.query<LogoutBacklog>(
      `SELECT count(*)::int AS pending,
              coalesce(extract(epoch FROM app_now() - min(created_at)), 0)::float8 AS "oldestSeconds"
       FROM logout_notices WHERE ${PENDING}`,
    );
    return row ?? { pending: 0, oldestSeconds: 0 };
  }

  /** Forgets what waits for applications that are disabled or deleted, or do not want to be told any more. */
  async dropUnwanted(): Promise<void> {
    await this.database.query(
      `DELETE FROM logout_notices n WHERE ${PENDING} AND NOT EXISTS (
         SELECT FROM applications a
         WHERE a.id = n.application_id AND a.backchannel_logout_uri IS NOT NULL AND a.disabled_at IS NULL)`,
    );
  }

  /** Removes a batch of what has been kept long enough. @returns whether there may be more. */
  async removeOld(keepDeliveredMs: number, keepFailedMs: number): Promise<boolean> {
    const delivered = await this.removeOlder('delivered_at', keepDeliveredMs);
    const failed = await this.removeOlder('failed_at', keepFailedMs);
    return Math.max(delivered, failed) === BATCH;
  }

  private async removeOlder(column: 'delivered_at' | 'failed_at', keepMs: number): Promise<number> {
    const rows = await this.database.query<{ id: string }>(
      `DELETE FROM logout_notices WHERE id IN (
         SELECT id FROM logout_notices WHERE ${column} < app_now() - $1 * interval '1 ms'
         LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [keepMs],
    );
    return rows.length;
  }
}
