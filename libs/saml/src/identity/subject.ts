import type { AssertionFacts, NameId } from '../message-facts.js';
import { quoteAll } from '../validation/value-checks.js';
import { failed, passed, quoteFound, type Verdict } from '../verdict.js';
import { findAttributes, readValues } from './attribute-reading.js';
import { nameIdFault, subjectFault, subjectKey, UNSPECIFIED_FORMAT } from './subject-key.js';

/** In a provider's `attributes.subject` this word is the NameID of the Subject, and never an attribute of that name. */
export const NAME_ID = 'NameID';

const SUBJECT_ID = 'urn:oasis:names:tc:SAML:attribute:subject-id';
const PAIRWISE_ID = 'urn:oasis:names:tc:SAML:attribute:pairwise-id';
const TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';
const ENTITY = 'urn:oasis:names:tc:SAML:2.0:nameid-format:entity';

/** SAML V2.0 Subject Identifier Attributes §3.3.1 and §3.4.1: a unique id and a scope. */
const SCOPED_ID = /^[A-Za-z0-9][A-Za-z0-9=-]{0,126}@[A-Za-z0-9][A-Za-z0-9.-]{0,126}$/;

interface SubjectReading {
  /** Undefined exactly where a verdict is not ok. */
  readonly subject: string | undefined;
  readonly verdicts: readonly Verdict[];
}

/**
 * The subject of an assertion, which with provider and entityID is the key of a person (D17), or why there is none.
 *
 * What is taken: the first of the configured names that has a value, and only those; without configured names
 * `subject-id`, then `pairwise-id`, else the NameID. So an IdP that begins to send `subject-id` makes every person
 * another one: `attributes.subject: [NameID]` keeps who they are. A transient NameID is another one at each login and is
 * never taken.
 *
 * A NameID's key is a JSON array and the others begin with a word, so no attribute's value can stand for a NameID, nor
 * one attribute's for another's.
 */
export function readSubject(assertion: AssertionFacts, configured: readonly string[]): SubjectReading {
  const nameId = checkNameId(assertion.nameIds, configured);
  const chosen = choose(assertion, configured);
  const ok = nameId.ok && chosen.verdict.ok;
  return { subject: ok ? chosen.subject : undefined, verdicts: [nameId, chosen.verdict] };
}

/** The verdicts of {@link readSubject} alone. */
export function checkSubject(assertion: AssertionFacts, configured: readonly string[]): readonly Verdict[] {
  return readSubject(assertion, configured).verdicts;
}

/** Exactly one NameID, or none where an attribute is configured instead: core §2.4.1 allows a Subject without. */
export function checkNameId(nameIds: readonly NameId[], subjectAttributes: readonly string[] = []): Verdict {
  const optional = subjectAttributes.some((name) => name !== NAME_ID);
  const expected = optional ? 'at most one NameID, not empty' : 'one NameID, not empty';
  const [nameId] = nameIds;
  if (nameId === undefined) {
    return optional ? passed('name-id', expected, 'none') : failed('name-id', expected, 'none');
  }
  if (nameIds.length > 1) return failed('name-id', expected, `${nameIds.length} NameIDs`);
  const found = `${quoteFound(nameId.value)} of format ${quoteFound(nameId.format ?? UNSPECIFIED_FORMAT)}`;
  const fault = nameIdFault(nameId);
  return fault === undefined
    ? passed('name-id', expected, found)
    : failed('name-id', expected, `${found}, which ${fault}`);
}

interface Choice {
  readonly subject: string | undefined;
  readonly verdict: Verdict;
}

function choose(assertion: AssertionFacts, configured: readonly string[]): Choice {
  const { attributes, nameIds } = assertion;
  for (const name of configured) {
    if (name === NAME_ID && nameIds.length > 0) return fromNameId(nameIds);
    if (name !== NAME_ID && readValues(attributes, name).length > 0) return fromAttribute(assertion, name);
  }
  if (configured.length > 0) return refuse(`a value of ${configured.map(quoteFound).join(' or ')}`, 'none');
  for (const name of [SUBJECT_ID, PAIRWISE_ID]) {
    if (attributes.some((attribute) => attribute.name === name)) return fromAttribute(assertion, name);
  }
  return fromNameId(nameIds);
}

function fromNameId([nameId]: readonly NameId[]): Choice {
  const expected = 'a lasting subject: a NameID that is not transient, subject-id, pairwise-id, or attributes.subject';
  if (nameId === undefined) return refuse(expected, 'no NameID');
  const { format } = nameId;
  if (format === TRANSIENT || format === ENTITY) return refuse(expected, `a NameID of format ${quoteFound(format)}`);
  const found = `NameID ${quoteFound(nameId.value)}`;
  const fault = nameIdFault(nameId);
  return fault === undefined
    ? accept(expected, found, subjectKey(nameId))
    : refuse(expected, `${found}, which ${fault}`);
}

function fromAttribute({ attributes }: AssertionFacts, name: string): Choice {
  // By its own Name and not by how it was looked for: a friendly name may mean another attribute tomorrow.
  const found = findAttributes(attributes, name).flatMap((attribute) =>
    attribute.values.filter((value) => value.trim() !== '').map((value) => ({ name: attribute.name, value })),
  );
  const expected = `one value of ${quoteFound(name)}`;
  const [first] = found;
  if (first === undefined) return refuse(expected, 'none');
  if (found.some((other) => other.name !== first.name || other.value !== first.value)) {
    return refuse(expected, quoteAll(found.map(({ value }) => value)));
  }
  const kind = SCOPED_KINDS.get(first.name);
  if (kind !== undefined && !SCOPED_ID.test(first.value)) {
    return refuse(`${expected}, formed like "id@scope"`, quoteFound(first.value));
  }
  // Scoped ids that differ only by case are one subject (§3.3.1); of others nothing is known, and they are byte-exact.
  const key =
    kind === undefined
      ? `attribute:${JSON.stringify([first.name, first.value])}`
      : `${kind}:${first.value.toLowerCase()}`;
  const fault = subjectFault([first.name, first.value], key);
  return fault === undefined
    ? accept(expected, quoteFound(first.value), key)
    : refuse(expected, `${quoteFound(first.value)}, which ${fault}`);
}

const SCOPED_KINDS: ReadonlyMap<string, string> = new Map([
  [SUBJECT_ID, 'subject-id'],
  [PAIRWISE_ID, 'pairwise-id'],
]);

function accept(expected: string, found: string, subject: string): Choice {
  return { subject, verdict: passed('subject', expected, found) };
}

function refuse(expected: string, found: string): Choice {
  return { subject: undefined, verdict: failed('subject', expected, found) };
}
