import { Inject, Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database } from '@app/database';
import { WebhookOutbox } from '@app/webhooks';
import { VAULT_SETTINGS, type VaultSettings } from './vault-settings.js';

const HOUR = 3_600_000;
const BATCH = 1_000;
/** How long a deleted connection's row stays for its journal. */
const DELETED_DAYS = 30;

interface ExpiringRow {
  readonly id: string;
  readonly organization_id: string;
  readonly provider_id: string;
  readonly refresh_expires_at: Date;
  readonly days: number;
}

/** Marks first and tells in the same statement's transaction: one warning for each threshold, whoever comes first. */
const EXPIRING = `
  UPDATE connections c SET expiry_warned_days = w.days
  FROM (
    SELECT id, CASE WHEN refresh_expires_at <= app_now() + interval '1 day' THEN 1
                    WHEN refresh_expires_at <= app_now() + interval '3 days' THEN 3 ELSE 7 END AS days
    FROM connections
    WHERE refresh_expires_at > app_now() AND refresh_expires_at <= app_now() + interval '7 days'
      AND deleted_at IS NULL AND status IN ('active', 'backing_off')
      AND coalesce(expiry_warned_days, 99) > CASE
        WHEN refresh_expires_at <= app_now() + interval '1 day' THEN 1
        WHEN refresh_expires_at <= app_now() + interval '3 days' THEN 3 ELSE 7 END
    ORDER BY refresh_expires_at LIMIT ${BATCH} FOR NO KEY UPDATE SKIP LOCKED
  ) AS w
  WHERE c.id = w.id
  RETURNING c.id, c.organization_id, c.provider_id, c.refresh_expires_at, w.days`;

/** Warnings before refresh tokens end, and the removal of what is past its keeping. Any number of instances may do it. */
@Injectable()
export class VaultHousekeeping {
  private readonly logger = new Logger(VaultHousekeeping.name);

  constructor(
    private readonly database: Database,
    private readonly outbox: WebhookOutbox,
    @Inject(VAULT_SETTINGS) private readonly settings: VaultSettings,
  ) {}

  @Interval('vault-housekeeping', HOUR)
  async tick(): Promise<void> {
    if (!this.settings.schedule) return;
    try {
      await this.warnOfExpiry();
      await this.removeOld();
    } catch (error) {
      this.logger.error(`Housekeeping failed: ${error instanceof Error ? error.message : 'unknown fault'}`);
    }
  }

  /** Tells of refresh tokens with 7, 3 and 1 days left that nothing has renewed. Answers how many. */
  async warnOfExpiry(): Promise<number> {
    let told = 0;
    for (let found = BATCH; found === BATCH; told += found) {
      found = await this.database.transaction(async (manager) => {
        const [rows]: [ExpiringRow[], number] = await manager.query(EXPIRING);
        const events = rows.flatMap((row) =>
          this.outbox.rowsFor({
            kind: 'connection.expiring',
            connectionId: row.id,
            organizationId: row.organization_id,
            providerId: row.provider_id,
            data: { days: row.days, refresh_expires_at: row.refresh_expires_at.toISOString() },
          }),
        );
        await this.outbox.record(manager, events);
        return rows.length;
      });
    }
    return told;
  }

  /** Journal and deleted connections beyond their time, in small steps. */
  async removeOld(): Promise<void> {
    const journal = `DELETE FROM refresh_attempts WHERE id IN (
      SELECT id FROM (SELECT id, finished_at FROM refresh_attempts ORDER BY id LIMIT ${BATCH}) AS oldest
      WHERE finished_at < app_now() - $1 * interval '1 day') RETURNING id`;
    const deleted = `DELETE FROM connections WHERE id IN (
      SELECT id FROM connections WHERE deleted_at < app_now() - $1 * interval '1 day' LIMIT ${BATCH}) RETURNING id`;
    for (const [sql, days] of [
      [journal, this.settings.attemptRetentionDays],
      [deleted, DELETED_DAYS],
    ] as const) {
      while ((await this.database.query(sql, [days])).length === BATCH);
    }
  }
}
