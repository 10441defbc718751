import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Registered applications of an organization, what people allowed them, and the sessions that they got out of a person's
 * one session at this server (D7 b, D32, D49). The entities beside say what each column means.
 */
export class Applications1700000000009 implements MigrationInterface {
  name = 'Applications1700000000009';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE applications (
        id text PRIMARY KEY,
        client_id text NOT NULL UNIQUE,
        organization_id uuid NOT NULL REFERENCES organizations (id),
        name text NOT NULL,
        logo_uri text,
        redirect_uris text[] NOT NULL,
        post_logout_redirect_uris text[] NOT NULL DEFAULT '{}',
        scopes text[] NOT NULL,
        grant_types text[] NOT NULL,
        token_endpoint_auth_method text NOT NULL
          CHECK (token_endpoint_auth_method IN ('client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none')),
        jwks jsonb,
        resources text[] NOT NULL DEFAULT '{}',
        consent text NOT NULL CHECK (consent IN ('ask', 'skip')),
        backchannel_logout_uri text,
        frontchannel_logout_uri text,
        configured boolean NOT NULL DEFAULT false,
        generation int NOT NULL DEFAULT 1,
        revision int NOT NULL DEFAULT 1,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        disabled_at timestamptz
      )`);
    await runner.query(`CREATE INDEX applications_organization ON applications (organization_id, created_at DESC, id)`);
    await runner.query(`
      CREATE TABLE application_secrets (
        id uuid PRIMARY KEY,
        application_id text NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
        secret_hash bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz
      )`);
    await runner.query(`CREATE INDEX application_secrets_application ON application_secrets (application_id)`);
    await runner.query(`
      CREATE TABLE consents (
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        application_id text NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
        scopes text[] NOT NULL,
        granted_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, application_id)
      )`);
    await runner.query(`CREATE INDEX consents_application ON consents (application_id)`);
    await runner.query(`
      ALTER TABLE sessions
        ADD COLUMN parent_id uuid REFERENCES sessions (id) ON DELETE CASCADE,
        ADD COLUMN client_generation int,
        ADD COLUMN cookie_hash bytea`);
    await runner.query(`CREATE INDEX sessions_parent ON sessions (parent_id) WHERE parent_id IS NOT NULL`);
    await runner.query(`CREATE INDEX sessions_cookie ON sessions (cookie_hash) WHERE cookie_hash IS NOT NULL`);
    // Of applications alone: first-party sessions are the many, and end otherwise.
    await runner.query(`CREATE INDEX sessions_application ON sessions (client_id, created_at DESC, id)
                        WHERE client_generation IS NOT NULL`);
    await runner.query(`ALTER TABLE refresh_families ADD COLUMN resource text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE refresh_families DROP COLUMN resource`);
    await runner.query(
      `ALTER TABLE sessions DROP COLUMN parent_id, DROP COLUMN client_generation, DROP COLUMN cookie_hash`,
    );
    await runner.query(`DROP TABLE consents, application_secrets, applications`);
  }
}
