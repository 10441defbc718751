import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { isPublic, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Database } from '@app/database';
import { SESSION_FACTS_TABLES, SESSION_IS_ALIVE } from './session-facts.js';

/** Whose session out of which browser's, and for what. */
export interface SilentRequest {
  /** SHA-256 of the browser's cookie. */
  readonly cookieHash: Buffer;
  /** As somebody remembers it: it need not be current. */
  readonly application: Application;
  readonly scopes: readonly string[];
  /** The provider that the person must have signed in at; undefined: any. */
  readonly providerId: string | undefined;
}

/** The consent is held until the session is there, so that whoever takes it back finds the session (D49). */
const ALLOWED = {
  tables: ', consents c',
  condition: `AND c.user_id = s.user_id AND c.application_id = a.id AND c.scopes @> $7::text[]`,
  lock: 'FOR KEY SHARE OF c',
};
const ALLOWED_ANYWAY = { tables: '', condition: '', lock: '' };

/** As `Sessions.beginForApplication` writes it, with all that is asked before: the browser, the application, the consent. */
const begin = ({ tables, condition, lock }: typeof ALLOWED) => `
  WITH parent AS MATERIALIZED (
    SELECT s.*, a.client_id AS application, a.generation AS application_generation
    FROM ${SESSION_FACTS_TABLES}, applications a${tables}
    WHERE s.cookie_hash = $2 AND s.created_at > now() - make_interval(secs => $3) AND ${SESSION_IS_ALIVE}
      AND ($6::text IS NULL OR s.provider_id = $6)
      AND a.id = $4 AND a.revision = $5 AND a.disabled_at IS NULL AND a.organization_id = s.organization_id
      ${condition}
    FOR SHARE OF s ${lock}
  )
  INSERT INTO sessions (id, parent_id, sid, user_id, identity_id, provider_id, organization_id, client_id,
                        client_generation, user_generation, provider_generation, organization_generation, auth_time,
                        acr, amr, expires_at)
  SELECT $1::uuid, id, id, user_id, identity_id, provider_id, organization_id, application, application_generation,
         user_generation, provider_generation, organization_generation, auth_time, acr, amr, expires_at
  FROM parent
  RETURNING 1 AS begun`;

const BEGIN_ALLOWED = begin(ALLOWED);
const BEGIN_ALLOWED_ANYWAY = begin(ALLOWED_ANYWAY);

/**
 * An application's session of a person who need not be asked anything, in one statement that is its own transaction
 * (docs/decisions/0022): he is signed in here, and has allowed the application what it asks for.
 */
@Injectable()
export class SilentSessions {
  private readonly maxAgeSeconds: number;

  constructor(
    private readonly database: Database,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.maxAgeSeconds = config.lifetimes.browserSessionSeconds;
  }

  /**
   * Answers the id of the session. It proves that the application is current, because the statement looks at its revision
   * (D20). Undefined: nothing was written, and who asks must find out what is to be done.
   */
  async begin({ cookieHash, application, scopes, providerId }: SilentRequest): Promise<string | undefined> {
    const { id: applicationId, revision } = application;
    const id = randomUUID();
    const parameters = [id, cookieHash, this.maxAgeSeconds, applicationId, revision, providerId ?? null];
    if (application.consent === 'skip') {
      const rows = await this.database.queryNamed('silent-session-anyway', BEGIN_ALLOWED_ANYWAY, parameters);
      return rows.length === 0 ? undefined : id;
    }
    // Who is asked every time (RFC 8252 §8.6, D49).
    if (isPublic(application)) return undefined;
    const rows = await this.database.queryNamed('silent-session', BEGIN_ALLOWED, [...parameters, scopes]);
    return rows.length === 0 ? undefined : id;
  }
}
