import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { needsOf, type MasterKeyNeed, type SealedRow, type SealedTable } from '@app/keys';

/** The additional data that binds a sealed private half to its row. */
export function samlKeyPlace(id: string): string {
  return `saml_keys.sealed_private_key:${id}`;
}

/** The private halves in `saml_keys`. */
@Injectable()
export class SealedSamlKeys implements SealedTable {
  readonly name = 'saml_keys';

  constructor(private readonly database: Database) {}

  async needs(): Promise<ReadonlyMap<string, number>> {
    return needsOf(
      await this.database.query<MasterKeyNeed>(
        `SELECT split_part(sealed_private_key, '.', 2) AS master_key_id, count(*)::int AS rows
         FROM saml_keys GROUP BY 1`,
      ),
    );
  }

  async notUnder(masterKeyId: string, after: string | undefined, limit: number): Promise<SealedRow[]> {
    const rows = await this.database.query<{ id: string; sealed_private_key: string }>(
      `SELECT id, sealed_private_key FROM saml_keys
       WHERE split_part(sealed_private_key, '.', 2) <> $1 AND id > $2 ORDER BY id LIMIT $3`,
      [masterKeyId, after ?? '', limit],
    );
    return rows.map(({ id, sealed_private_key: sealed }) => ({ id, sealed, place: samlKeyPlace(id) }));
  }

  async replace({ id, sealed: before }: SealedRow, sealed: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE saml_keys SET sealed_private_key = $3 WHERE id = $1 AND sealed_private_key = $2 RETURNING id`,
      [id, before, sealed],
    );
    return rows.length > 0;
  }
}
