import { parseEmailAddress, type EmailAddress } from './email-address.js';

/** What a provider vouched for, whatever protocol it spoke; connectors have checked its proof. */
export interface IdentityClaim {
  /** Id of the provider record (D55). */
  readonly provider: string;
  /** Issuer or SAML entityID. */
  readonly issuer: string;
  /** Byte-exact (D46); with provider and issuer the one key of a person (D17). */
  readonly subject: string;
  readonly email: string | undefined;
  readonly emailVerified: boolean;
  readonly name: string | undefined;
  readonly groups: readonly string[];
}

/** SAML subjects carry their qualifiers (D46), so they are longer than OIDC's 255. */
const LONGEST_KEY = 2_048;
const LONGEST_NAME = 256;
/** Postgres stores no U+0000, and lone surrogates would all become U+FFFD: two keys one. */
const UNSTORABLE = /[\p{Cc}\p{Cs}]/u;

function isStorable(text: string, longest: number): boolean {
  return text !== '' && text.length <= longest && !UNSTORABLE.test(text);
}

/**
 * Says whether keys can be made of a claim. Connectors cap at their boundary; this is the last line before the database,
 * for every protocol alike: a key that does not fit is refused, never cut (R28).
 */
export function isStorableClaim(claim: IdentityClaim): boolean {
  // A group grants rights under its name, so it is a key as well.
  return (
    isStorable(claim.issuer, LONGEST_KEY) &&
    isStorable(claim.subject, LONGEST_KEY) &&
    claim.groups.every((group) => isStorable(group, LONGEST_NAME))
  );
}

/** A name for people to read; nothing is looked up by it, so it is cleaned and cut. */
export function showableName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  let shown = '';
  for (const character of name) {
    if (shown.length + character.length > LONGEST_NAME) break;
    if (!UNSTORABLE.test(character)) shown += character;
  }
  shown = shown.trim();
  return shown === '' ? undefined : shown;
}

/** A claim in the form that its rows have: an e-mail that is one, a name for people to read, each group once. */
export function keptClaim(identity: IdentityClaim): {
  readonly claim: IdentityClaim;
  readonly email: EmailAddress | undefined;
} {
  const { provider, issuer, subject } = identity;
  const email = identity.email === undefined ? undefined : parseEmailAddress(identity.email);
  const claim = {
    provider,
    issuer,
    subject,
    email: email?.email,
    emailVerified: email !== undefined && identity.emailVerified,
    name: showableName(identity.name),
    groups: [...new Set(identity.groups)],
  };
  return { claim, email };
}
