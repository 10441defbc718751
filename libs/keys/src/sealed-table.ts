import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { requireMasterKeys } from './missing-master-keys.js';
import { SecretBox } from './secret-box.js';

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

/**
 * Provides SEALED_TABLES, and by that refuses to start an application that could not open what they hold: after the
 * migrations, before any room looks at its keys, and long before anything is served.
 */
@Module({})
export class SealedTablesModule {
  static over(tables: readonly Type<SealedTable>[]): DynamicModule {
    return {
      module: SealedTablesModule,
      providers: [
        ...tables,
        {
          provide: SEALED_TABLES,
          inject: [SecretBox, ...tables],
          useFactory: async (box: SecretBox, ...made: SealedTable[]) => {
            await requireMasterKeys(box, made);
            return made;
          },
        },
      ],
      exports: [SEALED_TABLES],
    };
  }
}
