import type { SamlProviderConfig } from '@app/config';
import type { AssertionFacts } from '../message-facts.js';
import { DISPLAY_NAMES, EMAIL_NAMES, GIVEN_NAMES, LOGIN_NAMES, SURNAMES } from './attribute-names.js';
import { readFirst } from './attribute-reading.js';

const EMAIL_FORMAT = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
const LONGEST_EMAIL = 254;
const LONGEST_NAME = 255;

/** One ASCII `@`, no quoting, comments, lists or blanks; letters and digits of any script, for there are IDN mailboxes. */
const LABEL = String.raw`[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?`;
const EMAIL = new RegExp(String.raw`^[^\s@<>()[\]\\,;:"\p{C}]{1,64}@(${LABEL}(?:\.${LABEL})*)$`, 'u');
/** Controls, lone surrogates and bidirectional overrides, which make a name read as another. */
const UNSHOWABLE = /[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069]+/gu;

/**
 * The e-mail address: the first well-formed value of the mapped attribute, else a NameID whose format says that it is
 * one; a NameID that merely looks like one is a login name. In NFKC (R28). It is verified where its domain is one that
 * the administrator configured for this provider, exactly and not a subdomain (D17), and normalisation changed nothing:
 * what the IdP vouches for is the address that it wrote.
 */
export function readEmail(
  { attributes, nameIds }: Pick<AssertionFacts, 'attributes' | 'nameIds'>,
  provider: SamlProviderConfig,
): { readonly email: string | undefined; readonly emailVerified: boolean } {
  const { email: configured } = provider.attributes;
  const written = [
    ...readFirst(attributes, configured.length > 0 ? configured : EMAIL_NAMES),
    ...nameIds.filter(({ format }) => format === EMAIL_FORMAT).map(({ value }) => value),
  ].map((text) => text.trim());
  for (const text of written) {
    const email = text.length > LONGEST_EMAIL ? '' : text.normalize('NFKC');
    const domain = email.length > LONGEST_EMAIL ? undefined : EMAIL.exec(email)?.[1]?.toLowerCase();
    if (domain === undefined) continue;
    const vouched = provider.verifiedEmailDomains.some((verified) => verified.toLowerCase() === domain);
    return { email, emailVerified: vouched && email === text };
  }
  return { email: undefined, emailVerified: false };
}

/** A name for people to read: cleaned and cut at 255 characters, for nothing is looked up by it. */
export function readName(
  { attributes }: Pick<AssertionFacts, 'attributes'>,
  provider: SamlProviderConfig,
): string | undefined {
  const { name: configured } = provider.attributes;
  if (configured.length > 0) return firstShowable(readFirst(attributes, configured));
  const [given] = readFirst(attributes, GIVEN_NAMES);
  const [surname] = readFirst(attributes, SURNAMES);
  const both = given !== undefined && surname !== undefined ? [`${given} ${surname}`] : [];
  return firstShowable([...readFirst(attributes, DISPLAY_NAMES), ...both, ...readFirst(attributes, LOGIN_NAMES)]);
}

function firstShowable(values: readonly string[]): string | undefined {
  return values.map(showable).find((name) => name !== '');
}

function showable(text: string): string {
  const clean = text
    .slice(0, 4 * LONGEST_NAME)
    .replace(UNSHOWABLE, ' ')
    .trim();
  let name = '';
  for (const character of clean) {
    if (name.length + character.length > LONGEST_NAME) break;
    name += character;
  }
  return name.trim();
}
