import { UpstreamError } from './upstream-error.js';

/** An object parsed from JSON that somebody else wrote. */
export type ClaimSource = Readonly<Record<string, unknown>>;

const MAX_TEXT = 255;
const MAX_EMAIL = 254;
const MAX_GROUPS = 2_000;
const MAX_AMR = 32;

/** Control characters and lone surrogates: the latter would all become U+FFFD, and two keys one, when stored. */
const UNSTORABLE = /[\p{Cc}\p{Cs}]/u;
/** One ASCII `@`, no quoting, comments, lists or blanks; letters and digits of any script, for there are IDN mailboxes. */
const LABEL = String.raw`[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?`;
const EMAIL = new RegExp(String.raw`^[^\s@<>()[\]\\,;:"\p{C}]{1,64}@${LABEL}(?:\.${LABEL})*$`, 'u');
/** Controls, lone surrogates and bidirectional overrides, which make a name read as another. */
const UNSHOWABLE = /[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069]+/gu;

/**
 * The value at a claim's name, or, where no such claim exists, at a path of names joined by dots. The plain name goes
 * first because collision-resistant claim names (`https://acme.com/groups`) hold dots. Own properties only.
 */
export function claimAt(source: ClaimSource, path: string): unknown {
  if (Object.hasOwn(source, path)) return source[path];
  let value: unknown = source;
  for (const name of path.split('.')) {
    if (!isClaimSource(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

export function isClaimSource(value: unknown): value is ClaimSource {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A subject identifier, kept byte for byte (D17). Whole numbers become their decimal form; one beyond 2^53 is refused,
 * for JSON parsing has already rounded it to somebody else's.
 * @throws UpstreamError `invalid_response` (R28: refused, never cut)
 */
export function readSubject(value: unknown): string {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (typeof value !== 'string') throw unusable('the subject is not a string or a whole number');
  if (value.trim() === '') throw unusable('the subject is empty');
  if (value.length > MAX_TEXT) throw unusable(`the subject is longer than ${MAX_TEXT} characters`);
  if (UNSTORABLE.test(value)) throw unusable('the subject holds control characters');
  return value;
}

/**
 * An e-mail address in NFKC (R28), or none when it has not the shape of one. `verified` counts only when
 * normalisation changed nothing: what the provider verified is the address it wrote, not the one it looks like.
 */
export function readEmail(value: unknown, verified: unknown): { email: string | undefined; emailVerified: boolean } {
  if (typeof value !== 'string' || value.length > MAX_EMAIL) return { email: undefined, emailVerified: false };
  const email = value.normalize('NFKC');
  if (email.length > MAX_EMAIL || !EMAIL.test(email)) return { email: undefined, emailVerified: false };
  return { email, emailVerified: email === value && isTrue(verified) };
}

/** A name for people to read: cleaned and cut at 255 characters, for nothing is looked up by it. */
export function readName(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const clean = value
    .slice(0, 4 * MAX_TEXT)
    .replace(UNSHOWABLE, ' ')
    .trim();
  if (clean === '') return undefined;
  let name = '';
  for (const character of clean) {
    if (name.length + character.length > MAX_TEXT) break;
    name += character;
  }
  return name.trim();
}

/**
 * Group names from an array or a single string, without repetitions. Groups grant rights, so nothing is cut or passed
 * over in silence: more than 2000, one over 255 characters or one that is no string refuses the whole.
 * @throws UpstreamError `invalid_response` (R28)
 */
export function readGroups(value: unknown): readonly string[] {
  if (value === undefined || value === null || value === '') return [];
  const groups: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (groups.length > MAX_GROUPS) throw unusable(`there are ${groups.length} groups, more than ${MAX_GROUPS}`);
  const names = new Set<string>();
  for (const group of groups) {
    if (typeof group !== 'string' || group === '') throw unusable('the groups are not a list of names');
    if (group.length > MAX_TEXT) throw unusable(`a group's name is longer than ${MAX_TEXT} characters`);
    if (UNSTORABLE.test(group)) throw unusable("a group's name holds control characters");
    names.add(group);
  }
  return [...names];
}

/** `acr`, `amr` and the like: kept when well formed, else treated as not said. */
export function readLabel(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT && !UNSTORABLE.test(value)
    ? value
    : undefined;
}

export function readLabels(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_AMR) return undefined;
  const labels = value.map(readLabel).filter((label) => label !== undefined);
  return labels.length === value.length ? labels : undefined;
}

/** Some providers write booleans as strings; anything but true is not true. */
function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

function unusable(detail: string): UpstreamError {
  return new UpstreamError('invalid_response', detail);
}
