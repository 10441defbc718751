/** An e-mail address as it is shown, and the form in which two spellings of one address are equal (R28). */
export interface EmailAddress {
  readonly email: string;
  /** Lower case, NFKC: what is unique inside an organization. */
  readonly key: string;
  /** The part after the `@` of `key`. */
  readonly domain: string;
}

const LONGEST = 254;
const SHAPE = /^[^\s@<>()[\]\\,;:"\p{C}]{1,64}@([\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*\.?[\p{L}\p{N}])*)$/u;

/** Reserved by RFC 2606, so it is nobody's: the addresses of people whose provider tells none (D54). */
const NO_MAIL_DOMAIN = 'users.invalid';

/**
 * Reads an address, normalised before it is checked so that no look-alike of `@` survives (R28). Undefined for anything
 * that is not one, and for the placeholders of {@link placeholderEmail}, which only we give out.
 */
export function parseEmailAddress(text: string): EmailAddress | undefined {
  if (text.length > LONGEST) return undefined;
  const email = text.normalize('NFKC');
  const key = email.toLowerCase().normalize('NFKC');
  const domain = SHAPE.exec(key)?.[1];
  if (domain === undefined || email.length > LONGEST || !SHAPE.test(email) || domain === NO_MAIL_DOMAIN)
    return undefined;
  return { email, key, domain };
}

/** The address of a user whose provider told none (D54): never verified, never linked, never somebody else's. */
export function placeholderEmail(userId: string): string {
  return `${userId}@${NO_MAIL_DOMAIN}`;
}
