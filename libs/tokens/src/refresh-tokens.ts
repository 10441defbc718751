import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Database } from '@app/database';
import { hashOpaqueToken, isOpaqueToken, mintOpaqueToken, narrowScope } from '@app/oauth2';
import {
  SESSION_FACTS_COLUMNS,
  SESSION_FACTS_NAMES,
  SESSION_FACTS_TABLES,
  SESSION_IS_ALIVE,
  sessionFactsOf,
  type SessionFacts,
  type SessionFactsRow,
} from './session-facts.js';
import { openSuccessor, sealSuccessor } from './successor-seal.js';

/** What a refresh gave: the successor, and the facts to issue the access token from. */
export interface Rotated {
  readonly refreshToken: string;
  readonly facts: SessionFacts;
  /** What was granted; a narrower request narrows the access token alone (RFC 6749 §6). */
  readonly scopes: readonly string[];
}

/** Why no successor was given. `reused` asks the caller to end the session. */
export type RotationRefusal =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'scope' }
  | { readonly kind: 'reused'; readonly familyId: string; readonly facts: SessionFacts };

/** What introspection and revocation may know of a refresh token. */
export interface RefreshTokenState {
  readonly sessionId: string;
  readonly clientId: string;
  readonly scope: string;
  readonly active: boolean;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  readonly issuedAt: number;
  readonly userId: string;
}

/** How long after the first rotation its predecessor still gets the same successor (D13), by the database's clock. */
const GRACE = `interval '10 seconds'`;

/**
 * One statement: uses the token up, adds the successor, erases the seal that the token itself was kept under, and reads
 * everything the access token says, as one JSON value, which costs us less to read than its columns. The family is named
 * twice so that the plan starts from it, whatever the tables' sizes are. Two callers serialise on the row: the second
 * sees `rotated_at` set and gets nothing.
 */
const ROTATE = `
  WITH used AS (
    UPDATE refresh_tokens t
    SET rotated_at = clock_timestamp(), successor_hash = $2, successor_sealed = $3
    FROM refresh_families f, ${SESSION_FACTS_TABLES}
    WHERE t.hash = $1 AND t.rotated_at IS NULL AND t.expires_at > now()
      AND f.id = t.family_id AND f.id = (SELECT family_id FROM refresh_tokens WHERE hash = $1)
      AND f.revoked_at IS NULL AND ($4::text IS NULL OR f.client_id = $4)
      AND string_to_array(f.scope, ' ') @> $5::text[]
      AND s.id = f.session_id AND ${SESSION_IS_ALIVE}
    RETURNING t.family_id, t.predecessor_hash, f.scope, s.expires_at AS session_expires_at, ${SESSION_FACTS_COLUMNS}
  ), successor AS (
    INSERT INTO refresh_tokens (hash, family_id, predecessor_hash, expires_at)
    SELECT $2, family_id, $1, LEAST(now() + make_interval(secs => $6), session_expires_at) FROM used
  ), erased AS (
    UPDATE refresh_tokens SET successor_sealed = NULL
    WHERE hash = (SELECT predecessor_hash FROM used) AND successor_sealed IS NOT NULL
  )
  SELECT row_to_json(r) AS row FROM (SELECT scope, ${SESSION_FACTS_NAMES} FROM used) r`;

const EXPLAIN_REFUSAL = `
  SELECT t.rotated_at IS NOT NULL AS rotated, t.successor_sealed,
         t.rotated_at > clock_timestamp() - ${GRACE} AND n.hash IS NOT NULL AND n.rotated_at IS NULL AS within_grace,
         t.expires_at > now() AND f.revoked_at IS NULL AND ${SESSION_IS_ALIVE} AS alive,
         $2::text IS NULL OR f.client_id = $2 AS same_client, f.id AS family_id, f.scope, ${SESSION_FACTS_COLUMNS}
  FROM refresh_tokens t
  JOIN refresh_families f ON f.id = t.family_id
  JOIN sessions s ON s.id = f.session_id
  JOIN users u ON u.id = s.user_id
  JOIN providers p ON p.id = s.provider_id
  JOIN organizations o ON o.id = s.organization_id
  LEFT JOIN refresh_tokens n ON n.hash = t.successor_hash
  WHERE t.hash = $1`;

interface RotatedRow extends SessionFactsRow {
  readonly scope: string;
}

interface RefusedRow extends RotatedRow {
  readonly rotated: boolean;
  readonly successor_sealed: Buffer | null;
  readonly within_grace: boolean | null;
  readonly alive: boolean;
  readonly same_client: boolean;
  readonly family_id: string;
}

/** Refresh tokens in Postgres: opaque, hashed, used once, in families (D13, R21). */
@Injectable()
export class RefreshTokens {
  private readonly idleSeconds: number;

  constructor(
    private readonly database: Database,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.idleSeconds = config.lifetimes.refreshIdleSeconds;
  }

  /** Starts a family for a session that is alive; undefined when it no longer is. */
  async begin(sessionId: string, scopes: readonly string[]): Promise<Rotated | undefined> {
    const refreshToken = mintOpaqueToken('rt');
    const [row] = await this.database.queryNamed<SessionFactsRow>(
      'refresh-begin',
      `WITH session AS (
         SELECT s.expires_at AS session_expires_at, ${SESSION_FACTS_COLUMNS}
         FROM ${SESSION_FACTS_TABLES} WHERE s.id = $1 AND ${SESSION_IS_ALIVE}
       ), family AS (
         INSERT INTO refresh_families (id, session_id, client_id, scope)
         SELECT $2, session_id, client_id, $3 FROM session RETURNING id
       ), token AS (
         INSERT INTO refresh_tokens (hash, family_id, expires_at)
         SELECT $4, family.id, LEAST(now() + make_interval(secs => $5), session_expires_at) FROM family, session
       )
       SELECT * FROM session`,
      [sessionId, randomUUID(), scopes.join(' '), hashOpaqueToken(refreshToken), this.idleSeconds],
    );
    return row === undefined ? undefined : { refreshToken, facts: sessionFactsOf(row), scopes };
  }

  /**
   * Uses a refresh token and answers its successor (RFC 6749 §6, D13). Called again with the same token by the same
   * client within ten seconds, while the successor is unused, it answers the same successor.
   * @param clientId the client that presents it, where it named itself.
   * @param requested scopes asked for; empty asks for what was granted.
   */
  async rotate(
    presented: string,
    clientId: string | undefined,
    requested: readonly string[],
  ): Promise<Rotated | RotationRefusal> {
    if (!isOpaqueToken(presented, 'rt')) return { kind: 'unknown' };
    const hash = hashOpaqueToken(presented);
    const successor = mintOpaqueToken('rt');
    const [found] = await this.database.queryNamed<{ row: RotatedRow }>('refresh-rotate', ROTATE, [
      hash,
      hashOpaqueToken(successor),
      sealSuccessor(successor, presented),
      clientId ?? null,
      requested,
      this.idleSeconds,
    ]);
    if (found !== undefined) return rotated(found.row, successor, requested);
    return this.explainRefusal(presented, hash, clientId, requested);
  }

  /** What is known of a refresh token, without using it. */
  async find(presented: string): Promise<RefreshTokenState | undefined> {
    if (!isOpaqueToken(presented, 'rt')) return undefined;
    const [row] = await this.database.query<{
      session_id: string;
      client_id: string;
      scope: string;
      active: boolean;
      expires_at: string;
      issued_at: string;
      user_id: string;
    }>(
      `SELECT f.session_id, f.client_id, f.scope, s.user_id,
              t.rotated_at IS NULL AND t.expires_at > now() AND f.revoked_at IS NULL AND ${SESSION_IS_ALIVE} AS active,
              extract(epoch FROM t.expires_at)::bigint AS expires_at, extract(epoch FROM t.issued_at)::bigint AS issued_at
       FROM refresh_tokens t
       JOIN refresh_families f ON f.id = t.family_id
       JOIN sessions s ON s.id = f.session_id
       JOIN users u ON u.id = s.user_id
       JOIN providers p ON p.id = s.provider_id
       JOIN organizations o ON o.id = s.organization_id
       WHERE t.hash = $1`,
      [hashOpaqueToken(presented)],
    );
    if (row === undefined) return undefined;
    return {
      sessionId: row.session_id,
      clientId: row.client_id,
      scope: row.scope,
      active: row.active,
      expiresAt: Number(row.expires_at),
      issuedAt: Number(row.issued_at),
      userId: row.user_id,
    };
  }

  /** Erases seals whose grace is over, and tokens that can no longer tell a reuse from a stranger's guess. */
  async purge(): Promise<void> {
    await this.database.query(
      `UPDATE refresh_tokens SET successor_sealed = NULL
       WHERE successor_sealed IS NOT NULL AND rotated_at < clock_timestamp() - ${GRACE}`,
      [],
    );
    await this.database.query(`DELETE FROM refresh_tokens WHERE expires_at < now()`, []);
    await this.database.query(`DELETE FROM sessions WHERE expires_at < now() - interval '7 days'`, []);
  }

  private async explainRefusal(
    presented: string,
    hash: Buffer,
    clientId: string | undefined,
    requested: readonly string[],
  ): Promise<Rotated | RotationRefusal> {
    const [row] = await this.database.query<RefusedRow>(EXPLAIN_REFUSAL, [hash, clientId ?? null]);
    if (row === undefined || !row.same_client) return { kind: 'unknown' };
    if (!row.rotated) return row.alive ? { kind: 'scope' } : { kind: 'unknown' };
    const granted = row.scope.split(' ');
    if (row.alive && row.within_grace === true && row.successor_sealed !== null) {
      if (narrowScope(granted, requested) === undefined) return { kind: 'scope' };
      return rotated(row, openSuccessor(row.successor_sealed, presented), requested);
    }
    return { kind: 'reused', familyId: row.family_id, facts: sessionFactsOf(row) };
  }
}

function rotated(row: RotatedRow, refreshToken: string, requested: readonly string[]): Rotated {
  return {
    refreshToken,
    facts: sessionFactsOf(row),
    scopes: requested.length === 0 ? row.scope.split(' ') : requested,
  };
}
