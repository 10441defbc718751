import { CannotOpen, type SecretBox } from './secret-box.js';
import type { SealedTable } from './sealed-table.js';

/** What became of the rows that were not under the newest master key. */
export interface TableReseal {
  readonly resealed: number;
  /** Changed meanwhile: by another process that does the same, or removed. */
  readonly passed: number;
  /** What did not open, row by row; nothing of it was touched. */
  readonly broken: readonly string[];
}

const BATCH = 200;

/**
 * Seals with the newest master key whatever of the table another one sealed, row by row and compare and set, so that any
 * number of processes may do it at once, stop anywhere, and begin again: the rows say what is left.
 *
 * @param progress told after each batch how many were sealed so far.
 */
export async function resealTable(
  box: SecretBox,
  table: SealedTable,
  progress: (resealed: number) => void,
): Promise<TableReseal> {
  const broken: string[] = [];
  let resealed = 0;
  let passed = 0;
  let after: string | undefined;
  for (;;) {
    const rows = await table.notUnder(box.newestKeyId, after, BATCH);
    for (const row of rows) {
      let sealed: string;
      try {
        sealed = box.seal(box.open(row.sealed, row.place), row.place);
      } catch (error) {
        if (!(error instanceof CannotOpen)) throw error;
        broken.push(`${table.name} ${row.id}: ${error.message}`);
        continue;
      }
      if (await table.replace(row, sealed)) resealed += 1;
      else passed += 1;
    }
    if (rows.length > 0) progress(resealed);
    if (rows.length < BATCH) return { resealed, passed, broken };
    after = rows.at(-1)?.id;
  }
}
