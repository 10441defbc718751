import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext, type SignInRefusal } from '@app/audit';
import { allProviders, GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { OAuthError, temporarilyUnavailable } from '@app/oauth2';
import type { Revoke } from '@app/revocation';
import type { EntityManager } from 'typeorm';
import { decideAccount, type AccountDecision } from './account-decision.js';
import { AccountRepository, type KnownAccount, type ProviderState, type UserState } from './account.repository.js';
import { Administrators, matchingEntries } from './administrators.js';
import { ConfiguredMembers } from './configured-members.js';
import { placeholderEmail, type EmailAddress } from './email-address.js';
import { GroupRepository } from './group.repository.js';
import { isStorableClaim, keptClaim, type IdentityClaim } from './identity-claim.js';
import { updateProfile, type ShownProfile } from './profile-update.js';

/** The person that an identity turned out to be, with the generations that a session of this moment begins at (D20). */
export interface SignedInUser {
  readonly userId: string;
  readonly identityId: string;
  readonly organizationId: string;
  readonly email: string;
  readonly name: string | undefined;
  readonly userGeneration: number;
  readonly providerGeneration: number;
  readonly organizationGeneration: number;
  readonly isNew: boolean;
  /** E-mail, name, groups or identities differ from before; cached profiles have been revoked. */
  readonly profileChanged: boolean;
}

/** One login, as its steps hand it on. */
interface Login {
  readonly manager: EntityManager;
  readonly claim: IdentityClaim;
  readonly email: EmailAddress | undefined;
  readonly now: Date;
  readonly revoke: Revoke;
  readonly context: AuditContext;
}

/** What a step wrote. */
interface Written {
  readonly userId: string;
  readonly identityId: string;
  readonly state: UserState;
  readonly email: string;
  readonly name: string | undefined;
  readonly isNew: boolean;
  readonly groupsChanged: boolean;
  readonly profileChanged: boolean;
}

/** A row that a decision was made on may be gone when it is acted on; so often it is decided anew. */
const ATTEMPTS = 3;

/** From an identity that a provider proved to a user of ours (D17). */
@Injectable()
export class AccountSignIn {
  constructor(
    private readonly accounts: AccountRepository,
    private readonly groups: GroupRepository,
    private readonly administrators: Administrators,
    private readonly members: ConfiguredMembers,
    private readonly audit: AuditLog,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /** See `Directory.claimWithoutPolicy`. */
  claimWithoutPolicy(identity: IdentityClaim): IdentityClaim | undefined {
    const { claim } = keptClaim(identity);
    const { admins, organizations } = this.config;
    const settings = allProviders(this.config).find(({ id }) => id === claim.provider);
    if (settings?.enabled !== true || !isStorableClaim(claim)) return undefined;
    // Those are pinned and placed as they sign in.
    const entries = [...admins, ...organizations.flatMap(({ members }) => members)];
    return matchingEntries(entries, claim).length > 0 ? undefined : claim;
  }

  /** See `Directory.signIn`. */
  async signIn(
    manager: EntityManager,
    identity: IdentityClaim,
    now: Date,
    revoke: Revoke,
    context: AuditContext,
  ): Promise<SignedInUser> {
    const { claim, email } = keptClaim(identity);
    const login: Login = { manager, claim, email, now, revoke, context };
    if (!isStorableClaim(claim)) throw this.denied(login, 'invalid_identity', undefined);
    let locked = false;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const found = await this.accounts.find(manager, claim);
      if (found === undefined) throw this.denied(login, 'unknown_provider', undefined);
      if (found.account === undefined && !locked) {
        await this.accounts.lockIdentity(manager, claim);
        // The first login of this identity may have committed while this one waited: look again.
        locked = true;
        attempt = 0;
        continue;
      }
      const written = await this.apply(login, found.provider, found.account);
      if (written !== undefined) return this.finish(login, found.provider, written);
    }
    throw temporarilyUnavailable('Sign-in for this account');
  }

  /** Decides and writes. Undefined: what it was decided on has changed. */
  private async apply(
    login: Login,
    provider: ProviderState,
    account: KnownAccount | undefined,
  ): Promise<Written | undefined> {
    const decision = await this.decide(login, provider, account);
    switch (decision.outcome) {
      case 'denied':
        throw this.denied(login, decision.reason, account?.userId);
      case 'conflict':
        throw this.conflict(login, provider, decision);
      case 'create':
        return this.create(login, provider);
      case 'link':
        return this.link(login, provider, decision.userId);
      case 'sign-in':
        return account === undefined ? undefined : this.touch(login, provider, account);
    }
  }

  private async decide(
    { manager, claim, email }: Login,
    provider: ProviderState,
    account: KnownAccount | undefined,
  ): Promise<AccountDecision> {
    const settings = allProviders(this.config).find(({ id }) => id === claim.provider);
    const facts = {
      provider: {
        id: claim.provider,
        enabled: provider.enabled && settings !== undefined && settings.enabled,
        organizationId: provider.organizationId,
        linkByVerifiedEmailDomains: settings?.linkByVerifiedEmailDomains ?? [],
      },
      knownUser: account === undefined ? undefined : { userId: account.userId, disabled: account.disabled },
      email,
      emailVerified: claim.emailVerified,
      emailHolder: undefined,
    };
    if (account !== undefined || email === undefined) return decideAccount(facts);
    await this.accounts.lockEmail(manager, provider.organizationId, email);
    const holder = await this.accounts.findEmailHolder(manager, provider.organizationId, email);
    if (holder === undefined) return decideAccount(facts);
    const providers = holder.identities.map((identity) => identity.provider);
    return decideAccount({
      ...facts,
      emailHolder: {
        userId: holder.userId,
        organizationId: provider.organizationId,
        emailVerified: holder.emailVerified,
        disabled: holder.disabled,
        isAdministrator: this.administrators.isOrWouldBe(holder),
        providers,
        linkByVerifiedEmailDomains: allProviders(this.config)
          .filter(({ id, enabled }) => enabled && providers.includes(id))
          .flatMap((provider) => provider.linkByVerifiedEmailDomains),
      },
    });
  }

  private async create({ manager, claim, email, now, context }: Login, provider: ProviderState) {
    const userId = randomUUID();
    const identityId = randomUUID();
    const { organizationId } = provider;
    const profile: ShownProfile = {
      email: email?.email ?? placeholderEmail(userId),
      emailVerified: claim.emailVerified,
      name: claim.name,
    };
    const emailKey = email?.key ?? placeholderEmail(userId);
    const state = await this.accounts.create(
      manager,
      claim,
      { userId, identityId, organizationId, profile, emailKey },
      now,
    );
    if (state === undefined) return undefined;
    const event = { userId, organizationId, providerId: claim.provider, identityId };
    await this.audit.record(manager, { kind: 'user.created', ...event }, context);
    return { userId, identityId, state, ...shown(profile), isNew: true, groupsChanged: true, profileChanged: false };
  }

  private async link({ manager, claim, email, now, context }: Login, provider: ProviderState, userId: string) {
    const identityId = randomUUID();
    const state = await this.accounts.link(manager, claim, { identityId, userId }, now);
    if (state === undefined || email === undefined) return undefined;
    const event = { userId, organizationId: provider.organizationId, providerId: claim.provider, identityId };
    await this.audit.record(manager, { kind: 'identity.linked', ...event }, context);
    const profile = { email: email.email, name: claim.name };
    return { userId, identityId, state, ...profile, isNew: false, groupsChanged: true, profileChanged: true };
  }

  private async touch(login: Login, provider: ProviderState, account: KnownAccount): Promise<Written | undefined> {
    const { manager, claim, now } = login;
    const { profile, emailKey } = await this.profileAfter(login, provider, account);
    const groupsChanged = !sameNames(account.groups, claim.groups);
    const profileChanged =
      groupsChanged ||
      profile.email !== account.shown.email ||
      profile.emailVerified !== account.shown.emailVerified ||
      profile.name !== account.shown.name;
    const state = await this.accounts.touch(
      manager,
      claim,
      account,
      profileChanged ? { shown: profile, emailKey } : undefined,
      now,
    );
    if (state === undefined) return undefined;
    // Disabled between the decision and this lock: the generation above is that of the disabled user (R11).
    if (state.disabled) throw this.denied(login, 'user_disabled', account.userId);
    const { userId, identityId } = account;
    return { userId, identityId, state, ...shown(profile), isNew: false, groupsChanged, profileChanged };
  }

  /** The profile that the user has from now on. An address that another user has stays his (R16). */
  private async profileAfter(
    { manager, claim, email }: Login,
    provider: ProviderState,
    account: KnownAccount,
  ): Promise<{ profile: ShownProfile; emailKey: string | undefined }> {
    const told = { email, emailVerified: claim.emailVerified, name: claim.name };
    const update = updateProfile(account.shown, account.told, told, account.others);
    if (update.email === undefined)
      return {
        profile: { email: account.shown.email, emailVerified: update.emailVerified, name: update.name },
        emailKey: undefined,
      };
    await this.accounts.lockEmail(manager, provider.organizationId, update.email);
    const holder = await this.accounts.findEmailHolder(manager, provider.organizationId, update.email);
    if (holder !== undefined && holder.userId !== account.userId)
      return { profile: { ...account.shown, name: update.name }, emailKey: undefined };
    return {
      profile: { email: update.email.email, emailVerified: update.emailVerified, name: update.name },
      emailKey: update.email.key,
    };
  }

  /** A step added here that depends on more than what is new of a claim must show in {@link claimWithoutPolicy}. */
  private async finish(login: Login, provider: ProviderState, written: Written): Promise<SignedInUser> {
    const { manager, claim, now, context } = login;
    const { userId, identityId, state } = written;
    const identity = { id: identityId, providerId: claim.provider };
    if (written.groupsChanged) await this.groups.replaceMemberships(manager, identity, claim.groups, now);
    const ids = { identityId, userId, organizationId: provider.organizationId };
    await this.administrators.pin(manager, claim, ids, now, context);
    await this.members.join(manager, claim, userId, now, context);
    if (written.profileChanged) login.revoke({ subject: `profile:${userId}`, generation: state.profileGeneration });
    return {
      ...ids,
      email: written.email,
      name: written.name,
      userGeneration: state.generation,
      providerGeneration: provider.generation,
      organizationGeneration: provider.organizationGeneration,
      isNew: written.isNew,
      profileChanged: written.profileChanged,
    };
  }

  /** The refusal outlives the rollback that throwing it causes. */
  private denied({ claim, context }: Login, reason: SignInRefusal, userId: string | undefined): OAuthError {
    const who = userId === undefined ? {} : { userId };
    this.audit.recordApart({ kind: 'sign_in.refused', providerId: claim.provider, reason, ...who }, context);
    return new OAuthError('access_denied', 'You cannot sign in with this account; ask your administrator', {
      logDetail: `${reason} at provider ${claim.provider}`,
    });
  }

  private conflict(
    { claim, context }: Login,
    { organizationId }: ProviderState,
    { holderId, reason }: Extract<AccountDecision, { outcome: 'conflict' }>,
  ): OAuthError {
    this.audit.recordApart(
      { kind: 'account.conflict', providerId: claim.provider, organizationId, existingUserId: holderId, reason },
      context,
    );
    return new OAuthError(
      'account_conflict',
      'An account with your e-mail address exists already; sign in with the provider that you used before',
      { logDetail: `${reason} at provider ${claim.provider}` },
    );
  }
}

function shown({ email, name }: ShownProfile) {
  return { email, name };
}

function sameNames(before: readonly string[], now: readonly string[]): boolean {
  if (before.length !== now.length) return false;
  const known = new Set(before);
  return now.every((name) => known.has(name));
}
