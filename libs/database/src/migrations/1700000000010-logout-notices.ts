import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Logouts that applications are to be told of, committed with the logout (D37), and the name that an application knows a
 * person's session by, which must not change when that person signs in anew. The entities beside say what each column means.
 */
export class LogoutNotices1700000000010 implements MigrationInterface {
  name = 'LogoutNotices1700000000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE sessions ADD COLUMN sid uuid`);
    await runner.query(`UPDATE sessions SET sid = parent_id WHERE parent_id IS NOT NULL`);
    // Without foreign keys: what is told of is often deleted by then, and ending a session must wait for no other row.
    await runner.query(`
      CREATE TABLE logout_notices (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        application_id text NOT NULL,
        sid uuid NOT NULL,
        user_id text NOT NULL,
        created_at timestamptz NOT NULL,
        attempts int NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL,
        leased_until timestamptz,
        delivered_at timestamptz,
        failed_at timestamptz,
        last_error text,
        CHECK (delivered_at IS NULL OR failed_at IS NULL)
      )`);
    // What is finished leaves it: looking for work costs the same however many logouts there have been.
    await runner.query(`
      CREATE INDEX logout_notices_pending ON logout_notices (application_id, next_attempt_at)
        WHERE delivered_at IS NULL AND failed_at IS NULL`);
    await runner.query(
      `CREATE INDEX logout_notices_delivered ON logout_notices (delivered_at) WHERE delivered_at IS NOT NULL`,
    );
    await runner.query(`CREATE INDEX logout_notices_failed ON logout_notices (failed_at) WHERE failed_at IS NOT NULL`);
    await runner.query(`
      CREATE INDEX applications_told_of_logouts ON applications (id)
        WHERE backchannel_logout_uri IS NOT NULL AND disabled_at IS NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX applications_told_of_logouts`);
    await runner.query(`DROP TABLE logout_notices`);
    await runner.query(`ALTER TABLE sessions DROP COLUMN sid`);
  }
}
