import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tables of the first release. The entities beside say what each column means. */
export class Foundation1700000000001 implements MigrationInterface {
  name = 'Foundation1700000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE organizations (
        id uuid PRIMARY KEY,
        name text NOT NULL UNIQUE,
        generation int NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(
      `INSERT INTO organizations (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'default')`,
    );
    await runner.query(`
      CREATE TABLE providers (
        id text PRIMARY KEY,
        organization_id uuid NOT NULL REFERENCES organizations (id),
        enabled boolean NOT NULL DEFAULT true,
        generation int NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`
      CREATE TABLE users (
        id uuid PRIMARY KEY,
        organization_id uuid NOT NULL REFERENCES organizations (id),
        email text NOT NULL,
        email_key text NOT NULL,
        email_verified boolean NOT NULL,
        name text,
        disabled_at timestamptz,
        generation int NOT NULL DEFAULT 1,
        profile_generation int NOT NULL DEFAULT 1,
        last_login_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        modified_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (organization_id, email_key)
      )`);
    await runner.query(`
      CREATE TABLE external_identities (
        id uuid PRIMARY KEY,
        provider_id text NOT NULL REFERENCES providers (id),
        issuer text NOT NULL,
        subject text NOT NULL,
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        email text,
        email_verified boolean NOT NULL,
        name text,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_login_at timestamptz,
        UNIQUE (provider_id, issuer, subject)
      )`);
    await runner.query(`CREATE INDEX external_identities_user ON external_identities (user_id)`);
    await runner.query(`
      CREATE TABLE groups (
        id uuid PRIMARY KEY,
        provider_id text NOT NULL REFERENCES providers (id),
        name text NOT NULL,
        display_name text,
        first_seen_at timestamptz NOT NULL DEFAULT now(),
        last_seen_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (provider_id, name)
      )`);
    await runner.query(`
      CREATE TABLE group_memberships (
        identity_id uuid NOT NULL REFERENCES external_identities (id) ON DELETE CASCADE,
        group_id uuid NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
        PRIMARY KEY (identity_id, group_id)
      )`);
    await runner.query(`CREATE INDEX group_memberships_group ON group_memberships (group_id)`);
    await runner.query(`
      CREATE TABLE group_references (
        provider_id text NOT NULL REFERENCES providers (id),
        group_name text NOT NULL,
        referrer text NOT NULL,
        PRIMARY KEY (provider_id, group_name, referrer)
      )`);
    await runner.query(`
      CREATE TABLE administrator_pins (
        entry text PRIMARY KEY,
        identity_id uuid NOT NULL REFERENCES external_identities (id) ON DELETE CASCADE,
        pinned_at timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`CREATE INDEX administrator_pins_identity ON administrator_pins (identity_id)`);
    await runner.query(`
      CREATE TABLE sessions (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        identity_id uuid NOT NULL REFERENCES external_identities (id) ON DELETE CASCADE,
        provider_id text NOT NULL REFERENCES providers (id),
        organization_id uuid NOT NULL REFERENCES organizations (id),
        client_id text NOT NULL,
        user_generation int NOT NULL,
        provider_generation int NOT NULL,
        organization_generation int NOT NULL,
        auth_time timestamptz NOT NULL,
        acr text,
        amr text[],
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        ended_at timestamptz,
        end_reason text
      )`);
    await runner.query(`CREATE INDEX sessions_user ON sessions (user_id)`);
    await runner.query(`CREATE INDEX sessions_identity ON sessions (identity_id)`);
    await runner.query(`CREATE INDEX sessions_expiry ON sessions (expires_at)`);
    await runner.query(`
      CREATE TABLE refresh_families (
        id uuid PRIMARY KEY,
        session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        client_id text NOT NULL,
        scope text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        revoked_at timestamptz,
        revoke_reason text
      )`);
    await runner.query(`CREATE INDEX refresh_families_session ON refresh_families (session_id)`);
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
      ) WITH (fillfactor = 80)`);
    await runner.query(`CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id)`);
    await runner.query(`CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at)`);
    await runner.query(
      `CREATE INDEX refresh_tokens_sealed ON refresh_tokens (rotated_at) WHERE successor_sealed IS NOT NULL`,
    );
    await runner.query(`
      CREATE TABLE revocations (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        subject text NOT NULL,
        generation int NOT NULL,
        xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL
      )`);
    await runner.query(`CREATE INDEX revocations_subject ON revocations (subject, expires_at)`);
    await runner.query(`CREATE INDEX revocations_xact ON revocations (xact)`);
    await runner.query(`CREATE INDEX revocations_expiry ON revocations (expires_at)`);
    await runner.query(`
      CREATE TABLE client_credentials (
        id uuid PRIMARY KEY,
        client_id text NOT NULL UNIQUE,
        secret_hash bytea NOT NULL,
        owner_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        organization_id uuid NOT NULL REFERENCES organizations (id),
        name text NOT NULL,
        description text,
        scopes text[] NOT NULL DEFAULT '{}',
        generation int NOT NULL DEFAULT 1,
        expires_at timestamptz,
        last_used_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        modified_at timestamptz NOT NULL DEFAULT now(),
        deleted_at timestamptz
      )`);
    await runner.query(`CREATE INDEX client_credentials_owner ON client_credentials (owner_id, created_at DESC)`);
    await runner.query(`
      CREATE TABLE signing_keys (
        kid text PRIMARY KEY,
        purpose text NOT NULL CHECK (purpose IN ('access', 'id')),
        algorithm text NOT NULL,
        public_jwk jsonb NOT NULL,
        sealed_private_key text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        signs_from timestamptz NOT NULL,
        signs_until timestamptz NOT NULL,
        retires_at timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE audit_events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        kind text NOT NULL,
        organization_id uuid,
        actor text,
        subject text,
        request_id text,
        remote_address text,
        details jsonb NOT NULL DEFAULT '{}'
      )`);
    await runner.query(`CREATE INDEX audit_events_at ON audit_events (at)`);
    await runner.query(`CREATE INDEX audit_events_subject ON audit_events (subject, at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE audit_events, signing_keys, client_credentials, revocations, refresh_tokens, refresh_families, sessions,
        administrator_pins, group_references, group_memberships, groups, external_identities, users, providers,
        organizations`);
  }
}
