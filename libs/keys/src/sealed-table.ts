/** A secret as its row holds it. */
export interface SealedRow {
  /** Names the row; pages follow its order. */
  readonly id: string;
  readonly sealed: string;
  /** The additional data under which it was sealed. */
  readonly place: string;
}

/**
 * A table that holds secrets sealed with a master key. Each room has one for its own table, because it alone knows the
 * places of its secrets; none of them keeps anything in memory.
 */
export interface SealedTable {
  readonly name: string;
  /** How many rows need which master key. One statement. */
  needs(): Promise<ReadonlyMap<string, number>>;
  /** The next rows by id that another master key than this sealed. */
  notUnder(masterKeyId: string, after: string | undefined, limit: number): Promise<SealedRow[]>;
  /** Compare and set. False: the row changed meanwhile, or is gone. */
  replace(row: SealedRow, sealed: string): Promise<boolean>;
}

/** Injection token of all {@link SealedTable}s of an application. */
export const SEALED_TABLES = Symbol('SealedTables');

/** What the query behind {@link SealedTable.needs} returns. */
export interface MasterKeyNeed {
  readonly master_key_id: string;
  readonly rows: number;
}

export function needsOf(rows: readonly MasterKeyNeed[]): ReadonlyMap<string, number> {
  return new Map(rows.map((row) => [row.master_key_id, row.rows]));
}
