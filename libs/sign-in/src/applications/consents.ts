import { Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import type { Application } from '@app/clients';
import { Database } from '@app/database';
import { OAuthError } from '@app/oauth2';
import { Revocations } from '@app/revocation';
import { Sessions } from '@app/tokens';

/** A consent as the person sees it. */
export interface GivenConsent {
  readonly applicationId: string;
  readonly name: string;
  readonly organization: string;
  readonly scopes: readonly string[];
  readonly grantedAt: Date;
}

/** What people allowed applications, kept until they take it back (D49). */
@Injectable()
export class Consents {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly revocations: Revocations,
    private readonly sessions: Sessions,
  ) {}

  /** Says whether this person has allowed the application all of these scopes. */
  async covers(userId: string, application: Application, scopes: readonly string[]): Promise<boolean> {
    const [row] = await this.database.queryNamed<{ covered: boolean }>(
      'consent',
      `SELECT scopes @> $3::text[] AS covered FROM consents WHERE user_id = $1 AND application_id = $2`,
      [userId, application.id, scopes],
    );
    return row?.covered === true;
  }

  /** Adds to what was allowed before. */
  async grant(
    userId: string,
    application: Application,
    scopes: readonly string[],
    context: AuditContext,
  ): Promise<void> {
    const { id: applicationId, organizationId } = application;
    await this.database.transaction(async (manager) => {
      await manager.query(
        `INSERT INTO consents AS c (user_id, application_id, scopes) VALUES ($1, $2, $3)
         ON CONFLICT (user_id, application_id) DO UPDATE
         SET granted_at = now(),
             scopes = ARRAY(SELECT DISTINCT scope FROM unnest(c.scopes || excluded.scopes) AS s (scope) ORDER BY scope)`,
        [userId, applicationId, scopes],
      );
      await this.audit.record(
        manager,
        { kind: 'consent.granted', userId, applicationId, organizationId, scopes },
        context,
      );
    });
  }

  /** What a person has allowed, by name of the application. */
  async list(userId: string): Promise<readonly GivenConsent[]> {
    const rows = await this.database.query<ConsentRow>(
      `SELECT a.id, a.name, o.name AS organization, c.scopes, c.granted_at
       FROM consents c JOIN applications a ON a.id = c.application_id JOIN organizations o ON o.id = a.organization_id
       WHERE c.user_id = $1 ORDER BY a.name, a.id`,
      [userId],
    );
    return rows.map(({ id, granted_at: grantedAt, ...row }) => ({ applicationId: id, grantedAt, ...row }));
  }

  /**
   * Takes back what a person allowed: whatever the application holds of him is dead when this returns (D20).
   * @throws OAuthError `not_found` where he allowed it nothing
   */
  async withdraw(userId: string, applicationId: string, context: AuditContext): Promise<void> {
    await this.revocations.transaction(async (manager, revoke) => {
      const [rows]: [{ scopes: string[]; client_id: string; organization_id: string }[], number] =
        applicationId.includes('\0')
          ? [[], 0]
          : await manager.query(
              `DELETE FROM consents c USING applications a
               WHERE c.user_id = $1 AND c.application_id = $2 AND a.id = c.application_id
               RETURNING c.scopes, a.client_id, a.organization_id`,
              [userId, applicationId],
            );
      const [row] = rows;
      if (row === undefined) throw new OAuthError('not_found', 'You have allowed no application with this id anything');
      const { scopes, client_id: clientId, organization_id: organizationId } = row;
      const held: { id: string }[] = await manager.query(
        `SELECT id FROM sessions
         WHERE user_id = $1 AND client_id = $2 AND client_generation IS NOT NULL AND ended_at IS NULL`,
        [userId, clientId],
      );
      for (const { id } of held) await this.sessions.endWithin(manager, revoke, id, 'consent_withdrawn', context);
      const event = { userId, applicationId, organizationId, scopes };
      await this.audit.record(manager, { kind: 'consent.withdrawn', ...event }, context);
    });
  }
}

interface ConsentRow {
  readonly id: string;
  readonly name: string;
  readonly organization: string;
  readonly scopes: string[];
  readonly granted_at: Date;
}
