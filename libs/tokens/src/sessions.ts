import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Database } from '@app/database';
import type { SignedInUser } from '@app/directory';
import { Revocations, type Revoke } from '@app/revocation';
import type { EntityManager } from 'typeorm';
import {
  SESSION_FACTS_COLUMNS,
  SESSION_FACTS_TABLES,
  SESSION_IS_ALIVE,
  sessionFactsOf,
  type SessionFacts,
  type SessionFactsRow,
} from './session-facts.js';

/** How the person proved who he is, as the provider told it. */
export interface Authentication {
  readonly providerId: string;
  readonly clientId: string;
  readonly authTime: Date;
  readonly acr: string | undefined;
  readonly amr: readonly string[] | undefined;
  /** When the provider's own session ends; ours ends with it (D40). */
  readonly notAfter?: Date | undefined;
}

export type SessionEndReason = 'logout' | 'saml_logout' | 'token_revoked' | 'refresh_reused' | 'code_replayed';

/** Whether a call ended the session, or found it ended, expired and deleted, or never begun. */
export type SessionEnding = 'ended' | 'already-ended';

/** One row for each sign-in (D32), and its end, which takes everything that it issued with it (D14). */
@Injectable()
export class Sessions {
  constructor(
    private readonly database: Database,
    private readonly revocations: Revocations,
    private readonly audit: AuditLog,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /** Begins a session in the transaction that made or found the user. Answers its id. */
  async begin(manager: EntityManager, user: SignedInUser, authentication: Authentication): Promise<string> {
    const id = randomUUID();
    await manager.query(
      `INSERT INTO sessions (id, user_id, identity_id, provider_id, organization_id, client_id, user_generation,
                             provider_generation, organization_generation, auth_time, acr, amr, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, LEAST(now() + make_interval(secs => $13), $14))`,
      [
        id,
        user.userId,
        user.identityId,
        authentication.providerId,
        user.organizationId,
        authentication.clientId,
        user.userGeneration,
        user.providerGeneration,
        user.organizationGeneration,
        authentication.authTime,
        authentication.acr ?? null,
        authentication.amr ?? null,
        this.config.lifetimes.refreshAbsoluteSeconds,
        authentication.notAfter ?? null,
      ],
    );
    return id;
  }

  /** The facts of a session that is alive now; undefined for any that is not (R23). */
  async findAlive(sessionId: string): Promise<SessionFacts | undefined> {
    const [row] = await this.database.queryNamed<SessionFactsRow>(
      'session-facts',
      `SELECT ${SESSION_FACTS_COLUMNS} FROM ${SESSION_FACTS_TABLES} WHERE s.id = $1 AND ${SESSION_IS_ALIVE}`,
      [sessionId],
    );
    return row === undefined ? undefined : sessionFactsOf(row);
  }

  /**
   * Ends a session, its refresh families and its access tokens, at every instance before it returns (D14, D20). Ending
   * twice is not an error: the second time answers `already-ended` and writes nothing, so a used refresh token or code
   * that is sent for ever does not fill the tables.
   */
  end(sessionId: string, reason: SessionEndReason, context: AuditContext = {}): Promise<SessionEnding> {
    return this.revocations.transaction((manager, revoke) =>
      this.endWithin(manager, revoke, sessionId, reason, context),
    );
  }

  /** {@link end} inside a transaction of the caller's. */
  async endWithin(
    manager: EntityManager,
    revoke: Revoke,
    sessionId: string,
    reason: SessionEndReason,
    context: AuditContext = {},
  ): Promise<SessionEnding> {
    const [rows]: [{ user_id: string; organization_id: string }[], number] = await manager.query(
      `UPDATE sessions SET ended_at = now(), end_reason = $2 WHERE id = $1 AND ended_at IS NULL
       RETURNING user_id, organization_id`,
      [sessionId, reason],
    );
    const [ended] = rows;
    if (ended === undefined) return 'already-ended';
    revoke({ subject: `session:${sessionId}`, generation: 1 });
    await manager.query(
      `UPDATE refresh_families SET revoked_at = now(), revoke_reason = $2 WHERE session_id = $1 AND revoked_at IS NULL`,
      [sessionId, reason],
    );
    const { user_id: userId, organization_id: organizationId } = ended;
    await this.audit.record(manager, { kind: 'session.ended', sessionId, userId, organizationId, reason }, context);
    return 'ended';
  }
}
