import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What SAML needs to keep. */
export class Saml1700000000002 implements MigrationInterface {
  name = 'Saml1700000000002';

  async up(runner: QueryRunner): Promise<void> {
    // `document` is the last good metadata; what a refresh found and may not apply by itself waits in `held_document`.
    await runner.query(`
      CREATE TABLE saml_idp_metadata (
        provider_id text PRIMARY KEY,
        source text NOT NULL,
        entity_id text NOT NULL,
        document text NOT NULL,
        fetched_at timestamptz NOT NULL,
        refresh_at timestamptz NOT NULL,
        valid_until timestamptz,
        revision int NOT NULL DEFAULT 1,
        held_document text,
        held_reason text,
        held_at timestamptz,
        last_error text,
        last_error_at timestamptz
      )`);
    await runner.query(`
      CREATE TABLE saml_keys (
        id text PRIMARY KEY,
        certificate text NOT NULL,
        sealed_private_key text NOT NULL,
        created_at timestamptz NOT NULL,
        signs_from timestamptz NOT NULL,
        signs_until timestamptz NOT NULL,
        retires_at timestamptz NOT NULL
      )`);
    // D46: `subject` holds every part of the NameID, so equality of text is equality of persons.
    await runner.query(`
      CREATE TABLE saml_sessions (
        session_id uuid PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
        provider_id text NOT NULL,
        idp_entity_id text NOT NULL,
        subject text NOT NULL,
        name_id jsonb NOT NULL,
        session_indexes text[] NOT NULL,
        authn_instant timestamptz NOT NULL
      )`);
    await runner.query(`CREATE INDEX saml_sessions_subject ON saml_sessions (provider_id, subject)`);
    // D25: a logout also ends matching assertions that arrive after it.
    await runner.query(`
      CREATE TABLE saml_logouts (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        provider_id text NOT NULL,
        subject text NOT NULL,
        session_indexes text[] NOT NULL,
        issued_at timestamptz NOT NULL,
        until timestamptz NOT NULL
      )`);
    await runner.query(`CREATE INDEX saml_logouts_subject ON saml_logouts (provider_id, subject)`);
    // Which warning about a certificate was given, so that no instance gives it twice.
    await runner.query(`
      CREATE TABLE certificate_warnings (
        fingerprint text NOT NULL,
        days int NOT NULL,
        warned_at timestamptz NOT NULL,
        PRIMARY KEY (fingerprint, days)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE certificate_warnings, saml_logouts, saml_sessions, saml_keys, saml_idp_metadata`);
  }
}
