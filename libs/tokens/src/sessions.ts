import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Database } from '@app/database';
import type { SignedInUser } from '@app/directory';
import { recordLogoutNotices } from '@app/logout-notices';
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

export type SessionEndReason =
  'logout' | 'saml_logout' | 'token_revoked' | 'refresh_reused' | 'code_replayed' | 'replaced' | 'consent_withdrawn';

/** Whether a call ended the session, or found it ended, expired and deleted, or never begun. */
export type SessionEnding = 'ended' | 'already-ended';

interface EndedRow {
  readonly user_id: string;
  readonly organization_id: string;
  readonly is_parent: boolean;
}

/** An application that gave its tokens back, or lost them to a thief, is told of it in the answer that it gets (D37). */
const ENDED_BY_THE_APPLICATION: ReadonlySet<SessionEndReason> = new Set([
  'token_revoked',
  'refresh_reused',
  'code_replayed',
]);

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
   * The session that a browser's cookie stands for, while it is alive and was begun at most `maxAgeSeconds` ago (D32).
   * @param cookieHash SHA-256
   */
  async findByCookie(cookieHash: Buffer, maxAgeSeconds: number): Promise<SessionFacts | undefined> {
    const [row] = await this.database.queryNamed<SessionFactsRow>(
      'session-of-browser',
      `SELECT ${SESSION_FACTS_COLUMNS} FROM ${SESSION_FACTS_TABLES}
       WHERE s.cookie_hash = $1 AND s.created_at > now() - make_interval(secs => $2) AND ${SESSION_IS_ALIVE}`,
      [cookieHash, maxAgeSeconds],
    );
    return row === undefined ? undefined : sessionFactsOf(row);
  }

  /**
   * Puts a person's session under a browser's new cookie. The session that the browser had before ends: alone where it is
   * the same person's, whose applications go over to the new one, else with everything that came out of it.
   */
  async bindToBrowser(
    sessionId: string,
    cookieHash: Buffer,
    formerCookieHash: Buffer | undefined,
    context: AuditContext,
  ): Promise<void> {
    await this.revocations.transaction(async (manager, revoke) => {
      await manager.query(`UPDATE sessions SET cookie_hash = $2 WHERE id = $1`, [sessionId, cookieHash]);
      if (formerCookieHash === undefined) return;
      const [former]: { id: string }[] = await manager.query(
        `SELECT id FROM sessions WHERE cookie_hash = $1 AND ended_at IS NULL FOR UPDATE`,
        [formerCookieHash],
      );
      if (former === undefined) return;
      await manager.query(
        `UPDATE sessions child SET parent_id = $2 FROM sessions parent
         WHERE child.parent_id = $1 AND child.ended_at IS NULL AND parent.id = $2 AND parent.user_id = child.user_id`,
        [former.id, sessionId],
      );
      await this.endWithin(manager, revoke, former.id, 'replaced', context);
    });
  }

  /**
   * A session of an application, out of the person's session here; undefined where that, or the application, is not alive.
   * The parent's row is held meanwhile, so that whoever ends it finds the child (D32).
   */
  async beginForApplication(parentId: string, clientId: string): Promise<string | undefined> {
    const [row] = await this.database.queryNamed<{ id: string }>(
      'session-for-application',
      `WITH parent AS MATERIALIZED (
         SELECT s.* FROM ${SESSION_FACTS_TABLES} WHERE s.id = $2 AND ${SESSION_IS_ALIVE} FOR SHARE OF s
       )
       INSERT INTO sessions (id, parent_id, sid, user_id, identity_id, provider_id, organization_id, client_id,
                             client_generation, user_generation, provider_generation, organization_generation, auth_time,
                             acr, amr, expires_at)
       SELECT $1::uuid, parent.id, parent.id, parent.user_id, parent.identity_id, parent.provider_id,
              parent.organization_id, a.client_id, a.generation, parent.user_generation, parent.provider_generation, parent.organization_generation,
              parent.auth_time, parent.acr, parent.amr, parent.expires_at
       FROM parent JOIN applications a
         ON a.client_id = $3 AND a.disabled_at IS NULL AND a.organization_id = parent.organization_id
       RETURNING id`,
      [randomUUID(), parentId, clientId],
    );
    return row?.id;
  }

  /** Where the applications in this person's session want to be told of its end through the browser, while it is alive. */
  async frontChannelTargets(parentId: string): Promise<readonly string[]> {
    const rows = await this.database.query<{ uri: string }>(
      `SELECT DISTINCT a.frontchannel_logout_uri AS uri
       FROM sessions s JOIN applications a ON a.client_id = s.client_id AND a.disabled_at IS NULL
       WHERE s.parent_id = $1 AND s.ended_at IS NULL AND s.client_generation IS NOT NULL
         AND a.frontchannel_logout_uri IS NOT NULL
       ORDER BY uri`,
      [parentId],
    );
    return rows.map(({ uri }) => uri);
  }

  /**
   * Ends a session, its refresh families and its access tokens, at every instance before it returns (D14, D20); the
   * applications whose sessions ended are told later, of what was committed (D37). Ending
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
    const [[ended]]: [EndedRow[], number] = await manager.query(
      `UPDATE sessions SET ended_at = now(), end_reason = $2 WHERE id = $1 AND ended_at IS NULL
       RETURNING id, user_id, organization_id, cookie_hash IS NOT NULL AS is_parent`,
      [sessionId, reason],
    );
    if (ended === undefined) return 'already-ended';
    const ids = [sessionId, ...(ended.is_parent ? await this.endChildren(manager, sessionId, reason) : [])];
    for (const id of ids) revoke({ subject: `session:${id}`, generation: 1 });
    await manager.query(
      `UPDATE refresh_families SET revoked_at = now(), revoke_reason = $2
       WHERE session_id = ANY ($1::uuid[]) AND revoked_at IS NULL`,
      [ids, reason],
    );
    if (!ENDED_BY_THE_APPLICATION.has(reason)) await recordLogoutNotices(manager, ids);
    const { user_id: userId, organization_id: organizationId } = ended;
    await this.audit.record(manager, { kind: 'session.ended', sessionId, userId, organizationId, reason }, context);
    return 'ended';
  }

  /** A statement of its own, after the parent's: what waited for its lock to be born is seen here (D32). */
  private async endChildren(manager: EntityManager, parentId: string, reason: SessionEndReason): Promise<string[]> {
    const [rows]: [{ id: string }[], number] = await manager.query(
      `UPDATE sessions SET ended_at = now(), end_reason = $2 WHERE parent_id = $1 AND ended_at IS NULL RETURNING id`,
      [parentId, reason],
    );
    return rows.map(({ id }) => id);
  }
}
