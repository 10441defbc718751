import { Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import type { Application } from '@app/clients';
import { Database } from '@app/database';

/** What people allowed applications, kept until they take it back (D49). */
@Injectable()
export class Consents {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
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
}
