import { failed, passed, quoteFound, type CheckName, type Verdict } from '../verdict.js';

/** Byte for byte: URIs of SAML are compared as text (core §1.3.2), so that no two parsers can differ. Absent is refused. */
export function checkEqual(check: CheckName, what: string, found: string | undefined, wanted: string): Verdict {
  const expected = `${what} ${quoteFound(wanted)}`;
  return found === wanted ? passed(check, expected, quoteFound(found)) : failed(check, expected, quoteFound(found));
}

/** The answer to our request names it; an unsolicited one names none, or it was cut off somebody's request. */
export function checkInResponseTo(what: string, found: string | undefined, wanted: string | undefined): Verdict {
  if (wanted !== undefined) return checkEqual('in-response-to', what, found, wanted);
  const expected = `no ${what}: nothing was asked for`;
  return found === undefined
    ? passed('in-response-to', expected, 'none')
    : failed('in-response-to', expected, quoteFound(found));
}

/** Core §4.1.1: a later minor version may mean something else, and we would not know. */
export function checkVersion(what: string, found: string | undefined): Verdict {
  return checkEqual('version', `Version of the ${what}`, found, '2.0');
}

export function verdictOf(ok: boolean, check: CheckName, expected: string, found: string): Verdict {
  return ok ? passed(check, expected, found) : failed(check, expected, found);
}

/** For `found`: the values of a list, each quoted. The list is cut, as each of its values is. */
export function quoteAll(values: readonly string[]): string {
  if (values.length === 0) return 'nothing';
  const shown = values.slice(0, 10).map((value) => quoteFound(value));
  return values.length > shown.length
    ? `${shown.join(', ')} and ${values.length - shown.length} more`
    : shown.join(', ');
}
