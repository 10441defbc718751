import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database } from '@app/database';
import type { EntityManager } from 'typeorm';
import { subjectKey } from '../identity/subject-key.js';
import type { NameId } from '../message-facts.js';

/** A person at an identity provider, as a message names him. */
export interface SamlPrincipal {
  readonly providerId: string;
  readonly nameId: NameId;
  /** SessionIndex values; in a LogoutRequest none means every session of the person (D25). */
  readonly sessionIndexes: readonly string[];
}

/** The SAML side of a session of ours: what a logout names it by, at either end. */
export interface SamlSession extends SamlPrincipal {
  readonly sessionId: string;
  readonly idpEntityId: string;
  /** When the person authenticated, by the IdP's clock. */
  readonly authnInstant: Date;
}

/** A principal as statements name him: what his logins and logouts queue for, and how he is written down. */
export interface SamlPrincipalColumns {
  /** Of the advisory lock that logins and logouts of one person at one provider take in turn. */
  readonly lockName: string;
  readonly subject: string;
  /** JSON. */
  readonly nameId: string;
}

/** @throws UnusableNameId */
export function samlPrincipalColumns({
  providerId,
  nameId,
}: Pick<SamlPrincipal, 'providerId' | 'nameId'>): SamlPrincipalColumns {
  const { format, nameQualifier, spNameQualifier, value } = nameId;
  const subject = subjectKey(nameId);
  return {
    lockName: lockName(providerId, subject),
    subject,
    nameId: JSON.stringify({ format, nameQualifier, spNameQualifier, value }),
  };
}

interface SessionRow {
  readonly session_id: string;
  readonly provider_id: string;
  readonly idp_entity_id: string;
  readonly name_id: { format?: string; nameQualifier?: string; spNameQualifier?: string; value: string };
  readonly session_indexes: string[];
  readonly authn_instant: Date;
}

/**
 * Which of our sessions began with which assertion, and which logouts still reach assertions that are on their way
 * (D25). Rows of sessions go with the session's own row.
 */
@Injectable()
export class SamlSessions {
  private readonly logger = new Logger(SamlSessions.name);

  constructor(private readonly database: Database) {}

  /** Remembers the assertion of a session that begins in this transaction, after {@link wasLoggedOut} said no. */
  async begin(manager: EntityManager, session: SamlSession): Promise<void> {
    const { subject, nameId } = samlPrincipalColumns(session);
    await manager.query(
      `INSERT INTO saml_sessions (session_id, provider_id, idp_entity_id, subject, name_id, session_indexes, authn_instant)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        session.sessionId,
        session.providerId,
        session.idpEntityId,
        subject,
        nameId,
        session.sessionIndexes,
        session.authnInstant,
      ],
    );
  }

  /**
   * Whether a logout that came before this assertion ends it too (core §3.7.3.1): same person, a SessionIndex of it
   * named or none at all, authenticated no later than the logout was issued. Call it before anything else in the
   * transaction that begins the session: until its end no logout of the same person runs, so the logout either is seen
   * here or finds the session.
   */
  async wasLoggedOut(
    manager: EntityManager,
    principal: SamlPrincipal & { readonly authnInstant: Date },
    now: Date,
  ): Promise<boolean> {
    const { lockName, subject } = samlPrincipalColumns(principal);
    const [row]: { over: boolean }[] = await manager.query(
      `SELECT saml_was_logged_out($1, $2, $3, $4, $5, $6) AS over`,
      [lockName, principal.providerId, subject, principal.sessionIndexes, principal.authnInstant, now],
    );
    return row?.over !== false;
  }

  /**
   * Keeps a logout until `until`, for assertions that arrive after it, and answers which sessions have not ended and are
   * named by it: those of the person at that entity with a SessionIndex of it, or all where it names none (D25, D46).
   */
  async recordLogout(
    manager: EntityManager,
    logout: SamlPrincipal & { readonly idpEntityId: string; readonly issuedAt: Date; readonly until: Date },
  ): Promise<string[]> {
    const subject = subjectKey(logout.nameId);
    await oneAtATime(manager, logout.providerId, subject);
    // At most a day: whatever NotOnOrAfter says, no assertion is on its way for longer, and rows must end.
    await manager.query(
      `INSERT INTO saml_logouts (provider_id, subject, session_indexes, issued_at, until)
       VALUES ($1, $2, $3, $4, LEAST($5::timestamptz, $4::timestamptz + interval '1 day'))`,
      [logout.providerId, subject, logout.sessionIndexes, logout.issuedAt, logout.until],
    );
    const rows: { id: string }[] = await manager.query(
      `SELECT s.id FROM saml_sessions m JOIN sessions s ON s.id = m.session_id
       WHERE m.provider_id = $1 AND m.subject = $2 AND m.idp_entity_id = $3 AND s.ended_at IS NULL
         AND ($4::text[] = '{}' OR m.session_indexes && $4::text[])
       ORDER BY s.id`,
      [logout.providerId, subject, logout.idpEntityId, logout.sessionIndexes],
    );
    return rows.map((row) => row.id);
  }

  /** The SAML side of a session, ended or not; undefined where it began without SAML. */
  async of(sessionId: string): Promise<SamlSession | undefined> {
    const [row] = await this.database.query<SessionRow>(
      `SELECT session_id, provider_id, idp_entity_id, name_id, session_indexes, authn_instant
       FROM saml_sessions WHERE session_id = $1`,
      [sessionId],
    );
    if (row === undefined) return undefined;
    const { format, nameQualifier, spNameQualifier, value } = row.name_id;
    return {
      sessionId: row.session_id,
      providerId: row.provider_id,
      idpEntityId: row.idp_entity_id,
      nameId: { format, nameQualifier, spNameQualifier, value },
      sessionIndexes: row.session_indexes,
      authnInstant: row.authn_instant,
    };
  }

  /** Erases logouts whose time is over. Any number of instances may do it at once. */
  @Interval('saml-logouts-purge', 60_000)
  async purge(): Promise<void> {
    // A day late: `until` is measured by the processes' clocks, and a row too many harms nobody.
    await this.database
      .query(`DELETE FROM saml_logouts WHERE until < now() - interval '1 day'`)
      .catch((error: unknown) => this.logger.warn(`could not purge SAML logouts: ${String(error)}`));
  }
}

/** Serialises logins and logouts of one person at one provider until the transaction ends. */
async function oneAtATime(manager: EntityManager, providerId: string, subject: string): Promise<void> {
  await manager.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [lockName(providerId, subject)]);
}

function lockName(providerId: string, subject: string): string {
  return JSON.stringify(['saml', providerId, subject]);
}
