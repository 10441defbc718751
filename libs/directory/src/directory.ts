import { Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { recordLogoutNoticesOfUser } from '@app/logout-notices';
import { OAuthError } from '@app/oauth2';
import { Revocations, type Revoke } from '@app/revocation';
import type { EntityManager } from 'typeorm';
import { AccountSignIn, type SignedInUser } from './account-sign-in.js';
import { Administrators } from './administrators.js';
import type { IdentityClaim } from './identity-claim.js';
import { UserProfileReader, type UserProfile } from './user-profile.js';

/** Who acts on a user, and from where. `by`: a user id; undefined for the system. */
export interface Actor extends AuditContext {
  readonly by?: string | undefined;
}

interface ChangedUser {
  readonly generation: number;
  readonly organization_id: string;
}

/** People: who an identity is, what is known of a person, and the end of a person's access. */
@Injectable()
export class Directory {
  constructor(
    private readonly accounts: AccountSignIn,
    private readonly profiles: UserProfileReader,
    private readonly administrators: Administrators,
    private readonly revocations: Revocations,
    private readonly audit: AuditLog,
  ) {}

  /**
   * The user of an identity that a provider proved, made or linked where D17 says so, in the caller's transaction.
   * Groups and profile follow the claim; entries of `admins` are pinned. The caller begins the session and audits
   * `user.signed_in`; everything else is audited here.
   * @param revoke of the same transaction: a changed profile makes cached ones stale (`profile:{user id}`).
   * @throws OAuthError `access_denied` (user or provider disabled, identity unusable), `account_conflict` (409)
   */
  signIn(
    manager: EntityManager,
    identity: IdentityClaim,
    now: Date,
    revoke: Revoke,
    context: AuditContext = {},
  ): Promise<SignedInUser> {
    return this.accounts.signIn(manager, identity, now, revoke, context);
  }

  /**
   * The claim as rows hold it, for a login that first asks whether anything of it is new (docs/decisions/0016). Undefined:
   * only {@link signIn} can tell, whatever the rows hold: the configuration has the provider switched off or names this
   * person, or the claim cannot be stored.
   */
  claimWithoutPolicy(identity: IdentityClaim): IdentityClaim | undefined {
    return this.accounts.claimWithoutPolicy(identity);
  }

  /** The person as a session of this provider sees them; undefined when gone. One statement. */
  profile(userId: string, providerId: string): Promise<UserProfile | undefined> {
    return this.profiles.find(userId, providerId);
  }

  /** Says whether a session of this user from this provider is an administrator's; see {@link Administrators}. */
  isAdministrator(userId: string, providerId: string): Promise<boolean> {
    return this.administrators.isAdministrator(userId, providerId);
  }

  /**
   * Ends everything of a person and removes what is stored: sessions, refresh tokens, identities, client credentials.
   * When it returns no token of the person or of those credentials is good anywhere (D20), and applications that the
   * person used are told (D37). The audit stays.
   * @throws OAuthError `not_found`
   */
  async deleteUser(userId: string, actor: Actor = {}): Promise<void> {
    await this.revocations.transaction(async (manager, revoke) => {
      const user = await this.change(manager, userId, 'generation = generation + 1');
      revoke({ subject: `user:${userId}`, generation: user.generation });
      await recordLogoutNoticesOfUser(manager, userId, user.generation);
      const clients: { client_id: string; generation: number }[] = await manager.query(
        `SELECT client_id, generation + 1 AS generation FROM client_credentials WHERE owner_id = $1`,
        [userId],
      );
      for (const client of clients) revoke({ subject: `client:${client.client_id}`, generation: client.generation });
      await this.audit.record(
        manager,
        { kind: 'user.deleted', userId, organizationId: user.organization_id, by: actor.by },
        actor,
      );
      await manager.query(`DELETE FROM users WHERE id = $1`, [userId]);
    });
  }

  /**
   * From now on this person cannot sign in, and no token of theirs or of their client credentials is good (R11, R23);
   * applications that the person used are told (D37).
   * @throws OAuthError `not_found`
   */
  async disableUser(userId: string, actor: Actor = {}): Promise<void> {
    await this.revocations.transaction(async (manager, revoke) => {
      const user = await this.change(
        manager,
        userId,
        'disabled_at = coalesce(disabled_at, now()), generation = generation + 1, modified_at = now()',
      );
      revoke({ subject: `user:${userId}`, generation: user.generation });
      await recordLogoutNoticesOfUser(manager, userId, user.generation);
      const event = { userId, organizationId: user.organization_id, by: actor.by };
      await this.audit.record(manager, { kind: 'user.disabled', ...event }, actor);
    });
  }

  /**
   * Lets a disabled person sign in again. What was ended stays ended: it is behind the generation.
   * @throws OAuthError `not_found`
   */
  async enableUser(userId: string, actor: Actor = {}): Promise<void> {
    await this.revocations.transaction(async (manager) => {
      const user = await this.change(manager, userId, 'disabled_at = NULL, modified_at = now()');
      const event = { userId, organizationId: user.organization_id, by: actor.by };
      await this.audit.record(manager, { kind: 'user.enabled', ...event }, actor);
    });
  }

  /** @param assignments SQL of our own, never a caller's text. */
  private async change(manager: EntityManager, userId: string, assignments: string): Promise<ChangedUser> {
    const [rows]: [ChangedUser[], number] = await manager.query(
      `UPDATE users SET ${assignments} WHERE id = $1 RETURNING generation, organization_id`,
      [userId],
    );
    const [user] = rows;
    if (user === undefined) throw new OAuthError('not_found', 'There is no such user');
    return user;
  }
}
