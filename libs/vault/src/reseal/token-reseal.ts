import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database, isDatabaseUnavailable } from '@app/database';
import { DataKeys } from '../data-keys.js';
import { TokenSeal } from '../token-seal.js';

/** What became of the connections whose tokens a retired key had sealed. */
export interface TokensReseal {
  readonly resealed: number;
  /** Ids of those whose tokens do not open; nothing of them was touched. */
  readonly broken: readonly string[];
  /** Somebody held them all the time: another run finds them. */
  readonly busy: number;
}

interface Row {
  readonly id: string;
  readonly organization_id: string;
  readonly generation: string;
  readonly data_key_id: string;
  readonly access_token: Buffer;
  readonly refresh_token: Buffer | null;
  readonly deleted: boolean;
}

interface Resealed {
  readonly row: Row;
  readonly dataKeyId: string;
  readonly accessToken: Buffer;
  readonly refreshToken: Buffer | null;
}

const BATCH = 200;
/** Rounds over what others held or changed. Where they change on, the next run, or the schedule's, finds the rest. */
const MOST_ROUNDS = 5;
const PAUSE_MS = 100;

const UNDER_RETIRED = `
  SELECT c.id, c.organization_id, c.generation, c.data_key_id, c.access_token, c.refresh_token,
         c.deleted_at IS NOT NULL AS deleted
  FROM connections c JOIN data_keys k ON k.id = c.data_key_id
  WHERE k.retired_at IS NOT NULL AND c.id > $1 ORDER BY c.id LIMIT ${BATCH}`;

const COUNT = `
  SELECT count(*)::int AS count FROM connections c JOIN data_keys k ON k.id = c.data_key_id
  WHERE k.retired_at IS NOT NULL`;

/**
 * Compare and set on generation and key, so that a refresh or a new grant meanwhile wins. It never waits for a row while
 * it holds others, so it can be part of no deadlock with the statements of the refresh, which take many rows too.
 */
const REPLACE = `
  UPDATE connections c
  SET data_key_id = n.new_key, access_token = n.access_token, refresh_token = n.refresh_token
  FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bytea[], $6::bytea[])
    AS n (id, generation, old_key, new_key, access_token, refresh_token)
  WHERE c.id = n.id AND c.generation = n.generation AND c.data_key_id = n.old_key
    AND c.id IN (SELECT id FROM connections WHERE id = ANY($1) FOR NO KEY UPDATE SKIP LOCKED)
  RETURNING c.id`;

/**
 * Seals tokens of retired keys with their organization's present one, beside running traffic. The generation stays: it
 * is the same token set. Any number of processes may do this at once; what is done is told by the rows.
 */
@Injectable()
export class TokenReseal {
  constructor(
    private readonly database: Database,
    private readonly keys: DataKeys,
    private readonly seal: TokenSeal,
  ) {}

  /** How many connections a retired key has sealed. */
  async count(): Promise<number> {
    const [row] = await this.database.query<{ count: number }>(COUNT);
    return row?.count ?? 0;
  }

  /** @param progress told after each batch how many were sealed so far */
  async run(progress: (resealed: number) => void): Promise<TokensReseal> {
    const broken = new Set<string>();
    let resealed = 0;
    // Ids are random: from a place of its own each process meets the others' rows when those are done.
    let from = `conn_${randomBytes(16).toString('hex')}`;
    for (let round = 0; ; round += 1) {
      const found = await this.round(from, broken, (count) => progress((resealed += count)));
      const wholly = from === '';
      from = '';
      if (wholly && found === 0) return { resealed, broken: [...broken], busy: 0 };
      if (round >= MOST_ROUNDS) return { resealed, broken: [...broken], busy: found };
      if (wholly) await pause(PAUSE_MS);
    }
  }

  /** Answers how many rows were found that it could not replace although their tokens open. */
  private async round(from: string, broken: Set<string>, progress: (resealed: number) => void): Promise<number> {
    let left = 0;
    let after = from;
    // What is remembered as the key in use may be the retired one itself.
    this.keys.forgetCurrent();
    for (;;) {
      const rows = await this.database.queryNamed<Row>('vault-reseal-read', UNDER_RETIRED, [after]);
      const opened = await this.resealAll(rows, broken);
      const replaced = opened.length === 0 ? 0 : await this.replace(opened);
      left += opened.length - replaced;
      if (opened.length > 0) progress(replaced);
      if (rows.length < BATCH) return left;
      after = rows.at(-1)?.id ?? after;
    }
  }

  private async resealAll(rows: readonly Row[], broken: Set<string>): Promise<Resealed[]> {
    const done: Resealed[] = [];
    for (const row of rows) {
      try {
        done.push(await this.resealOne(row));
      } catch (error) {
        if (isDatabaseUnavailable(error)) throw error;
        // One row that does not open must not keep the others from it.
        broken.add(row.id);
      }
    }
    return done;
  }

  private async resealOne(row: Row): Promise<Resealed> {
    const { id, organization_id: organizationId, access_token: accessToken, refresh_token: refreshToken } = row;
    // A deleted connection has no tokens any more; its row only has to let go of the key.
    if (row.deleted)
      return { row, dataKeyId: (await this.keys.current(organizationId)).id, accessToken, refreshToken: null };
    const place = { organizationId, connectionId: id, generation: BigInt(row.generation) };
    const sealed = await this.seal.sealAnew(place, row.data_key_id, { accessToken, refreshToken });
    return { row, ...sealed, refreshToken: sealed.refreshToken ?? null };
  }

  private async replace(resealed: readonly Resealed[]): Promise<number> {
    const rows = await this.database.queryNamed<{ id: string }>('vault-reseal-replace', REPLACE, [
      resealed.map(({ row }) => row.id),
      resealed.map(({ row }) => row.generation),
      resealed.map(({ row }) => row.data_key_id),
      resealed.map(({ dataKeyId }) => dataKeyId),
      resealed.map(({ accessToken }) => accessToken),
      resealed.map(({ refreshToken }) => refreshToken),
    ]);
    return rows.length;
  }
}
