import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Database } from '@app/database';
import type { RevocationEntry } from '@app/transient-store';
import type { EntityManager } from 'typeorm';

/** "Tokens of `subject` below `generation` are dead." */
export interface Revocation {
  readonly subject: string;
  readonly generation: number;
}

/** A page of the log: what was seen, and the cursor that the next read starts from. */
export interface LogPage {
  readonly entries: readonly RevocationEntry[];
  readonly cursor: string;
}

interface LogRow {
  readonly cursor: string;
  readonly subject: string | null;
  readonly generation: number;
  readonly expires_at_ms: string;
}

/**
 * Time added to the longest life of a token before an entry may go: our clock tolerance, and transactions that were
 * open while a token was signed.
 */
const MARGIN_SECONDS = 300;

/** The durable half of D20: the table `revocations`. */
@Injectable()
export class RevocationLog {
  private readonly lifetimeSeconds: number;

  constructor(
    private readonly database: Database,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.lifetimeSeconds = config.lifetimes.accessTokenSeconds + config.lifetimes.clockSkewSeconds + MARGIN_SECONDS;
  }

  /** Appends inside the caller's transaction and answers the entries with their expiry by the database's clock. */
  async append(manager: EntityManager, revocations: readonly Revocation[]): Promise<RevocationEntry[]> {
    const rows: { subject: string; generation: number; expires_at_ms: string }[] = await manager.query(
      `INSERT INTO revocations (subject, generation, expires_at)
       SELECT subject, generation, clock_timestamp() + make_interval(secs => $3)
       FROM unnest($1::text[], $2::int[]) AS r (subject, generation)
       RETURNING subject, generation, (extract(epoch FROM expires_at) * 1000)::bigint AS expires_at_ms`,
      [revocations.map((r) => r.subject), revocations.map((r) => r.generation), this.lifetimeSeconds],
    );
    return rows.map((row) => ({
      subject: row.subject,
      generation: row.generation,
      expiresAtMs: Number(row.expires_at_ms),
    }));
  }

  /**
   * Everything unexpired that may have become visible since `cursor` (undefined: everything unexpired). Rows may come
   * again; none is left out: the cursor is the xmin of the reading snapshot, below which every transaction has ended.
   */
  async since(cursor: string | undefined): Promise<LogPage> {
    const rows = await this.database.query<LogRow>(
      `SELECT s.cursor::text AS cursor, r.subject, r.generation,
              (extract(epoch FROM r.expires_at) * 1000)::bigint AS expires_at_ms
       FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS cursor) s
       LEFT JOIN revocations r ON r.expires_at > now() ${cursor === undefined ? '' : 'AND r.xact >= $1::xid8'}`,
      cursor === undefined ? [] : [cursor],
    );
    const entries: RevocationEntry[] = [];
    for (const row of rows) {
      if (row.subject === null) continue;
      entries.push({ subject: row.subject, generation: row.generation, expiresAtMs: Number(row.expires_at_ms) });
    }
    const [first] = rows;
    if (first === undefined) throw new Error('the snapshot row is missing from the revocation log query');
    return { entries, cursor: first.cursor };
  }

  /** The highest recorded generation of each of these subjects, in their order. */
  async generationsOf(subjects: readonly string[]): Promise<(number | undefined)[]> {
    const rows = await this.database.queryNamed<{ subject: string; generation: number }>(
      'revocations-of',
      `SELECT subject, max(generation) AS generation FROM revocations
       WHERE subject = ANY($1) AND expires_at > now() GROUP BY subject`,
      [subjects],
    );
    const found = new Map(rows.map((row) => [row.subject, row.generation]));
    return subjects.map((subject) => found.get(subject));
  }

  /** Deletes what no living token can be concerned by. */
  async purge(): Promise<void> {
    await this.database.query(`DELETE FROM revocations WHERE expires_at < now()`, []);
  }
}
