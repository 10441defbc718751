import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { needsOf, type MasterKeyNeed, type SealedRow, type SealedTable } from '@app/keys';
import { dataKeyPlace } from '../data-keys.js';

/** The organizations' keys in `data_keys`; what they seal themselves is not touched by a change of master key. */
@Injectable()
export class SealedDataKeys implements SealedTable {
  readonly name = 'data_keys';

  constructor(private readonly database: Database) {}

  async needs(): Promise<ReadonlyMap<string, number>> {
    return needsOf(
      await this.database.query<MasterKeyNeed>(
        `SELECT master_key_id, count(*)::int AS rows FROM data_keys GROUP BY master_key_id`,
      ),
    );
  }

  async notUnder(masterKeyId: string, after: string | undefined, limit: number): Promise<SealedRow[]> {
    const rows = await this.database.query<{ id: string; organization_id: string; sealed_key: string }>(
      `SELECT id, organization_id, sealed_key FROM data_keys
       WHERE master_key_id <> $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`,
      [masterKeyId, after ?? null, limit],
    );
    return rows.map((row) => ({
      id: row.id,
      sealed: row.sealed_key,
      place: dataKeyPlace(row.id, row.organization_id),
    }));
  }

  async replace({ id, sealed: before }: SealedRow, sealed: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE data_keys SET sealed_key = $3, master_key_id = split_part($3, '.', 2)
       WHERE id = $1 AND sealed_key = $2 RETURNING id`,
      [id, before, sealed],
    );
    return rows.length > 0;
  }
}
