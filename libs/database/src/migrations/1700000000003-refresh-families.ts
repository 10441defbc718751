import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A refresh family becomes one row (docs/decisions/0010). Tokens of before have no handle to find it by: who holds one
 * signs in again.
 */
export class RefreshFamilies1700000000003 implements MigrationInterface {
  name = 'RefreshFamilies1700000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE refresh_tokens`);
    await runner.query(`DELETE FROM refresh_families`);
    // Rotation changes none of the indexed columns, and leaves room on the page for its new version.
    await runner.query(`
      ALTER TABLE refresh_families
        ADD COLUMN handle_hash bytea NOT NULL UNIQUE,
        ADD COLUMN current_hash bytea NOT NULL,
        ADD COLUMN predecessor_hash bytea,
        ADD COLUMN successor_sealed bytea,
        ADD COLUMN rotated_at timestamptz,
        ADD COLUMN issued_at timestamptz NOT NULL DEFAULT now(),
        ADD COLUMN expires_at timestamptz NOT NULL`);
    await runner.query(`ALTER TABLE refresh_families SET (fillfactor = 60)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM refresh_families`);
    await runner.query(`
      ALTER TABLE refresh_families
        DROP COLUMN handle_hash, DROP COLUMN current_hash, DROP COLUMN predecessor_hash,
        DROP COLUMN successor_sealed, DROP COLUMN rotated_at, DROP COLUMN issued_at, DROP COLUMN expires_at`);
    await runner.query(`
      CREATE TABLE refresh_tokens (
        hash bytea PRIMARY KEY,
        family_id uuid NOT NULL REFERENCES refresh_families (id) ON DELETE CASCADE,
        predecessor_hash bytea,
        issued_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        rotated_at timestamptz,
        successor_hash bytea,
        successor_sealed bytea
      )`);
  }
}
