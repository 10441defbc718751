import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { EmailAddress } from './email-address.js';
import type { IdentityClaim } from './identity-claim.js';
import type { ShownProfile, ToldProfile } from './profile-update.js';

/** The provider's row as a login found it: enabled and generations belong to one moment. */
export interface ProviderState {
  readonly enabled: boolean;
  readonly generation: number;
  readonly organizationId: string;
  readonly organizationGeneration: number;
}

export interface KnownAccount {
  readonly identityId: string;
  readonly userId: string;
  readonly disabled: boolean;
  readonly shown: ShownProfile;
  readonly told: ToldProfile;
  readonly others: readonly ToldProfile[];
  /** Group names of this identity, as of its last login. */
  readonly groups: readonly string[];
}

export interface IdentityRecord {
  readonly provider: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly emailVerified: boolean;
}

export interface HolderRecord {
  readonly userId: string;
  readonly emailVerified: boolean;
  readonly disabled: boolean;
  readonly pinned: boolean;
  readonly identities: readonly IdentityRecord[];
}

/** Numbers of a user's row after a write; `disabled` as of that very row version. */
export interface UserState {
  readonly generation: number;
  readonly profileGeneration: number;
  readonly disabled: boolean;
}

export interface NewAccount {
  readonly userId: string;
  readonly identityId: string;
  readonly organizationId: string;
  readonly profile: ShownProfile;
  readonly emailKey: string;
}

interface ToldJson {
  readonly email: string | null;
  readonly email_verified: boolean;
  readonly name: string | null;
}

interface LoginRow {
  readonly enabled: boolean;
  readonly generation: number;
  readonly organization_id: string;
  readonly organization_generation: number;
  readonly identity_id: string | null;
  readonly told_email: string | null;
  readonly told_verified: boolean;
  readonly told_name: string | null;
  readonly user_id: string;
  readonly disabled: boolean;
  readonly email: string;
  readonly email_verified: boolean;
  readonly name: string | null;
  readonly others: readonly ToldJson[];
  readonly groups: readonly string[];
}

interface UserRow {
  readonly generation: number;
  readonly profile_generation: number;
  readonly disabled: boolean;
}

/** `UPDATE … RETURNING` through an EntityManager answers the rows and their count. */
type Updated<T> = [readonly T[], number];

/** The statements of a login. Locks are taken in one order, identity, e-mail, rows, so that logins never deadlock. */
@Injectable()
export class AccountRepository {
  /** The provider, and the account of this identity where there is one; undefined when the provider has no record. */
  async find(
    manager: EntityManager,
    claim: IdentityClaim,
  ): Promise<{ provider: ProviderState; account: KnownAccount | undefined } | undefined> {
    const [row]: LoginRow[] = await manager.query(
      `SELECT p.enabled, p.generation, p.organization_id, o.generation AS organization_generation,
              i.id AS identity_id, i.email AS told_email, i.email_verified AS told_verified, i.name AS told_name,
              u.id AS user_id, u.disabled_at IS NOT NULL AS disabled, u.email, u.email_verified, u.name,
              (SELECT coalesce(json_agg(json_build_object('email', x.email, 'email_verified', x.email_verified,
                                                          'name', x.name)), '[]')
               FROM external_identities x WHERE x.user_id = u.id AND x.id <> i.id) AS others,
              ARRAY(SELECT g.name FROM group_memberships m JOIN groups g ON g.id = m.group_id
                    WHERE m.identity_id = i.id) AS groups
       FROM providers p
       JOIN organizations o ON o.id = p.organization_id
       LEFT JOIN external_identities i ON i.provider_id = p.id AND i.issuer = $2 AND i.subject = $3
       LEFT JOIN users u ON u.id = i.user_id
       WHERE p.id = $1`,
      [claim.provider, claim.issuer, claim.subject],
    );
    if (row === undefined) return undefined;
    return {
      provider: {
        enabled: row.enabled,
        generation: row.generation,
        organizationId: row.organization_id,
        organizationGeneration: row.organization_generation,
      },
      account: row.identity_id === null ? undefined : accountOf(row, row.identity_id),
    };
  }

  /** Until the transaction ends, nobody else makes an account of this identity: fifty first logins make one user. */
  async lockIdentity(manager: EntityManager, { provider, issuer, subject }: IdentityClaim): Promise<void> {
    await this.lock(manager, JSON.stringify(['identity', provider, issuer, subject]));
  }

  /** Until the transaction ends, no login gives this address to anybody else of the organization. */
  async lockEmail(manager: EntityManager, organizationId: string, email: EmailAddress): Promise<void> {
    await this.lock(manager, JSON.stringify(['email', organizationId, email.key]));
  }

  /** The user of this organization who has the address. */
  async findEmailHolder(
    manager: EntityManager,
    organizationId: string,
    email: EmailAddress,
  ): Promise<HolderRecord | undefined> {
    const [row]: {
      id: string;
      email_verified: boolean;
      disabled: boolean;
      pinned: boolean;
      identities: { provider: string; subject: string; email: string | null; email_verified: boolean }[];
    }[] = await manager.query(
      `SELECT u.id, u.email_verified, u.disabled_at IS NOT NULL AS disabled,
              EXISTS (SELECT 1 FROM administrator_pins a JOIN external_identities i ON i.id = a.identity_id
                      WHERE i.user_id = u.id) AS pinned,
              (SELECT coalesce(json_agg(json_build_object('provider', i.provider_id, 'subject', i.subject,
                                        'email', i.email, 'email_verified', i.email_verified)), '[]')
               FROM external_identities i WHERE i.user_id = u.id) AS identities
       FROM users u WHERE u.organization_id = $1 AND u.email_key = $2`,
      [organizationId, email.key],
    );
    if (row === undefined) return undefined;
    return {
      userId: row.id,
      emailVerified: row.email_verified,
      disabled: row.disabled,
      pinned: row.pinned,
      identities: row.identities.map((identity) => ({
        provider: identity.provider,
        subject: identity.subject,
        email: identity.email ?? undefined,
        emailVerified: identity.email_verified,
      })),
    };
  }

  /** A user with its first identity, who joins the provider's organization (D62). Undefined when somebody took the address meanwhile: decide again. */
  async create(
    manager: EntityManager,
    claim: IdentityClaim,
    account: NewAccount,
    now: Date,
  ): Promise<UserState | undefined> {
    const [row]: UserRow[] = await manager.query(
      `WITH made AS (
         INSERT INTO users (id, organization_id, email, email_key, email_verified, name, last_login_at, created_at,
                            modified_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7)
         ON CONFLICT (organization_id, email_key) DO NOTHING
         RETURNING id, generation, profile_generation),
       joined AS (
         INSERT INTO organization_members (organization_id, user_id, role, created_at, modified_at)
         SELECT $2::uuid, id, 'member', $7::timestamptz, $7::timestamptz FROM made)
       INSERT INTO external_identities (id, provider_id, issuer, subject, user_id, email, email_verified, name,
                                        created_at, last_login_at)
       SELECT $8::uuid, $9, $10, $11, id, $12, $13::boolean, $6, $7, $7 FROM made
       RETURNING (SELECT generation FROM made), (SELECT profile_generation FROM made), false AS disabled`,
      [
        account.userId,
        account.organizationId,
        account.profile.email,
        account.emailKey,
        account.profile.emailVerified,
        account.profile.name ?? null,
        now,
        account.identityId,
        claim.provider,
        claim.issuer,
        claim.subject,
        claim.email ?? null,
        claim.emailVerified,
      ],
    );
    return row === undefined ? undefined : stateOf(row);
  }

  /** One more identity for a user who exists. Undefined when that user is gone or disabled by now: decide again. */
  async link(
    manager: EntityManager,
    claim: IdentityClaim,
    ids: { readonly identityId: string; readonly userId: string },
    now: Date,
  ): Promise<UserState | undefined> {
    const [rows]: Updated<UserRow> = await manager.query(
      `UPDATE users SET last_login_at = $2, modified_at = $2, profile_generation = profile_generation + 1
       WHERE id = $1 AND disabled_at IS NULL
       RETURNING generation, profile_generation, false AS disabled`,
      [ids.userId, now],
    );
    const [row] = rows;
    if (row === undefined) return undefined;
    await manager.query(
      `INSERT INTO external_identities (id, provider_id, issuer, subject, user_id, email, email_verified, name,
                                        created_at, last_login_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
      [
        ids.identityId,
        claim.provider,
        claim.issuer,
        claim.subject,
        ids.userId,
        claim.email ?? null,
        claim.emailVerified,
        claim.name ?? null,
        now,
      ],
    );
    return stateOf(row);
  }

  /**
   * What one more login of a known identity writes. `profile` is given only when the user's profile changes. Undefined
   * when the user is gone by now. Groups are touched once an hour at most: everybody's logins share those rows.
   */
  async touch(
    manager: EntityManager,
    claim: IdentityClaim,
    account: KnownAccount,
    profile: { readonly shown: ShownProfile; readonly emailKey: string | undefined } | undefined,
    now: Date,
  ): Promise<UserState | undefined> {
    const [rows]: Updated<UserRow> = await manager.query(
      `WITH identity AS (
         UPDATE external_identities SET email = $3, email_verified = $4, name = $5, last_login_at = $6 WHERE id = $1),
       seen AS (
         UPDATE groups SET last_seen_at = $6 WHERE id IN (
           SELECT g.id FROM groups g JOIN group_memberships m ON m.group_id = g.id
           WHERE m.identity_id = $1 AND g.last_seen_at < $6::timestamptz - interval '1 hour'
           FOR NO KEY UPDATE OF g SKIP LOCKED))
       UPDATE users SET last_login_at = $6,
              email = coalesce($8, email), email_key = coalesce($9, email_key),
              email_verified = CASE WHEN $7 THEN $10 ELSE email_verified END,
              name = CASE WHEN $7 THEN $11 ELSE name END,
              modified_at = CASE WHEN $7 THEN $6 ELSE modified_at END,
              profile_generation = profile_generation + CASE WHEN $7 THEN 1 ELSE 0 END
       WHERE id = $2
       RETURNING generation, profile_generation, disabled_at IS NOT NULL AS disabled`,
      [
        account.identityId,
        account.userId,
        claim.email ?? null,
        claim.emailVerified,
        claim.name ?? null,
        now,
        profile !== undefined,
        profile?.shown.email ?? null,
        profile?.emailKey ?? null,
        profile?.shown.emailVerified ?? false,
        profile?.shown.name ?? null,
      ],
    );
    const [row] = rows;
    return row === undefined ? undefined : stateOf(row);
  }

  private async lock(manager: EntityManager, name: string): Promise<void> {
    await manager.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [name]);
  }
}

function accountOf(row: LoginRow, identityId: string): KnownAccount {
  return {
    identityId,
    userId: row.user_id,
    disabled: row.disabled,
    shown: { email: row.email, emailVerified: row.email_verified, name: row.name ?? undefined },
    told: { email: row.told_email ?? undefined, emailVerified: row.told_verified, name: row.told_name ?? undefined },
    others: row.others.map((other) => ({
      email: other.email ?? undefined,
      emailVerified: other.email_verified,
      name: other.name ?? undefined,
    })),
    groups: row.groups,
  };
}

function stateOf(row: UserRow): UserState {
  return { generation: row.generation, profileGeneration: row.profile_generation, disabled: row.disabled };
}
