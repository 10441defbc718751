import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { WebhookOutbox, type VaultEvent } from '@app/webhooks';
import type { ClaimedConnection } from './claimed-connection.js';
import type { Failure } from './failure-policy.js';
import { Leases } from './leases.js';

/** Nothing when the generation moved or another epoch has taken over: then the failure is nobody's any more. */
const FAIL = `
  WITH done AS (
    UPDATE connections c
    SET status = $4, status_reason = $5,
        next_refresh_at = CASE WHEN $6::float8 IS NULL THEN NULL
                               WHEN $6 = 0 THEN c.next_refresh_at ELSE app_now() + $6 * interval '1 ms' END,
        lease_owner = NULL, lease_until = NULL,
        intent_epoch = CASE WHEN $7 THEN c.intent_epoch END,
        intent_at = CASE WHEN $7 THEN c.intent_at END,
        intent_replays = CASE WHEN $7 THEN coalesce($16::smallint, c.intent_replays) ELSE 0 END,
        consecutive_failures = c.consecutive_failures + $8,
        first_failed_at = CASE WHEN $8 > 0 THEN coalesce(c.first_failed_at, app_now()) ELSE c.first_failed_at END,
        last_error_code = $9, last_error_status = $10, last_error_at = app_now()
    FROM connections o
    WHERE c.id = $1 AND o.id = c.id AND c.generation = $2 AND c.lease_epoch = $3 AND c.deleted_at IS NULL
    RETURNING c.id, c.generation, c.intent_fingerprint, coalesce(o.intent_at, app_now()) AS started_at
  ), kept AS (
    INSERT INTO refresh_attempts (connection_id, generation, lease_epoch, owner, started_at, finished_at, outcome,
                                  status, error_code, token_fingerprint)
    SELECT id, generation, $3, $11, started_at, app_now(), $12, $10, $9, intent_fingerprint FROM done
  ), told AS (
    INSERT INTO outbox_events (${WebhookOutbox.columns})
    SELECT ${WebhookOutbox.values('e')}
    FROM jsonb_to_recordset($13::jsonb) AS e (${WebhookOutbox.recordset})
    WHERE EXISTS (SELECT FROM done)
  ), audited AS (
    INSERT INTO audit_events (kind, organization_id, subject, details)
    SELECT 'connection.needs_reauth', $14::uuid, id, jsonb_build_object('provider', $15::text, 'reason', $5, 'error', $9)
    FROM done WHERE $4 = 'needs_reauth'
  )
  SELECT id FROM done`;

/** Writes what a refresh that brought no tokens does to its connection. */
@Injectable()
export class FailedRefreshes {
  constructor(
    private readonly database: Database,
    private readonly outbox: WebhookOutbox,
    private readonly leases: Leases,
  ) {}

  /** False: the connection went on without us. */
  async record(connection: ClaimedConnection, failure: Failure): Promise<boolean> {
    const rows = await this.database.queryNamed<{ id: string }>('vault-fail', FAIL, [
      connection.connectionId,
      String(connection.generation),
      String(connection.epoch),
      failure.status,
      failure.reason ?? null,
      failure.retryInMs ?? null,
      failure.intent !== 'resolved',
      failure.counts === 'failure' ? 1 : 0,
      failure.code,
      failure.httpStatus ?? null,
      this.leases.owner,
      failure.outcome,
      JSON.stringify(this.events(connection, failure)),
      connection.organizationId,
      connection.providerId,
      failure.intent === 'as_before' ? connection.replays : null,
    ]);
    return rows.length > 0;
  }

  private events(connection: ClaimedConnection, failure: Failure) {
    const { connectionId, organizationId, providerId } = connection;
    const kind = eventKind(connection, failure);
    if (kind === undefined) return [];
    const data = { reason: failure.reason, error: failure.code };
    return this.outbox.rowsFor({ kind, connectionId, organizationId, providerId, data });
  }
}

/** One on each transition: the end of a connection, and the first failure of a streak that is its own. */
function eventKind(connection: ClaimedConnection, failure: Failure): VaultEvent['kind'] | undefined {
  if (failure.status === 'needs_reauth') return 'connection.needs_reauth';
  const first = connection.failures === 0 && failure.counts === 'failure' && failure.outcome !== 'throttled';
  return first ? 'connection.refresh_failed' : undefined;
}
