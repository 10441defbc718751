import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import type { DeliveryOutcome } from './delivery-outcome.js';
import type { OutboxRow } from './vault-event.js';

/** How many events an endpoint of an organization can take now. */
export interface EndpointRoom {
  readonly endpointId: string;
  readonly organizationId: string;
  readonly room: number;
}

/** An event that is ours to send until its lease ends. */
export interface ClaimedEvent {
  /** The row's. */
  readonly id: string;
  readonly eventId: string;
  readonly endpointId: string;
  readonly kind: OutboxRow['kind'];
  readonly payload: OutboxRow['payload'];
  readonly attempts: number;
  readonly createdAt: Date;
  readonly claimedAt: Date;
}

export interface EndpointBacklog {
  readonly endpointId: string;
  readonly pending: number;
  readonly oldestSeconds: number;
}

/** Rows that one statement removes. */
const BATCH = 1000;

const PENDING = 'delivered_at IS NULL AND failed_at IS NULL';

/**
 * An endpoint's organization is compared too: an id that has been given to another organization must not bring it what
 * waits for the first (R27). An event waits while an earlier one of its connection is under way or was never tried;
 * asked row by row, not by NOT EXISTS, which would have the planner join everything that waits.
 */
export const CLAIM = `
  WITH due AS MATERIALIZED (
    SELECT o.id
    FROM unnest($1::text[], $2::uuid[], $3::int[]) AS e (endpoint_id, organization_id, room)
    CROSS JOIN LATERAL (
      SELECT x.id FROM outbox_events x
      WHERE x.endpoint_id = e.endpoint_id AND x.organization_id = e.organization_id
        AND x.delivered_at IS NULL AND x.failed_at IS NULL AND x.next_attempt_at <= app_now()
        AND (x.lease_until IS NULL OR x.lease_until <= app_now())
        AND (
          SELECT 1 FROM outbox_events b
          WHERE b.endpoint_id = x.endpoint_id AND b.connection_id = x.connection_id AND b.id < x.id
            AND b.delivered_at IS NULL AND b.failed_at IS NULL AND (b.attempts = 0 OR b.lease_until > app_now())
          LIMIT 1) IS NULL
      ORDER BY x.next_attempt_at, x.id LIMIT e.room FOR UPDATE OF x SKIP LOCKED) o
    LIMIT $4)
  UPDATE outbox_events o
  SET lease_owner = $5, lease_until = app_now() + $6 * interval '1 ms', attempts = attempts + 1
  FROM due WHERE o.id = due.id
  RETURNING o.id, o.event_id AS "eventId", o.endpoint_id AS "endpointId", o.kind, o.payload, o.attempts,
            o.created_at AS "createdAt", app_now() AS "claimedAt"`;

/** Whoever lost the lease to another instance changes nothing: `attempts` has gone on. */
const SETTLE = `
  UPDATE outbox_events
  SET lease_owner = NULL, lease_until = NULL, last_status = $4, last_error = $5,
      delivered_at = CASE WHEN $6 = 'delivered' THEN app_now() END,
      failed_at = CASE WHEN $6 = 'refused'
        OR ($6 = 'retry' AND app_now() + $7 * interval '1 ms' > created_at + $8 * interval '1 ms') THEN app_now() END,
      next_attempt_at = CASE WHEN $6 = 'retry' THEN app_now() + $7 * interval '1 ms' ELSE next_attempt_at END
  WHERE id = $1 AND lease_owner = $2 AND attempts = $3 AND ${PENDING}
  RETURNING failed_at IS NOT NULL AS failed`;

const RELEASE = `
  UPDATE outbox_events SET lease_owner = NULL, lease_until = NULL
  WHERE id = $1 AND lease_owner = $2 AND attempts = $3 AND ${PENDING}`;

/** The rows of the outbox as their delivery sees them. Each method is one short statement; all time is D59's. */
@Injectable()
export class OutboxRepository {
  /** This instance. */
  readonly owner = randomUUID();

  constructor(private readonly database: Database) {}

  /** Takes due events, those that wait longest first; no more than `limit`. */
  claim(rooms: readonly EndpointRoom[], limit: number, leaseMs: number): Promise<ClaimedEvent[]> {
    return this.database.queryNamed<ClaimedEvent>('webhooks-claim', CLAIM, [
      rooms.map(({ endpointId }) => endpointId),
      rooms.map(({ organizationId }) => organizationId),
      rooms.map(({ room }) => room),
      limit,
      this.owner,
      leaseMs,
    ]);
  }

  /**
   * Keeps what an attempt came to. An event whose next attempt would come later than `giveUpMs` after it happened is
   * given up.
   * @returns what became of the row; `lost`: another instance has it by now.
   */
  async settle(
    event: ClaimedEvent,
    outcome: DeliveryOutcome,
    delayMs: number,
    giveUpMs: number,
  ): Promise<'delivered' | 'waiting' | 'failed' | 'lost'> {
    const { verdict, status, error } = outcome;
    const [row] = await this.database.queryNamed<{ failed: boolean }>('webhooks-settle', SETTLE, [
      event.id,
      this.owner,
      event.attempts,
      status ?? null,
      error ?? null,
      verdict,
      delayMs,
      giveUpMs,
    ]);
    if (row === undefined) return 'lost';
    if (row.failed) return 'failed';
    return verdict === 'delivered' ? 'delivered' : 'waiting';
  }

  /** Gives an event back as it was, for another instance to send at once. */
  async release(event: ClaimedEvent): Promise<void> {
    await this.database.query(RELEASE, [event.id, this.owner, event.attempts]);
  }

  /** What waits for each endpoint. */
  backlog(): Promise<EndpointBacklog[]> {
    return this.database.query<EndpointBacklog>(
      `SELECT endpoint_id AS "endpointId", count(*)::int AS pending,
              extract(epoch FROM app_now() - min(created_at))::float8 AS "oldestSeconds"
       FROM outbox_events WHERE ${PENDING} GROUP BY endpoint_id`,
    );
  }

  /** Removes a batch of what has been kept long enough. @returns whether there may be more. */
  async removeOld(keepDeliveredMs: number, keepFailedMs: number): Promise<boolean> {
    const delivered = await this.removeOlder('delivered_at', keepDeliveredMs);
    const failed = await this.removeOlder('failed_at', keepFailedMs);
    return Math.max(delivered, failed) === BATCH;
  }

  /**
   * Gives up events whose endpoint is not configured, once they are so old that they would have been given up anyway: an
   * instance with a newer configuration may know the endpoint.
   */
  async abandon(known: readonly EndpointRoom[], giveUpMs: number): Promise<number> {
    const rows = await this.database.query<{ id: string }>(
      `UPDATE outbox_events SET failed_at = app_now(), last_error = 'endpoint_removed'
       WHERE id IN (
         SELECT id FROM outbox_events o
         WHERE ${PENDING} AND created_at < app_now() - $3 * interval '1 ms'
           AND NOT EXISTS (SELECT 1 FROM unnest($1::text[], $2::uuid[]) AS e (endpoint_id, organization_id)
                           WHERE e.endpoint_id = o.endpoint_id AND e.organization_id = o.organization_id)
         LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [known.map(({ endpointId }) => endpointId), known.map(({ organizationId }) => organizationId), giveUpMs],
    );
    return rows.length;
  }

  private async removeOlder(column: 'delivered_at' | 'failed_at', keepMs: number): Promise<number> {
    const rows = await this.database.query<{ id: string }>(
      `DELETE FROM outbox_events WHERE id IN (
         SELECT id FROM outbox_events WHERE ${column} < app_now() - $1 * interval '1 ms'
         LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [keepMs],
    );
    return rows.length;
  }
}
