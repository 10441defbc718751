import { Secret } from '@app/config';
import { MissingMasterKeys, requireMasterKeys } from './missing-master-keys.js';
import { SecretBox } from './secret-box.js';
import type { SealedTable } from './sealed-table.js';

const box = new SecretBox(['new', 'old'].map((id, index) => ({ id, key: new Secret(Buffer.alloc(32, index)) })));

function table(name: string, needs: Readonly<Record<string, number>>): SealedTable {
  return {
    name,
    needs: async () => new Map(Object.entries(needs)),
    notUnder: async () => [],
    replace: async () => false,
  };
}

describe('starting without a master key', () => {
  it('is fine while every row finds its own', async () => {
    await expect(requireMasterKeys(box, [table('a', { new: 1, old: 3 }), table('b', {})])).resolves.toBeUndefined();
  });

  it('names each missing key once, with every table and how many rows, and the fix', async () => {
    const refusal = requireMasterKeys(box, [table('a', { gone: 2, new: 1 }), table('b', { gone: 5, lost: 1 })]);
    await expect(refusal).rejects.toBeInstanceOf(MissingMasterKeys);
    await expect(refusal).rejects.toThrow(
      'Master keys not configured: "gone" (needed by 2 of a, 5 of b); "lost" (needed by 1 of b). ' +
        'Put them back into GATEHOUSE_MASTER_KEYS',
    );
  });
});
