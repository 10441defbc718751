import type { SealedTable } from './sealed-table.js';
import type { SecretBox } from './secret-box.js';

/** Something stored was sealed with a master key that is not configured. The message says which, and what to do. */
export class MissingMasterKeys extends Error {
  override readonly name = 'MissingMasterKeys';

  constructor(readonly missing: ReadonlyMap<string, readonly string[]>) {
    const each = [...missing].map(([id, needed]) => `"${id}" (needed by ${needed.join(', ')})`);
    const [subject, pronoun] = each.length === 1 ? ['Master key', 'it'] : ['Master keys', 'them'];
    super(
      `${subject} not configured: ${each.join('; ')}. Put ${pronoun} back into GATEHOUSE_MASTER_KEYS, after the newest; ` +
        'a master key may go only when `gatehouse vault:reseal` says so (docs/operations.md, "Replacing a master key").',
    );
  }
}

/** @throws MissingMasterKeys naming every master key that a row needs and the box does not know, and whose rows */
export async function requireMasterKeys(box: SecretBox, tables: readonly SealedTable[]): Promise<void> {
  const missing = new Map<string, string[]>();
  const needs = await Promise.all(tables.map(async (table) => ({ table, needs: await table.needs() })));
  for (const { table, needs: needed } of needs) {
    for (const [id, rows] of needed) {
      if (box.knows(id)) continue;
      missing.set(id, [...(missing.get(id) ?? []), `${rows} of ${table.name}`]);
    }
  }
  if (missing.size > 0) throw new MissingMasterKeys(missing);
}
