/** Everything that is looked at in a message; a verdict names one of these. */
export type CheckName =
  // Before anything is parsed
  | 'encoding'
  | 'size'
  | 'well-formed'
  | 'doctype'
  | 'processing-instruction'
  | 'comment'
  | 'cdata'
  | 'depth'
  | 'element-count'
  | 'attribute-count'
  | 'repeated-parameter'
  // Shape and signature
  | 'root-element'
  | 'unique-ids'
  | 'one-assertion'
  | 'signature-present'
  | 'signature-position'
  | 'signature-shape'
  | 'signature-algorithm'
  | 'signature-reference'
  | 'signature-value'
  | 'digest-value'
  | 'certificate'
  | 'encryption-algorithm'
  | 'decryption'
  | 'encryption-required'
  // Meaning
  | 'version'
  | 'status'
  | 'response-issuer'
  | 'assertion-issuer'
  | 'issuer'
  | 'destination'
  | 'in-response-to'
  | 'recipient'
  | 'subject-confirmation'
  | 'confirmation-not-before'
  | 'confirmation-not-on-or-after'
  | 'not-before'
  | 'not-on-or-after'
  | 'audience'
  | 'unknown-condition'
  | 'issue-instant'
  | 'authn-statement'
  | 'session-not-on-or-after'
  | 'authentication-age'
  | 'authn-context'
  | 'name-id'
  | 'subject'
  | 'groups'
  | 'replay'
  | 'browser'
  | 'unsolicited'
  | 'provider'
  | 'logged-out'
  // A document, not a message
  | 'metadata';

/**
 * One thing that was checked: the log, the audit and later the administrator read it. `expected` and `found` are short,
 * cleaned and without secrets; they are for operators, never for the person who signs in.
 */
export interface Verdict {
  readonly check: CheckName;
  readonly ok: boolean;
  readonly expected: string;
  readonly found: string;
}

const LONGEST = 300;

/** Text of a stranger made fit for one line of a log. */
export function quoteFound(text: string | undefined): string {
  if (text === undefined) return 'nothing';
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ');
  return `"${line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line}"`;
}

export function passed(check: CheckName, expected: string, found: string = expected): Verdict {
  return { check, ok: true, expected, found };
}

export function failed(check: CheckName, expected: string, found: string): Verdict {
  return { check, ok: false, expected, found };
}

/** A verdict as it is stored: of what passed no values. */
export type RecordedVerdict = Pick<Verdict, 'check' | 'ok'> & Partial<Pick<Verdict, 'expected' | 'found'>>;

/**
 * Verdicts for the audit. What passed explains no refusal, but its values are personal data (NameID, subject) that would
 * be kept as long as the audit is.
 */
export function verdictsForRecord(verdicts: readonly Verdict[]): readonly RecordedVerdict[] {
  return verdicts.map((verdict) => (verdict.ok ? { check: verdict.check, ok: true } : verdict));
}

export function firstFailure(verdicts: readonly Verdict[]): Verdict | undefined {
  return verdicts.find((verdict) => !verdict.ok);
}
