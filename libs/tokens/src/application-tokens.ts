import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Database } from '@app/database';
import { Revocations } from '@app/revocation';
import { SESSION_FACTS_TABLES, SESSION_IS_ALIVE } from './session-facts.js';
import { Sessions } from './sessions.js';

/** What an application holds of one person: a refresh family that is alive, without anything secret. */
export interface ApplicationToken {
  /** Of the family; stays the same through every rotation. */
  readonly id: string;
  readonly sessionId: string;
  /** As granted; the application may be registered for less by now. */
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  /** The last refresh; undefined before the first. */
  readonly refreshedAt: Date | undefined;
  /** End of the access token that was issued last, to the second, never late. */
  readonly accessTokenExpiresAt: Date;
  readonly user: {
    readonly id: string;
    readonly email: string;
    readonly name: string | undefined;
    readonly createdAt: Date;
    readonly modifiedAt: Date;
  };
  readonly organization: { readonly id: string; readonly name: string; readonly createdAt: Date };
}

/** Whose token is ended, and by whom; `actor` as in the audit. */
export interface TokenEnder {
  readonly organizationId: string;
  readonly actor: string;
}

interface Row {
  readonly id: string;
  readonly session_id: string;
  readonly scope: string;
  readonly created_at: Date;
  readonly rotated_at: Date | null;
  readonly issued_at: Date;
  readonly user_id: string;
  readonly email: string;
  readonly user_name: string | null;
  readonly user_created_at: Date;
  readonly user_modified_at: Date;
  readonly organization_id: string;
  readonly organization_name: string;
  readonly organization_created_at: Date;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Begins at the sessions: of applications alone there is an index. */
const LIVING = `
  FROM refresh_families f, ${SESSION_FACTS_TABLES}
  WHERE s.client_generation IS NOT NULL AND f.session_id = s.id AND f.client_id = s.client_id
    AND f.revoked_at IS NULL AND f.expires_at > now() AND ${SESSION_IS_ALIVE}`;

const COLUMNS = `
  f.id, f.session_id, f.scope, f.created_at, f.rotated_at, f.issued_at,
  u.id AS user_id, u.email, u.name AS user_name, u.created_at AS user_created_at, u.modified_at AS user_modified_at,
  o.id AS organization_id, o.name AS organization_name, o.created_at AS organization_created_at`;

/**
 * The tokens that people gave an application, one by one, for whoever keeps the application. Only what is alive: a token
 * of an ended session, a disabled person or a disabled application is not there (R11, R23).
 *
 * The caller has made sure that the application is one of his organization's (R27).
 */
@Injectable()
export class ApplicationTokens {
  private readonly accessTokenMs: number;

  constructor(
    private readonly database: Database,
    private readonly sessions: Sessions,
    private readonly revocations: Revocations,
    private readonly audit: AuditLog,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.accessTokenMs = config.lifetimes.accessTokenSeconds * 1000;
  }

  /** Newest session first. */
  async list(
    clientId: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly ApplicationToken[]> {
    const rows = await this.database.query<Row>(
      `SELECT ${COLUMNS} ${LIVING} AND s.client_id = $1
       ORDER BY s.created_at DESC, s.id, f.created_at DESC, f.id LIMIT $2 OFFSET $3`,
      [clientId, page.limit, page.offset],
    );
    return rows.map((row) => this.tokenOf(row));
  }

  /** Undefined when the application has none of this id that is alive. */
  async find(clientId: string, id: string): Promise<ApplicationToken | undefined> {
    if (!UUID.test(id)) return undefined;
    const [row] = await this.database.queryNamed<Row>(
      'application-token',
      `SELECT ${COLUMNS} ${LIVING} AND s.client_id = $1 AND f.id = $2`,
      [clientId, id],
    );
    return row === undefined ? undefined : this.tokenOf(row);
  }

  /** How many each of these applications has; none is 0. */
  async count(clientIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows = await this.database.query<{ client_id: string; total: number }>(
      `SELECT s.client_id, count(*)::int AS total ${LIVING} AND s.client_id = ANY ($1::text[]) GROUP BY s.client_id`,
      [clientIds],
    );
    const counted = new Map(rows.map(({ client_id: clientId, total }) => [clientId, total]));
    return new Map(clientIds.map((clientId) => [clientId, counted.get(clientId) ?? 0]));
  }

  /**
   * Ends a token with all that its session issued: when this returns, nothing of it is good at any instance (D20).
   * Answers false when the application has none of this id that is alive.
   */
  async end(clientId: string, id: string, ender: TokenEnder, context: AuditContext): Promise<boolean> {
    const token = await this.find(clientId, id);
    if (token === undefined) return false;
    return this.revocations.transaction(async (manager, revoke) => {
      const ending = await this.sessions.endWithin(manager, revoke, token.sessionId, 'token_revoked', context);
      if (ending === 'already-ended') return false;
      const { organizationId, actor: by } = ender;
      await this.audit.record(
        manager,
        { kind: 'token.revoked', tokenId: id, tokenType: 'refresh_token', by, organizationId },
        context,
      );
      return true;
    });
  }

  private tokenOf(row: Row): ApplicationToken {
    const issuedAtSecond = Math.floor(row.issued_at.getTime() / 1000) * 1000;
    return {
      id: row.id,
      sessionId: row.session_id,
      scopes: row.scope.split(' '),
      createdAt: row.created_at,
      refreshedAt: row.rotated_at ?? undefined,
      accessTokenExpiresAt: new Date(issuedAtSecond + this.accessTokenMs),
      user: {
        id: row.user_id,
        email: row.email,
        name: row.user_name ?? undefined,
        createdAt: row.user_created_at,
        modifiedAt: row.user_modified_at,
      },
      organization: {
        id: row.organization_id,
        name: row.organization_name,
        createdAt: row.organization_created_at,
      },
    };
  }
}
