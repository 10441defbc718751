import { randomUUID } from 'node:crypto';
import { SecretBox, SealedSigningKeys } from '@app/keys';
import { SealedSamlKeys } from '@app/saml';
import type { VaultInstance } from '../vault.spec-support.js';
import { DataKeyRetirement } from './data-key-retirement.js';
import { ResealCommand } from './reseal-command.js';
import { SealedDataKeys } from './sealed-data-keys.js';
import { TokenReseal } from './token-reseal.js';

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64url');

/** Entries of GATEHOUSE_MASTER_KEYS; `k1` is the one that every world begins with. */
export const K1 = `k1:${key(7)}`;
export const K2 = `k2:${key(8)}`;

/** The command as `gatehouse vault:reseal` runs it, over what an instance has. */
export function commandOf({ module, database }: VaultInstance): ResealCommand {
  const tables = [new SealedSigningKeys(database), new SealedSamlKeys(database), new SealedDataKeys(database)];
  return new ResealCommand(
    module.get(SecretBox, { strict: false }),
    tables,
    module.get(DataKeyRetirement, { strict: false }),
    module.get(TokenReseal, { strict: false }),
  );
}

/** Runs it; answers every line that it said, the last words included. */
export async function reseal(instance: VaultInstance, ...args: string[]): Promise<string> {
  const said: string[] = [];
  said.push(await commandOf(instance).run(args, (line) => said.push(line)));
  return said.join('\n');
}

/** Organizations beside the default one. */
export async function makeOrganizations({ database }: VaultInstance, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await database.query(`INSERT INTO organizations (id, name) SELECT id, 'o-' || id FROM unnest($1::uuid[]) AS id`, [
    ids,
  ]);
  return ids;
}

/** Makes every data key look as if it had been made, and retired if it is, so many hours earlier. */
export async function age({ database }: VaultInstance, hours: number): Promise<void> {
  await database.query(
    `UPDATE data_keys SET created_at = created_at - $1 * interval '1 hour',
                          retired_at = retired_at - $1 * interval '1 hour'`,
    [hours],
  );
}

/** Each data key with how many connections name it. */
export async function dataKeys({ database }: VaultInstance) {
  return database.query<{ id: string; organization_id: string; master: string; retired: boolean; used: number }>(
    `SELECT k.id, k.organization_id, k.master_key_id AS master, k.retired_at IS NOT NULL AS retired,
            (SELECT count(*)::int FROM connections c WHERE c.data_key_id = k.id) AS used
     FROM data_keys k ORDER BY k.created_at, k.id`,
  );
}
