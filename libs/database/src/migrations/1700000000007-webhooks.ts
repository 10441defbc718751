import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Events that wait for their receivers, committed with what they tell of. The entity beside says what each column means. */
export class Webhooks1700000000007 implements MigrationInterface {
  name = 'Webhooks1700000000007';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE outbox_events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id uuid NOT NULL,
        organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
        endpoint_id text NOT NULL,
        connection_id text NOT NULL,
        kind text NOT NULL,
        payload jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        attempts int NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL,
        lease_owner text,
        lease_until timestamptz,
        delivered_at timestamptz,
        failed_at timestamptz,
        last_status smallint,
        last_error text,
        UNIQUE (event_id, endpoint_id),
        CHECK (delivered_at IS NULL OR failed_at IS NULL)
      )`);
    // What is finished leaves these two: looking for work costs the same however many events have been delivered.
    await runner.query(`
      CREATE INDEX outbox_events_pending ON outbox_events (endpoint_id, next_attempt_at)
        WHERE delivered_at IS NULL AND failed_at IS NULL`);
    await runner.query(`
      CREATE INDEX outbox_events_in_order ON outbox_events (endpoint_id, connection_id, id)
        WHERE delivered_at IS NULL AND failed_at IS NULL`);
    await runner.query(
      `CREATE INDEX outbox_events_delivered ON outbox_events (delivered_at) WHERE delivered_at IS NOT NULL`,
    );
    await runner.query(`CREATE INDEX outbox_events_failed ON outbox_events (failed_at) WHERE failed_at IS NOT NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE outbox_events`);
  }
}
