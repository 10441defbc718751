import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A connection's key is one of its own organization's: said by the foreign key itself (R27). It also lets the removal of
 * a key find the rows that would still need it by the organization's index instead of reading every connection.
 */
export class DataKeyOwner1700000000008 implements MigrationInterface {
  name = 'DataKeyOwner1700000000008';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE data_keys ADD CONSTRAINT data_keys_owner UNIQUE (organization_id, id)`);
    await runner.query(`
      ALTER TABLE connections DROP CONSTRAINT connections_data_key_id_fkey,
        ADD CONSTRAINT connections_data_key FOREIGN KEY (organization_id, data_key_id)
          REFERENCES data_keys (organization_id, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE connections DROP CONSTRAINT connections_data_key,
        ADD CONSTRAINT connections_data_key_id_fkey FOREIGN KEY (data_key_id) REFERENCES data_keys (id)`);
    await runner.query(`ALTER TABLE data_keys DROP CONSTRAINT data_keys_owner`);
  }
}
