import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { Database } from '@app/database';
import { UpstreamTokenEndpoints, type UpstreamTokenSet } from '@app/upstream-tokens';
import { refreshDelay } from './refresh-time.js';
import type { ConnectionOrigin, SealedConnection } from './stored-connection.js';
import { TokenSeal } from './token-seal.js';

/** Whose tokens are to be kept. */
export interface NewConnection {
  readonly organizationId: string;
  readonly providerId: string;
  /** The person of ours who connected the account. */
  readonly userId: string | undefined;
  readonly origin: ConnectionOrigin;
  readonly label: string | undefined;
  /** The provider's own name of the account, where it is known. */
  readonly subject: string | undefined;
  readonly tokens: UpstreamTokenSet;
  /** For the audit. */
  readonly actor: string;
}

/** Asked for a connection that went on, or is not there. */
export interface Replaced {
  readonly generation: bigint;
}

const INSERT = `
  INSERT INTO connections (id, organization_id, provider_id, user_id, origin, label, subject_hash, scope, token_type,
    metadata, data_key_id, access_token, refresh_token, issued_at, expires_at, refresh_expires_at, next_refresh_at,
    sign_in_user_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, app_now(), app_now() + $14 * interval '1 ms',
          app_now() + $15 * interval '1 ms', app_now() + $16 * interval '1 ms',
          CASE WHEN $5 = 'sign_in' THEN $4::uuid END)`;

/**
 * A new grant wins over whatever is under way: the generation moves, so an older answer's commit finds nothing. Nothing
 * of the old one stays, its metadata least of all: they may be of another account.
 */
const REPLACE = `
  UPDATE connections
  SET generation = generation + 1, scope = coalesce($4, scope), token_type = $5, metadata = $6::jsonb,
      data_key_id = $7, access_token = $8, refresh_token = $9, issued_at = app_now(),
      expires_at = app_now() + $10 * interval '1 ms', refresh_expires_at = app_now() + $11 * interval '1 ms',
      next_refresh_at = app_now() + $12 * interval '1 ms', status = 'active', status_reason = NULL,
      subject_hash = coalesce($13, subject_hash), lease_owner = NULL, lease_until = NULL, intent_epoch = NULL,
      intent_at = NULL, intent_fingerprint = NULL, intent_replays = 0, consecutive_failures = 0, first_failed_at = NULL,
      expiry_warned_days = NULL
  WHERE id = $1 AND organization_id = $2 AND generation = $3 AND deleted_at IS NULL
  RETURNING generation`;

/** The tokens go; the row stays for the journal until the housekeeping takes it. */
const DELETE = `
  UPDATE connections
  SET deleted_at = app_now(), generation = generation + 1, status = 'revoked', access_token = '', refresh_token = NULL,
      next_refresh_at = NULL, lease_owner = NULL, lease_until = NULL, intent_epoch = NULL, metadata = '{}', label = NULL,
      subject_hash = NULL
  WHERE id = $1 AND organization_id = $2 AND generation = $3 AND deleted_at IS NULL
  RETURNING id`;

/** Makes, replaces and removes connections. */
@Injectable()
export class ConnectionWriter {
  constructor(
    private readonly database: Database,
    private readonly seal: TokenSeal,
    private readonly endpoints: UpstreamTokenEndpoints,
    private readonly audit: AuditLog,
  ) {}

  /** Answers the new connection's id, `conn_` and 32 hexadecimal digits. */
  async create(input: NewConnection, context: AuditContext): Promise<string> {
    const id = `conn_${randomBytes(16).toString('hex')}`;
    const { organizationId, providerId, tokens } = input;
    const sealed = await this.seal.seal({ organizationId, connectionId: id, generation: 1n }, tokens);
    const times = this.times(id, providerId, tokens);
    await this.database.transaction(async (manager) => {
      await manager.query(INSERT, [
        id,
        organizationId,
        providerId,
        input.userId ?? null,
        input.origin,
        input.label ?? null,
        subjectHash(input),
        tokens.scope ?? null,
        tokens.tokenType,
        JSON.stringify(tokens.metadata),
        sealed.dataKeyId,
        sealed.accessToken,
        sealed.refreshToken ?? null,
        ...times,
      ]);
      const event = { connectionId: id, organizationId, providerId, origin: input.origin, by: input.actor };
      await this.audit.record(manager, { kind: 'connection.created', ...event }, context);
    });
    return id;
  }

  /** Puts another grant in the place of what is there. False: the connection changed meanwhile; look and do it again. */
  async replace(
    connection: SealedConnection,
    tokens: UpstreamTokenSet,
    subject: string | undefined,
    actor: string,
    context: AuditContext,
  ): Promise<boolean> {
    const { id, organizationId, providerId, generation } = connection;
    const sealed = await this.seal.seal({ organizationId, connectionId: id, generation: generation + 1n }, tokens);
    return this.database.transaction(async (manager) => {
      const [rows]: [{ generation: string }[], number] = await manager.query(REPLACE, [
        id,
        organizationId,
        String(generation),
        tokens.scope ?? null,
        tokens.tokenType,
        JSON.stringify(tokens.metadata),
        sealed.dataKeyId,
        sealed.accessToken,
        sealed.refreshToken ?? null,
        ...this.times(id, providerId, tokens),
        subjectHash({ organizationId, providerId, subject }),
      ]);
      if (rows.length === 0) return false;
      const event = { connectionId: id, organizationId, providerId, origin: connection.origin, by: actor };
      await this.audit.record(manager, { kind: 'connection.reconnected', ...event }, context);
      return true;
    });
  }

  /** False: it changed meanwhile, or is gone. What a refresh under way brings finds no row any more. */
  async delete(connection: SealedConnection, actor: string, context: AuditContext): Promise<boolean> {
    const { id, organizationId, providerId, generation, origin } = connection;
    return this.database.transaction(async (manager) => {
      const [rows]: [unknown[], number] = await manager.query(DELETE, [id, organizationId, String(generation)]);
      if (rows.length === 0) return false;
      const event = { connectionId: id, organizationId, providerId, origin, by: actor };
      await this.audit.record(manager, { kind: 'connection.deleted', ...event }, context);
      return true;
    });
  }

  /** The connection that this person's sign-ins at this provider keep, if there is one. */
  async ofSignIn(organizationId: string, providerId: string, userId: string): Promise<string | undefined> {
    const [row] = await this.database.query<{ id: string }>(
      `SELECT id FROM connections
       WHERE organization_id = $1 AND provider_id = $2 AND sign_in_user_id = $3 AND deleted_at IS NULL`,
      [organizationId, providerId, userId],
    );
    return row?.id;
  }

  /** Other connections of the organization that hold the same account: their grants may end each other. */
  async sharingAccount(input: Pick<NewConnection, 'organizationId' | 'providerId' | 'subject'>): Promise<string[]> {
    const hash = subjectHash(input);
    if (hash === null) return [];
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM connections WHERE subject_hash = $1 AND organization_id = $2 AND deleted_at IS NULL LIMIT 20`,
      [hash, input.organizationId],
    );
    return rows.map(({ id }) => id);
  }

  /** Life, refresh token's life and time to the next refresh, in milliseconds. */
  private times(connectionId: string, providerId: string, tokens: UpstreamTokenSet): (number | null)[] {
    const traits = this.endpoints.describe(providerId);
    const ms = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000);
    const accessMs = ms(tokens.expiresInSeconds);
    const refreshMs = ms(tokens.refreshExpiresInSeconds);
    const nextMs =
      tokens.refreshToken === undefined
        ? undefined
        : refreshDelay({
            connectionId,
            accessMs,
            refreshMs,
            maxIdleMs: ms(traits?.maxIdleSeconds),
            marginMs: ms(traits?.refreshMarginSeconds),
          });
    return [accessMs ?? null, refreshMs ?? null, nextMs ?? null];
  }
}

/** Equal for the same account at the same provider inside one organization, and says nothing else. */
export function subjectHash({
  organizationId,
  providerId,
  subject,
}: Pick<NewConnection, 'organizationId' | 'providerId' | 'subject'>): Buffer | null {
  if (subject === undefined) return null;
  return createHash('sha256').update(`${organizationId}\0${providerId}\0${subject}`).digest();
}
