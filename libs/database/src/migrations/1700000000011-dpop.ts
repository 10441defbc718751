import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tokens that are bound to a key of the client (RFC 9449). The entities beside say what each column means. */
export class Dpop1700000000011 implements MigrationInterface {
  name = 'Dpop1700000000011';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE refresh_families ADD COLUMN dpop_jkt text`);
    await runner.query(`ALTER TABLE applications ADD COLUMN dpop_bound_access_tokens boolean NOT NULL DEFAULT false`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE applications DROP COLUMN dpop_bound_access_tokens`);
    await runner.query(`ALTER TABLE refresh_families DROP COLUMN dpop_jkt`);
  }
}
