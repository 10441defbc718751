import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '@app/database';
import type { EntityManager } from 'typeorm';
import type { AuditContext, AuditEvent } from './audit-event.js';
import { auditRowOf } from './audit-row.js';

const INSERT = `
  INSERT INTO audit_events (kind, organization_id, actor, subject, request_id, remote_address, details)
  SELECT kind, organization_id, actor, subject, $5, $6, details
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $7::jsonb[])
    AS e (kind, organization_id, actor, subject, details)`;

/** The append-only record of what happened: it can only be added to. */
@Injectable()
export class AuditLog implements OnApplicationShutdown {
  private readonly logger = new Logger(AuditLog.name);
  private readonly writing = new Set<Promise<void>>();

  constructor(private readonly database: Database) {}

  /**
   * Keeps a fact. With the manager of the caller's transaction the fact stands or falls with what it tells of; with
   * undefined it is committed on its own. Never call it with undefined while a transaction is open: that would wait for
   * a second connection while holding one, and ten such callers empty the pool. {@link recordApart} is for that.
   */
  async record(manager: EntityManager | undefined, event: AuditEvent, context: AuditContext = {}): Promise<void> {
    await this.recordAll(manager, [event], context);
  }

  /** {@link record} for several facts, in one statement. */
  async recordAll(
    manager: EntityManager | undefined,
    events: readonly AuditEvent[],
    context: AuditContext = {},
  ): Promise<void> {
    if (events.length === 0) return;
    const rows = events.map(auditRowOf);
    const parameters = [
      events.map((event) => event.kind),
      rows.map((row) => row.organizationId ?? null),
      rows.map((row) => row.actor ?? null),
      rows.map((row) => row.subject),
      context.requestId ?? null,
      context.remoteAddress ?? null,
      rows.map((row) => JSON.stringify(row.details)),
    ];
    if (manager === undefined) await this.database.query(INSERT, parameters);
    else await manager.query(INSERT, parameters);
  }

  /**
   * Keeps a fact that must survive the rollback of the transaction that it is told from (a refusal). Returns at once;
   * the fact is written when a connection is free, and shutdown waits for it. A failure goes to the process log.
   */
  recordApart(event: AuditEvent, context: AuditContext = {}): void {
    const written = this.record(undefined, event, context)
      .catch((error: unknown) => {
        this.logger.error(
          `could not record ${event.kind}: ${error instanceof Error ? error.message : 'unknown fault'}`,
        );
      })
      .finally(() => this.writing.delete(written));
    this.writing.add(written);
  }

  /** Resolves when everything given to {@link recordApart} so far is written or reported. */
  async settled(): Promise<void> {
    await Promise.all(this.writing);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.settled();
  }
}
