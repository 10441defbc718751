import type { EmailAddress } from './email-address.js';

/** The user who holds the claimed e-mail in the provider's organization. */
export interface EmailHolder {
  readonly userId: string;
  readonly organizationId: string;
  readonly emailVerified: boolean;
  readonly disabled: boolean;
  /** Pinned as an administrator, or matching an entry of `admins` that is not pinned yet. */
  readonly isAdministrator: boolean;
  /** The providers that this user has an identity at. */
  readonly providers: readonly string[];
  /** Domains in which at least one of those providers may link, too. */
  readonly linkByVerifiedEmailDomains: readonly string[];
}

/** All that the policy looks at. `knownUser`: the user of this very (provider, issuer, subject), where there is one. */
export interface AccountFacts {
  readonly provider: {
    readonly id: string;
    readonly enabled: boolean;
    readonly organizationId: string;
    readonly linkByVerifiedEmailDomains: readonly string[];
  };
  readonly knownUser: { readonly userId: string; readonly disabled: boolean } | undefined;
  readonly email: EmailAddress | undefined;
  readonly emailVerified: boolean;
  readonly emailHolder: EmailHolder | undefined;
}

/** Why two accounts with one e-mail stay two (D17). */
export type ConflictReason =
  | 'linking_not_allowed'
  | 'other_organization'
  | 'claim_not_verified'
  | 'holder_not_verified'
  | 'linking_not_allowed_for_holder'
  | 'holder_is_administrator'
  | 'holder_is_disabled'
  | 'holder_has_identity_at_provider';

export type AccountDecision =
  | { readonly outcome: 'sign-in'; readonly userId: string }
  | { readonly outcome: 'create' }
  | { readonly outcome: 'link'; readonly userId: string }
  | { readonly outcome: 'denied'; readonly reason: 'provider_disabled' | 'user_disabled' }
  | { readonly outcome: 'conflict'; readonly holderId: string; readonly reason: ConflictReason };

/**
 * Who this identity is: the one policy of every way in (D17, R12, R16). The key is (provider, issuer, subject); an
 * e-mail finds nobody, except where the administrator allowed it for this provider and domain and both ends are proved
 * (R17). Whatever is not plainly allowed is refused.
 */
export function decideAccount(facts: AccountFacts): AccountDecision {
  if (!facts.provider.enabled) return { outcome: 'denied', reason: 'provider_disabled' };
  if (facts.knownUser !== undefined)
    return facts.knownUser.disabled
      ? { outcome: 'denied', reason: 'user_disabled' }
      : { outcome: 'sign-in', userId: facts.knownUser.userId };
  const { email, emailHolder } = facts;
  if (email === undefined || emailHolder === undefined) return { outcome: 'create' };
  const reason = linkObstacle(facts, email, emailHolder);
  if (reason !== undefined) return { outcome: 'conflict', holderId: emailHolder.userId, reason };
  return { outcome: 'link', userId: emailHolder.userId };
}

function linkObstacle(facts: AccountFacts, email: EmailAddress, holder: EmailHolder): ConflictReason | undefined {
  const { provider } = facts;
  if (!covers(provider.linkByVerifiedEmailDomains, email)) return 'linking_not_allowed';
  if (holder.organizationId !== provider.organizationId) return 'other_organization';
  if (!facts.emailVerified) return 'claim_not_verified';
  if (!holder.emailVerified) return 'holder_not_verified';
  // Or whoever gets an account with that address at a lax second provider would wait there for its owner (R17).
  if (!covers(holder.linkByVerifiedEmailDomains, email)) return 'linking_not_allowed_for_holder';
  if (holder.isAdministrator) return 'holder_is_administrator';
  if (holder.disabled) return 'holder_is_disabled';
  // Two subjects at one provider are two accounts there; one mailbox for both means that it changed hands.
  if (holder.providers.includes(provider.id)) return 'holder_has_identity_at_provider';
  return undefined;
}

function covers(domains: readonly string[], email: EmailAddress): boolean {
  return domains.some((domain) => domain.toLowerCase() === email.domain);
}
