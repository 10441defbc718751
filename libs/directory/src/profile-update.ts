import { parseEmailAddress, type EmailAddress } from './email-address.js';

/** What a user's row shows. */
export interface ShownProfile {
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string | undefined;
}

/** What one identity told at its last login. */
export interface ToldProfile {
  readonly email: string | undefined;
  readonly emailVerified: boolean;
  readonly name: string | undefined;
}

/** `email`: the address that the user should have from now on, if it is free; undefined where it stays. */
export interface ProfileUpdate {
  readonly email: EmailAddress | undefined;
  readonly emailVerified: boolean;
  readonly name: string | undefined;
}

/**
 * What a login changes of the user's profile. An identity speaks for the e-mail and the name that it gave before (or
 * that nobody gave): a second linked identity does not overwrite what the first one told.
 */
export function updateProfile(
  shown: ShownProfile,
  before: ToldProfile,
  told: {
    readonly email: EmailAddress | undefined;
    readonly emailVerified: boolean;
    readonly name: string | undefined;
  },
  others: readonly ToldProfile[],
): ProfileUpdate {
  const shownKey = keyOf(shown.email);
  // A placeholder (D54) has no key: any identity may replace it.
  const ownsEmail = shownKey === undefined || keyOf(before.email) === shownKey;
  const ownsName = shown.name === undefined || before.name === shown.name;
  const name = ownsName && told.name !== undefined ? told.name : shown.name;
  if (!ownsEmail || told.email === undefined) return { email: undefined, emailVerified: shown.emailVerified, name };
  if (told.email.key !== shownKey) return { email: told.email, emailVerified: told.emailVerified, name };
  const vouchedFor = others.some((other) => other.emailVerified && keyOf(other.email) === shownKey);
  return {
    email: told.email.email === shown.email ? undefined : told.email,
    emailVerified: told.emailVerified || vouchedFor,
    name,
  };
}

function keyOf(email: string | undefined): string | undefined {
  return email === undefined ? undefined : parseEmailAddress(email)?.key;
}
