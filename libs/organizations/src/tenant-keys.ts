import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { CLOCK, type Clock } from '@app/config';
import { Database } from '@app/database';
import { Lockout, RateLimiter } from '@app/edge';
import { hashOpaqueToken, mintOpaqueToken, OAuthError, secretMatches } from '@app/oauth2';
import { KeyUsage } from './key-usage.js';
import { apiKeyHandle, type PresentedKey } from './presented-credential.js';
import { missingAccesses, type TenantAccess, type TenantCaller } from './tenant-caller.js';

export type TenantKeyKind = PresentedKey['kind'];

export interface NewTenantKey {
  readonly name: string;
  readonly accesses: readonly TenantAccess[];
  readonly expiresAt: Date | undefined;
}

/** What is shown of a key; never its secret. */
export interface TenantKeyInfo extends NewTenantKey {
  readonly id: string;
  readonly kind: TenantKeyKind;
  /** The public part that it is found by. */
  readonly handle: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
}

/** A key that proved itself. */
export interface ProvenKey {
  readonly id: string;
  readonly kind: TenantKeyKind;
  readonly organizationId: string;
  readonly organizationName: string;
  readonly accesses: readonly TenantAccess[];
}

/** Who makes or ends a key: a caller of the organization, or the operator at a terminal, who has every access. */
export type KeyMaker = Pick<TenantCaller, 'organizationId' | 'accesses' | 'actor'>;

interface KeyRow {
  readonly id: string;
  readonly kind: TenantKeyKind;
  readonly handle: string;
  readonly name: string;
  readonly accesses: TenantAccess[];
  readonly created_by: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
}

interface ProofRow {
  readonly id: string;
  readonly secret_hash: Buffer;
  readonly organization_id: string;
  readonly organization_name: string;
  readonly accesses: TenantAccess[];
  readonly expires_at: Date | null;
  readonly revoked: boolean;
}

/** Compared with when there is no such key, so that an unknown one costs the same work. */
const NOBODYS_HASH = Buffer.alloc(32);
const EVENTS = {
  api_key: { created: 'api_key.created', revoked: 'api_key.revoked' },
  service_token: { created: 'service_token.created', revoked: 'service_token.revoked' },
} as const;

/**
 * API keys and service tokens: secrets of an organization that act without a person. Both are found by a public part
 * and proved by 256 random bits, of which SHA-256 is stored (D45). Each use asks Postgres once, so that a revoked or
 * expired one is refused at its next use on every instance.
 */
@Injectable()
export class TenantKeys {
  constructor(
    private readonly database: Database,
    private readonly lockout: Lockout,
    private readonly rateLimiter: RateLimiter,
    private readonly usage: KeyUsage,
    private readonly audit: AuditLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The key that this is, behind the one lockout of everything that takes a secret (R29).
   * @throws OAuthError 401 `invalid_token` for every reason alike; 429 while (handle, address) is locked
   */
  async prove({ kind, handle, secret }: PresentedKey, address: string): Promise<ProvenKey> {
    const open = this.lockout.assertOpen(handle, address);
    const [row] = await Promise.all([this.find(kind, handle), open]);
    const matches = secretMatches(secret, row?.secret_hash ?? NOBODYS_HASH);
    if (row === undefined || !matches) {
      const outcome = await this.lockout.failed(handle, address);
      // An unknown handle is any text of the caller's: not for keeping.
      if (outcome === 'locked' && row !== undefined)
        this.audit.recordApart({ kind: 'client.locked', clientId: `${kind}:${row.id}` }, { remoteAddress: address });
      throw this.refused(address, row === undefined ? 'unknown key' : 'wrong secret');
    }
    const now = this.clock();
    // Not failures of the lockout: the secret was right, and nobody is guessing.
    if (row.revoked) throw this.refused(address, 'revoked key');
    if (row.expires_at !== null && row.expires_at <= now) throw this.refused(address, 'expired key');
    this.usage.seen(row.id, now);
    return provenOf(kind, row);
  }

  /** The key of this id while it is good, for what it began earlier; undefined once revoked or expired (R11). */
  async current(kind: TenantKeyKind, id: string): Promise<ProvenKey | undefined> {
    const [row] = await this.database.queryNamed<Omit<ProofRow, 'secret_hash' | 'revoked'>>(
      'tenant-key-by-id',
      `SELECT k.id, k.organization_id, o.name AS organization_name, k.accesses, k.expires_at
       FROM tenant_keys k JOIN organizations o ON o.id = k.organization_id
       WHERE k.id = $1 AND k.kind = $2 AND k.revoked_at IS NULL`,
      [id, kind],
    );
    if (row === undefined || (row.expires_at !== null && row.expires_at <= this.clock())) return undefined;
    return provenOf(kind, row);
  }

  /**
   * Makes a key of the maker's organization. `secret` is here once: the API key itself, or what stands after the colon of
   * a service token.
   * @throws OAuthError `forbidden` for an access that the maker has not (R30), `invalid_request`
   */
  async create(
    kind: TenantKeyKind,
    maker: KeyMaker,
    input: NewTenantKey,
    context: AuditContext,
  ): Promise<{ info: TenantKeyInfo; secret: string }> {
    const now = this.clock();
    if (input.expiresAt !== undefined && input.expiresAt <= now)
      throw new OAuthError('invalid_request', 'expires_at must be in the future', {
        status: 422,
        details: { in: 'body', field: 'expires_at' },
      });
    const [missing] = missingAccesses(maker, input.accesses);
    if (missing !== undefined)
      throw new OAuthError('forbidden', `You cannot give the access ${missing}, because you have not got it yourself`, {
        details: { access: missing },
      });
    const random = randomBytes(16).toString('base64url');
    const secret = mintOpaqueToken(kind === 'api_key' ? 'ak' : 'st');
    const id = kind === 'api_key' ? `key_${random}` : `st_${random}`;
    const info: TenantKeyInfo = {
      ...input,
      accesses: [...new Set(input.accesses)].toSorted(),
      id,
      kind,
      handle: kind === 'api_key' ? apiKeyHandle(secret) : id,
      createdBy: maker.actor,
      createdAt: now,
      lastUsedAt: undefined,
    };
    await this.database.transaction(async (manager) => {
      await manager.query(
        `INSERT INTO tenant_keys (id, kind, handle, organization_id, name, secret_hash, accesses, created_by,
                                  created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [
          id,
          kind,
          info.handle,
          maker.organizationId,
          info.name,
          hashOpaqueToken(secret),
          info.accesses,
          maker.actor,
          now,
          info.expiresAt ?? null,
        ],
      );
      await this.audit.record(manager, { kind: EVENTS[kind].created, ...changed(id, maker, info.accesses) }, context);
    });
    return { info, secret };
  }

  /** Keys of one organization that are not revoked, newest first, and how many there are of all pages. */
  async list(
    kind: TenantKeyKind,
    organizationId: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<{ keys: readonly TenantKeyInfo[]; total: number }> {
    const where = `kind = $1 AND organization_id = $2 AND revoked_at IS NULL`;
    const [rows, [counted]] = await Promise.all([
      this.database.query<KeyRow>(
        `SELECT id, kind, handle, name, accesses, created_by, created_at, expires_at, last_used_at FROM tenant_keys
         WHERE ${where} ORDER BY created_at DESC, id LIMIT $3 OFFSET $4`,
        [kind, organizationId, page.limit, page.offset],
      ),
      this.database.query<{ total: number }>(`SELECT count(*)::int AS total FROM tenant_keys WHERE ${where}`, [
        kind,
        organizationId,
      ]),
    ]);
    return { keys: rows.map(infoOf), total: counted?.total ?? 0 };
  }

  /**
   * Ends a key of the caller's organization: its next use is refused, everywhere.
   * @throws OAuthError `not_found` for an unknown one, a revoked one and another's alike (R27)
   */
  async revoke(kind: TenantKeyKind, caller: KeyMaker, id: string, context: AuditContext): Promise<void> {
    const now = this.clock();
    await this.database.transaction(async (manager) => {
      const [rows]: [{ accesses: TenantAccess[] }[], number] = id.includes('\0')
        ? [[], 0]
        : await manager.query(
            `UPDATE tenant_keys SET revoked_at = $4
             WHERE id = $1 AND kind = $2 AND organization_id = $3 AND revoked_at IS NULL RETURNING accesses`,
            [id, kind, caller.organizationId, now],
          );
      const [row] = rows;
      if (row === undefined) throw new OAuthError('not_found', 'Your organization has none with this id');
      await this.audit.record(manager, { kind: EVENTS[kind].revoked, ...changed(id, caller, row.accesses) }, context);
    });
  }

  private async find(kind: TenantKeyKind, handle: string): Promise<ProofRow | undefined> {
    const [row] = await this.database.queryNamed<ProofRow>(
      'tenant-key',
      `SELECT k.id, k.secret_hash, k.organization_id, o.name AS organization_name, k.accesses, k.expires_at,
              k.revoked_at IS NOT NULL AS revoked
       FROM tenant_keys k JOIN organizations o ON o.id = k.organization_id
       WHERE k.handle = $1 AND k.kind = $2`,
      [handle, kind],
    );
    return row;
  }

  /** One text for every reason; the log is told which (R29). */
  private refused(address: string, reason: string): OAuthError {
    this.rateLimiter.countBadToken(address);
    return new OAuthError('invalid_token', 'The API key or service token is unknown, wrong, expired or revoked', {
      authenticate: 'Bearer',
      logDetail: reason,
    });
  }
}

function provenOf(kind: TenantKeyKind, row: Omit<ProofRow, 'secret_hash' | 'revoked' | 'expires_at'>): ProvenKey {
  return {
    id: row.id,
    kind,
    organizationId: row.organization_id,
    organizationName: row.organization_name,
    accesses: row.accesses,
  };
}

function changed(keyId: string, { organizationId, actor }: KeyMaker, accesses: readonly TenantAccess[]) {
  return { keyId, organizationId, accesses, by: actor };
}

function infoOf(row: KeyRow): TenantKeyInfo {
  return {
    id: row.id,
    kind: row.kind,
    handle: row.handle,
    name: row.name,
    accesses: row.accesses,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}
