import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { needsOf, type MasterKeyNeed, type SealedRow, type SealedTable } from './sealed-table.js';
import { signingKeyPlace } from './signing-key.js';

/** The private halves in `signing_keys`. */
@Injectable()
export class SealedSigningKeys implements SealedTable {
  readonly name = 'signing_keys';

  constructor(private readonly database: Database) {}

  async needs(): Promise<ReadonlyMap<string, number>> {
    return needsOf(
      await this.database.query<MasterKeyNeed>(
        `SELECT split_part(sealed_private_key, '.', 2) AS master_key_id, count(*)::int AS rows
         FROM signing_keys GROUP BY 1`,
      ),
    );
  }

  async notUnder(masterKeyId: string, after: string | undefined, limit: number): Promise<SealedRow[]> {
    const rows = await this.database.query<{ kid: string; sealed_private_key: string }>(
      `SELECT kid, sealed_private_key FROM signing_keys
       WHERE split_part(sealed_private_key, '.', 2) <> $1 AND kid > $2 ORDER BY kid LIMIT $3`,
      [masterKeyId, after ?? '', limit],
    );
    return rows.map(({ kid, sealed_private_key: sealed }) => ({ id: kid, sealed, place: signingKeyPlace(kid) }));
  }

  async replace({ id, sealed: before }: SealedRow, sealed: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE signing_keys SET sealed_private_key = $3 WHERE kid = $1 AND sealed_private_key = $2 RETURNING kid`,
      [id, before, sealed],
    );
    return rows.length > 0;
  }
}
