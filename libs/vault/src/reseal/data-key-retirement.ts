import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { DataKeys } from '../data-keys.js';

/**
 * A retired key stays at least this long, in hours. A running process seals with a key for two hours at the most after
 * another has replaced it (see DataKeys), so none can still do when it goes.
 */
const KEPT_HOURS = 24;
const BATCH = 200;

/** Those that seal now and were made before the time. */
const OUTDATED = `
  SELECT id, organization_id FROM data_keys
  WHERE retired_at IS NULL AND created_at < $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT ${BATCH}`;

/** The foreign key of `connections` is asked once more by the deletion itself: a row that appears meanwhile stops it. */
const REMOVE = `
  DELETE FROM data_keys k
  WHERE k.retired_at < app_now() - interval '${KEPT_HOURS} hours'
    AND NOT EXISTS (
      SELECT FROM connections c WHERE c.organization_id = k.organization_id AND c.data_key_id = k.id)
  RETURNING k.id`;

/** How organizations' keys are replaced, and when those that were may go. */
@Injectable()
export class DataKeyRetirement {
  constructor(
    private readonly database: Database,
    private readonly keys: DataKeys,
  ) {}

  /** The moment, by the database's clock (D59), that lies so many hours back. */
  async hoursAgo(hours: number): Promise<Date> {
    const [row] = await this.database.query<{ at: Date }>(`SELECT app_now() - $1 * interval '1 hour' AS at`, [hours]);
    if (row === undefined) throw new Error('the database told no time');
    return row.at;
  }

  /** How many organizations' keys were made before this. */
  async countMadeBefore(time: Date): Promise<number> {
    const [row] = await this.database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM data_keys WHERE retired_at IS NULL AND created_at < $1`,
      [time],
    );
    return row?.count ?? 0;
  }

  /**
   * Gives every organization whose key was made before this another one. What another process replaced meanwhile is left
   * to it. Answers how many were replaced here.
   */
  async replaceMadeBefore(time: Date, progress: (replaced: number) => void): Promise<number> {
    let replaced = 0;
    let after: string | null = null;
    for (;;) {
      const rows: { id: string; organization_id: string }[] = await this.database.query(OUTDATED, [time, after]);
      for (const { id, organization_id: organizationId } of rows) {
        if ((await this.keys.replace(organizationId, id)) !== undefined) replaced += 1;
      }
      if (rows.length > 0) progress(replaced);
      if (rows.length < BATCH) return replaced;
      after = rows.at(-1)?.id ?? null;
    }
  }

  /** Whether any key is retired and still there. */
  async anyRetired(): Promise<boolean> {
    const rows = await this.database.query(`SELECT FROM data_keys WHERE retired_at IS NOT NULL LIMIT 1`);
    return rows.length > 0;
  }

  /** Removes the keys that were retired a day ago or longer and that no connection needs. Answers how many. */
  async removeUnneeded(): Promise<number> {
    try {
      return (await this.database.query(REMOVE)).length;
    } catch (error) {
      // Somebody wrote a row under one of them in this very moment: it is needed, and the next look finds it so.
      if ((error as { code?: unknown }).code === '23503') return 0;
      throw error;
    }
  }
}
