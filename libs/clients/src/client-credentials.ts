import { randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { CLOCK, type Clock } from '@app/config';
import { Database } from '@app/database';
import { Directory } from '@app/directory';
import type { UserPrincipal } from '@app/edge';
import { hashOpaqueToken, MACHINE_SCOPES, OAuthError } from '@app/oauth2';
import { Revocations } from '@app/revocation';
import type { EntityManager } from 'typeorm';

/** How many an owner may have that are neither deleted nor expired (D21). */
export const ACTIVE_CREDENTIALS_PER_OWNER = 10;

export interface NewClientCredential {
  readonly name: string;
  readonly description: string | undefined;
  readonly expiresAt: Date | undefined;
  /** Anything but none is for administrators to give (D56). */
  readonly scopes: readonly string[];
}

/** What is shown of a credential; never its secret. */
export interface ClientCredentialInfo extends NewClientCredential {
  readonly id: string;
  readonly clientId: string;
  readonly isActive: boolean;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
  readonly lastUsedAt: Date | undefined;
}

interface CredentialRow {
  readonly id: string;
  readonly client_id: string;
  readonly name: string;
  readonly description: string | null;
  readonly scopes: string[];
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly created_at: Date;
  readonly modified_at: Date;
}

/** The client credentials of a person: made, listed and deleted by that person alone (D21, R27). */
@Injectable()
export class ClientCredentials {
  constructor(
    private readonly database: Database,
    private readonly revocations: Revocations,
    private readonly directory: Directory,
    private readonly audit: AuditLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Makes a credential. `clientSecret` is here once and is stored as its SHA-256 only: 256 random bits need no slow hash.
   * @throws OAuthError `invalid_scope`, `forbidden` (scopes, not an administrator), `quota_exceeded`, `invalid_request`
   */
  async create(
    owner: UserPrincipal,
    input: NewClientCredential,
    context: AuditContext,
  ): Promise<{ info: ClientCredentialInfo; clientSecret: string }> {
    const now = this.clock();
    if (input.expiresAt !== undefined && input.expiresAt <= now)
      throw new OAuthError('invalid_request', 'expires_at must be in the future');
    await this.assertMayGrant(owner, input.scopes);
    const clientSecret = randomBytes(32).toString('base64url');
    const info: ClientCredentialInfo = {
      ...input,
      id: randomUUID(),
      clientId: `tmi_cc_${randomBytes(16).toString('base64url')}`,
      isActive: true,
      createdAt: now,
      modifiedAt: now,
      lastUsedAt: undefined,
    };
    await this.database.transaction(async (manager) => {
      const organizationId = await this.lockOwner(manager, owner.userId);
      await this.assertWithinQuota(manager, owner.userId, now);
      await manager.query(
        `INSERT INTO client_credentials (id, client_id, secret_hash, owner_id, organization_id, name, description, scopes,
                                         expires_at, created_at, modified_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
        [
          info.id,
          info.clientId,
          hashOpaqueToken(clientSecret),
          owner.userId,
          organizationId,
          info.name,
          info.description ?? null,
          info.scopes,
          info.expiresAt ?? null,
          now,
        ],
      );
      const { clientId, scopes } = info;
      const event = { clientId, ownerId: owner.userId, organizationId, scopes };
      await this.audit.record(manager, { kind: 'client_credential.created', ...event }, context);
    });
    return { info, clientSecret };
  }

  /** The owner's credentials that are not deleted, newest first. */
  async list(ownerId: string): Promise<readonly ClientCredentialInfo[]> {
    const now = this.clock();
    const rows = await this.database.query<CredentialRow>(
      `SELECT id, client_id, name, description, scopes, expires_at, last_used_at, created_at, modified_at
       FROM client_credentials WHERE owner_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id`,
      [ownerId],
    );
    return rows.map((row) => ({
      id: row.id,
      clientId: row.client_id,
      name: row.name,
      description: row.description ?? undefined,
      scopes: row.scopes,
      isActive: row.expires_at === null || row.expires_at > now,
      expiresAt: row.expires_at ?? undefined,
      lastUsedAt: row.last_used_at ?? undefined,
      createdAt: row.created_at,
      modifiedAt: row.modified_at,
    }));
  }

  /**
   * Deletes one of the owner's credentials. When it returns, no token of it is good at any instance (D20, D21).
   * @throws OAuthError `not_found` for an unknown one and for another's alike
   */
  async delete(ownerId: string, id: string, context: AuditContext): Promise<void> {
    const now = this.clock();
    await this.revocations.transaction(async (manager, revoke) => {
      const [rows]: [{ client_id: string; generation: number; organization_id: string; scopes: string[] }[], number] =
        await manager.query(
          `UPDATE client_credentials SET deleted_at = $3, modified_at = $3, generation = generation + 1
           WHERE id = $1 AND owner_id = $2 AND deleted_at IS NULL
           RETURNING client_id, generation, organization_id, scopes`,
          [id, ownerId, now],
        );
      const [deleted] = rows;
      if (deleted === undefined) throw new OAuthError('not_found', 'You have no client credential with this id');
      const { client_id: clientId, generation, organization_id: organizationId, scopes } = deleted;
      revoke({ subject: `client:${clientId}`, generation });
      const event = { clientId, ownerId, organizationId, scopes };
      await this.audit.record(manager, { kind: 'client_credential.deleted', ...event }, context);
    });
  }

  private async assertMayGrant(owner: UserPrincipal, scopes: readonly string[]): Promise<void> {
    if (scopes.length === 0) return;
    const unknown = scopes.find((scope) => !(MACHINE_SCOPES as readonly string[]).includes(scope));
    if (unknown !== undefined)
      throw new OAuthError('invalid_scope', `scopes may hold only ${MACHINE_SCOPES.join(', ')}`);
    if (!(await this.directory.isAdministrator(owner.userId, owner.providerId)))
      throw new OAuthError(
        'forbidden',
        'Only an administrator may give scopes to a client credential; leave scopes out',
      );
  }

  /** Creations of one owner wait for each other here; only so is the quota exact. */
  private async lockOwner(manager: EntityManager, ownerId: string): Promise<string> {
    const [owner]: { organization_id: string }[] = await manager.query(
      `SELECT organization_id FROM users WHERE id = $1 AND disabled_at IS NULL FOR NO KEY UPDATE`,
      [ownerId],
    );
    if (owner === undefined)
      throw new OAuthError('invalid_token', 'The user of this token is gone', { authenticate: 'Bearer' });
    return owner.organization_id;
  }

  private async assertWithinQuota(manager: EntityManager, ownerId: string, now: Date): Promise<void> {
    const [row]: { active: number }[] = await manager.query(
      `SELECT count(*)::int AS active FROM client_credentials
       WHERE owner_id = $1 AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`,
      [ownerId, now],
    );
    if (row !== undefined && row.active < ACTIVE_CREDENTIALS_PER_OWNER) return;
    throw new OAuthError(
      'quota_exceeded',
      `You have ${ACTIVE_CREDENTIALS_PER_OWNER} active client credentials; delete one first`,
    );
  }
}
