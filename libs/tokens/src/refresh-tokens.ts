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
import { handleHashOf, mintSuccessor } from './family-handle.js';
import { openSuccessor, sealSuccessor } from './successor-seal.js';

/** What a refresh gave: the successor, and the facts to issue the access token from. */
export interface Rotated {
  readonly refreshToken: string;
  readonly familyId: string;
  readonly facts: SessionFacts;
  /** What its access tokens are for beside this server (RFC 8707). */
  readonly resource: string | undefined;
  /** What was granted; a narrower request narrows the access token alone (RFC 6749 §6). */
  readonly scopes: readonly string[];
}

/** The key that a refresh proves; the family of a public client is bound to it from then on (RFC 9449 §5). */
export interface ProvenKey {
  readonly jkt: string;
  readonly client: 'public' | 'confidential';
}

/** Why no successor was given. `reused` asks the caller to end the session. */
export type RotationRefusal =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'scope' }
  | { readonly kind: 'key' }
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
  /** Thumbprint of the key that it is bound to. */
  readonly boundTo: string | undefined;
}

/** How long after the first rotation its predecessor still gets the same successor (D13), by the database's clock. */
const GRACE = `interval '10 seconds'`;

/** Like {@link ROTATE} it answers all facts as one JSON value. */
const BEGIN = `
  WITH session AS (
    SELECT s.expires_at AS session_expires_at, ${SESSION_FACTS_COLUMNS}
    FROM ${SESSION_FACTS_TABLES} WHERE s.id = $1 AND ${SESSION_IS_ALIVE}
  ), family AS (
    INSERT INTO refresh_families (id, session_id, client_id, scope, handle_hash, current_hash, resource, dpop_jkt, expires_at)
    SELECT $2, session_id, client_id, $3, $4, $5, $7, $8, LEAST(now() + make_interval(secs => $6), session_expires_at)
    FROM session
  )
  SELECT row_to_json(r) AS row FROM (SELECT ${SESSION_FACTS_NAMES} FROM session) r`;

/**
 * One statement that changes one row: uses the token up, puts the successor in its place, and reads everything the
 * access token says, as one JSON value, which costs us less to read than its columns. Two callers serialise on the row:
 * the second sees another `current_hash` and gets nothing. No indexed column changes, so Postgres writes no index either.
 */
const ROTATE = `
  WITH used AS (
    UPDATE refresh_families f
    SET current_hash = $3, predecessor_hash = $2, successor_sealed = $4, rotated_at = clock_timestamp(),
        dpop_jkt = coalesce(f.dpop_jkt, $9), issued_at = now(), expires_at = LEAST(now() + make_interval(secs => $7), s.expires_at)
    FROM ${SESSION_FACTS_TABLES}
    WHERE f.handle_hash = $1 AND f.current_hash = $2 AND f.expires_at > now() AND f.revoked_at IS NULL
      AND (f.client_id = $5 OR ($5::text IS NULL AND s.client_generation IS NULL)) AND string_to_array(f.scope, ' ') @> $6::text[]
      AND (f.dpop_jkt IS NULL OR f.dpop_jkt = $8)
      AND s.id = f.session_id AND ${SESSION_IS_ALIVE}
    RETURNING f.id AS family_id, f.scope, f.resource, ${SESSION_FACTS_COLUMNS}
  )
  SELECT row_to_json(r) AS row FROM (SELECT family_id, scope, resource, ${SESSION_FACTS_NAMES} FROM used) r`;

/** D13: the seal is of use for ten seconds only. */
const ERASE_SEALS = `
  UPDATE refresh_families SET successor_sealed = NULL
  WHERE successor_sealed IS NOT NULL AND rotated_at < clock_timestamp() - ${GRACE}`;

const FAMILY_TABLES = `
  refresh_families f
  JOIN sessions s ON s.id = f.session_id
  JOIN users u ON u.id = s.user_id
  JOIN providers p ON p.id = s.provider_id
  JOIN organizations o ON o.id = s.organization_id`;

/** Who holds a token of the family that is not the current one has, or had, the current one's forerunner: a reuse. */
const EXPLAIN_REFUSAL = `
  SELECT f.current_hash <> $2 AS rotated, f.successor_sealed,
         f.predecessor_hash = $2 AND f.rotated_at > clock_timestamp() - ${GRACE} AS within_grace,
         f.expires_at > now() AND f.revoked_at IS NULL AND ${SESSION_IS_ALIVE} AS alive,
         f.client_id = $3 OR ($3::text IS NULL AND s.client_generation IS NULL) AS same_client,
         f.dpop_jkt IS NULL OR f.dpop_jkt IS NOT DISTINCT FROM $4 AS same_key,
         f.id AS family_id, f.scope, f.resource, ${SESSION_FACTS_COLUMNS}
  FROM ${FAMILY_TABLES}
  WHERE f.handle_hash = $1`;

interface RotatedRow extends SessionFactsRow {
  readonly family_id: string;
  readonly scope: string;
  readonly resource: string | null;
}

interface RefusedRow extends RotatedRow {
  readonly rotated: boolean;
  readonly successor_sealed: Buffer | null;
  readonly within_grace: boolean | null;
  readonly alive: boolean;
  readonly same_client: boolean | null;
  readonly same_key: boolean;
}

/**
 * Refresh tokens in Postgres: opaque, hashed, used once, in families (D13, R21). A family is one row: half of a token's
 * 256 random bits is its family's handle, so every token that the family ever had leads to it, and none but the current
 * one needs to be kept for a reuse to be seen (docs/decisions/0010).
 */
@Injectable()
export class RefreshTokens {
  private readonly idleSeconds: number;
  /** Families whose seal this process wrote since the last two turns of {@link eraseSpentSeals}. */
  private sealed: { latest: Buffer[]; earlier: Buffer[] } = { latest: [], earlier: [] };

  constructor(
    private readonly database: Database,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.idleSeconds = config.lifetimes.refreshIdleSeconds;
  }

  /**
   * Starts a family for a session that is alive; undefined when it no longer is.
   * @param boundTo thumbprint of the key that every refresh must prove (RFC 9449 §5)
   */
  async begin(
    sessionId: string,
    scopes: readonly string[],
    resource?: string,
    boundTo?: string,
  ): Promise<Rotated | undefined> {
    const refreshToken = mintOpaqueToken('rt');
    const familyId = randomUUID();
    const [found] = await this.database.queryNamed<{ row: SessionFactsRow }>('refresh-begin', BEGIN, [
      sessionId,
      familyId,
      scopes.join(' '),
      handleHashOf(refreshToken),
      hashOpaqueToken(refreshToken),
      this.idleSeconds,
      resource ?? null,
      boundTo ?? null,
    ]);
    if (found === undefined) return undefined;
    return { refreshToken, familyId, facts: sessionFactsOf(found.row), resource, scopes };
  }

  /**
   * Uses a refresh token and answers its successor (RFC 6749 §6, D13). Called again with the same token by the same
   * client within ten seconds, while the successor is unused, it answers the same successor.
   * @param clientId the client that presents it; an application must name itself, a first-party client need not.
   * @param requested scopes asked for; empty asks for what was granted.
   * @param key what the request proves; without the key that its family is bound to a token is as good as unknown.
   */
  async rotate(
    presented: string,
    clientId: string | undefined,
    requested: readonly string[],
    key?: ProvenKey,
  ): Promise<Rotated | RotationRefusal> {
    if (!isOpaqueToken(presented, 'rt')) return { kind: 'unknown' };
    const hash = hashOpaqueToken(presented);
    const handleHash = handleHashOf(presented);
    const successor = mintSuccessor(presented);
    const [found] = await this.database.queryNamed<{ row: RotatedRow }>('refresh-rotate', ROTATE, [
      handleHash,
      hash,
      hashOpaqueToken(successor),
      sealSuccessor(successor, presented),
      clientId ?? null,
      requested,
      this.idleSeconds,
      key?.jkt ?? null,
      key?.client === 'public' ? key.jkt : null,
    ]);
    if (found === undefined) return this.explainRefusal(presented, clientId, requested, key);
    this.sealed.latest.push(handleHash);
    return rotated(found.row, successor, requested);
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
      dpop_jkt: string | null;
    }>(
      `SELECT f.session_id, f.client_id, f.scope, f.dpop_jkt, s.user_id,
              f.current_hash = $2 AND f.expires_at > now() AND f.revoked_at IS NULL AND ${SESSION_IS_ALIVE} AS active,
              extract(epoch FROM f.expires_at)::bigint AS expires_at, extract(epoch FROM f.issued_at)::bigint AS issued_at
       FROM ${FAMILY_TABLES}
       WHERE f.handle_hash = $1`,
      [handleHashOf(presented), hashOpaqueToken(presented)],
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
      boundTo: row.dpop_jkt ?? undefined,
    };
  }

  /**
   * Erases the seals that this process wrote and whose grace is over. Called every ten seconds: by key, for many families
   * in one statement, where an index to find them by would cost every rotation.
   */
  async eraseSpentSeals(): Promise<void> {
    const { latest, earlier } = this.sealed;
    this.sealed = { latest: [], earlier: latest };
    if (earlier.length > 0) await this.database.query(`${ERASE_SEALS} AND handle_hash = ANY ($1::bytea[])`, [earlier]);
  }

  /** Erases what a process that ended left sealed. Reads the whole table: for now and then. */
  async eraseForgottenSeals(): Promise<void> {
    await this.database.query(ERASE_SEALS);
  }

  /** Deletes sessions that ended by age a week ago, with their families. */
  async purge(): Promise<void> {
    await this.database.query(`DELETE FROM sessions WHERE expires_at < now() - interval '7 days'`);
  }

  private async explainRefusal(
    presented: string,
    clientId: string | undefined,
    requested: readonly string[],
    key: ProvenKey | undefined,
  ): Promise<Rotated | RotationRefusal> {
    const [row] = await this.database.query<RefusedRow>(EXPLAIN_REFUSAL, [
      handleHashOf(presented),
      hashOpaqueToken(presented),
      clientId ?? null,
      key?.jkt ?? null,
    ]);
    if (row === undefined || row.same_client !== true) return { kind: 'unknown' };
    // Nothing is ended for it: of a bound token a thief has nothing, so he must not be able to end the session by it.
    if (!row.same_key) return { kind: 'key' };
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
    familyId: row.family_id,
    facts: sessionFactsOf(row),
    resource: row.resource ?? undefined,
    scopes: requested.length === 0 ? row.scope.split(' ') : requested,
  };
}
