import type { NameId } from '../message-facts.js';

/** What an absent Format means (core §2.2.2). */
export const UNSPECIFIED_FORMAT = 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified';

/**
 * Bytes of UTF-8 in a subject. The key of a person is (provider, entityID, subject) in one index, whose rows Postgres
 * limits to 2,704 bytes; a provider id has up to 100 and an entityID up to 1,024 of them (metadata §2.2.1).
 */
export const LONGEST_SUBJECT_BYTES = 1_500;

/** Postgres stores no U+0000, and lone surrogates would all become U+FFFD: two keys one. */
const UNSTORABLE = /[\p{Cc}\p{Cs}]/u;

/** A NameID that no key can be made of; refused and never cut (R28). The message is fit for an operator. */
export class UnusableNameId extends Error {
  override readonly name = 'UnusableNameId';
}

/**
 * Every part of a NameID in one text, so that equal texts are one person and no two persons share a text (D46). A JSON
 * array of Format, NameQualifier, SPNameQualifier and value: no value can pretend to be a qualifier, and an absent
 * qualifier is another one than an empty one. Byte-exact: nothing is trimmed, folded or normalised (core §3.3.4). The
 * entityID is not in it; whoever stores the key keeps that beside it.
 *
 * @throws UnusableNameId where {@link nameIdFault} finds one
 */
export function subjectKey(nameId: NameId): string {
  const fault = nameIdFault(nameId);
  if (fault !== undefined) throw new UnusableNameId(`the NameID ${fault}`);
  return keyOf(nameId);
}

/** Why no key can be made of a NameID, as the end of a sentence; undefined: one can. */
export function nameIdFault(nameId: NameId): string | undefined {
  const { format = '', nameQualifier = '', spNameQualifier = '', value } = nameId;
  if (value.trim() === '') return 'is empty';
  return subjectFault([format, nameQualifier, spNameQualifier, value], keyOf(nameId));
}

/** The same for any subject: `parts` as they came, for in JSON control characters would be escaped and so hidden. */
export function subjectFault(parts: readonly string[], key: string): string | undefined {
  if (parts.some((part) => UNSTORABLE.test(part))) return 'holds control characters';
  const bytes = Buffer.byteLength(key);
  return bytes > LONGEST_SUBJECT_BYTES
    ? `makes a key of ${bytes} bytes, more than ${LONGEST_SUBJECT_BYTES}`
    : undefined;
}

function keyOf({ format, nameQualifier, spNameQualifier, value }: NameId): string {
  return JSON.stringify([format ?? UNSPECIFIED_FORMAT, nameQualifier ?? null, spNameQualifier ?? null, value]);
}
