import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The question that a login by SAML asks before it begins a session, waiting for a logout of the same person included, as
 * one call inside whatever statement begins it (D25). VOLATILE is what makes that right: each statement of such a function
 * has a snapshot of its own, so the second one sees what a logout committed while the first one waited for it, though the
 * calling statement's own snapshot is older.
 */
export class LogoutCheck1700000000006 implements MigrationInterface {
  name = 'LogoutCheck1700000000006';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION saml_was_logged_out(lock_name text, of_provider text, of_subject text, indexes text[],
                                          authenticated_at timestamptz, at_moment timestamptz) RETURNS boolean
      LANGUAGE plpgsql VOLATILE AS $$
      BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(lock_name, 0));
        RETURN EXISTS (
          SELECT 1 FROM saml_logouts l
          WHERE l.provider_id = of_provider AND l.subject = of_subject
            AND (l.session_indexes = '{}' OR l.session_indexes && indexes)
            AND l.issued_at >= authenticated_at AND l.until > at_moment);
      END $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION saml_was_logged_out(text, text, text, text[], timestamptz, timestamptz)`);
  }
}
