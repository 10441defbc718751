import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The token vault: what other systems issued to us (docs/decisions/0017). The entities beside say what each column means. */
export class Vault1700000000005 implements MigrationInterface {
  name = 'Vault1700000000005';

  async up(runner: QueryRunner): Promise<void> {
    // D59: the vault's one clock. Tests move it by replacing the function; nothing in the product can.
    await runner.query(
      `CREATE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT now()'`,
    );
    await runner.query(`
      CREATE TABLE data_keys (
        id uuid PRIMARY KEY,
        organization_id uuid NOT NULL REFERENCES organizations (id),
        sealed_key text NOT NULL,
        master_key_id text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        retired_at timestamptz
      )`);
    await runner.query(`CREATE UNIQUE INDEX data_keys_current ON data_keys (organization_id) WHERE retired_at IS NULL`);
    // A refresh rewrites the row: room on the page keeps the claim and the intent, which change nothing indexed, HOT.
    await runner.query(`
      CREATE TABLE connections (
        id text PRIMARY KEY,
        organization_id uuid NOT NULL REFERENCES organizations (id),
        provider_id text NOT NULL REFERENCES providers (id),
        user_id uuid REFERENCES users (id) ON DELETE SET NULL,
        sign_in_user_id uuid REFERENCES users (id) ON DELETE CASCADE,
        origin text NOT NULL CHECK (origin IN ('consent', 'import', 'sign_in')),
        label text,
        subject_hash bytea,
        scope text,
        token_type text NOT NULL,
        metadata jsonb NOT NULL DEFAULT '{}',
        status text NOT NULL DEFAULT 'active'
          CHECK (status IN ('active', 'backing_off', 'needs_reauth', 'revoked', 'disabled')),
        status_reason text,
        generation bigint NOT NULL DEFAULT 1,
        data_key_id uuid NOT NULL REFERENCES data_keys (id),
        access_token bytea NOT NULL,
        refresh_token bytea,
        issued_at timestamptz NOT NULL,
        expires_at timestamptz,
        refresh_expires_at timestamptz,
        next_refresh_at timestamptz,
        lease_owner text,
        lease_until timestamptz,
        lease_epoch bigint NOT NULL DEFAULT 0,
        intent_epoch bigint,
        intent_at timestamptz,
        intent_fingerprint bytea,
        intent_replays smallint NOT NULL DEFAULT 0,
        consecutive_failures int NOT NULL DEFAULT 0,
        first_failed_at timestamptz,
        last_error_code text,
        last_error_status smallint,
        last_error_at timestamptz,
        last_refreshed_at timestamptz,
        expiry_warned_days smallint,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        deleted_at timestamptz
      ) WITH (fillfactor = 60)`);
    await runner.query(
      `CREATE INDEX connections_due ON connections (provider_id, next_refresh_at) WHERE next_refresh_at IS NOT NULL`,
    );
    await runner.query(`CREATE INDEX connections_organization ON connections (organization_id, created_at, id)`);
    await runner.query(`CREATE INDEX connections_user ON connections (user_id) WHERE user_id IS NOT NULL`);
    // One person's sign-ins at one provider keep one connection; consents may make several.
    await runner.query(`
      CREATE UNIQUE INDEX connections_sign_in ON connections (sign_in_user_id, provider_id)
        WHERE sign_in_user_id IS NOT NULL AND deleted_at IS NULL`);
    await runner.query(`CREATE INDEX connections_subject ON connections (subject_hash) WHERE subject_hash IS NOT NULL`);
    await runner.query(
      `CREATE INDEX connections_refresh_expiry ON connections (refresh_expires_at) WHERE refresh_expires_at IS NOT NULL`,
    );
    // What health counts is counted in these, never by reading every connection.
    await runner.query(
      `CREATE INDEX connections_dead ON connections (provider_id) WHERE status = 'needs_reauth' AND deleted_at IS NULL`,
    );
    await runner.query(`
      CREATE INDEX connections_without_refresh ON connections (provider_id, expires_at)
        WHERE refresh_token IS NULL AND expires_at IS NOT NULL AND deleted_at IS NULL`);
    await runner.query(`CREATE INDEX connections_deleted ON connections (deleted_at) WHERE deleted_at IS NOT NULL`);
    await runner.query(`
      CREATE TABLE refresh_attempts (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        connection_id text NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
        generation bigint NOT NULL,
        lease_epoch bigint NOT NULL,
        owner text NOT NULL,
        started_at timestamptz NOT NULL,
        finished_at timestamptz NOT NULL,
        outcome text NOT NULL,
        status smallint,
        error_code text,
        token_fingerprint bytea
      )`);
    await runner.query(`CREATE INDEX refresh_attempts_connection ON refresh_attempts (connection_id, id)`);
    await runner.query(`
      CREATE TABLE provider_breakers (
        provider_id text PRIMARY KEY REFERENCES providers (id),
        reason text NOT NULL CHECK (reason IN ('misconfigured', 'unavailable', 'throttled')),
        error_code text,
        openings int NOT NULL DEFAULT 1,
        opened_at timestamptz NOT NULL,
        open_until timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE provider_breakers, refresh_attempts, connections, data_keys`);
    await runner.query(`DROP FUNCTION app_now()`);
  }
}
