import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who belongs to an organization, and what else may act for it (D28, D62). Everybody known so far is a member at home. */
export class Organizations1700000000004 implements MigrationInterface {
  name = 'Organizations1700000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE organization_members (
        organization_id uuid NOT NULL REFERENCES organizations (id),
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        role text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
        entry text,
        created_at timestamptz NOT NULL DEFAULT now(),
        modified_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (organization_id, user_id),
        UNIQUE (organization_id, entry)
      )`);
    await runner.query(`CREATE INDEX organization_members_user ON organization_members (user_id)`);
    await runner.query(
      `INSERT INTO organization_members (organization_id, user_id, role) SELECT organization_id, id, 'member' FROM users`,
    );
    await runner.query(`
      CREATE TABLE tenant_keys (
        id text PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('api_key', 'service_token')),
        handle text NOT NULL UNIQUE,
        organization_id uuid NOT NULL REFERENCES organizations (id),
        name text NOT NULL,
        secret_hash bytea NOT NULL,
        accesses text[] NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        last_used_at timestamptz,
        revoked_at timestamptz
      )`);
    await runner.query(
      `CREATE INDEX tenant_keys_organization ON tenant_keys (organization_id, kind, created_at DESC, id)
       WHERE revoked_at IS NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE tenant_keys`);
    await runner.query(`DROP TABLE organization_members`);
  }
}
