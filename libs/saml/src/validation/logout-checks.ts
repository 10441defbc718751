import { checkNameId } from '../identity/subject.js';
import type { LogoutRequestFacts, LogoutResponseFacts } from '../message-facts.js';
import type { Verdict } from '../verdict.js';
import { parseInstant } from './instant.js';
import { STATUS_SUCCESS } from './response-checks.js';
import { checkAge, checkNotOnOrAfter, type TimeFrame } from './time-checks.js';
import { checkEqual, checkInResponseTo, checkVersion } from './value-checks.js';

const PARTIAL_LOGOUT = 'urn:oasis:names:tc:SAML:2.0:status:PartialLogout';

export interface LogoutExpectation extends TimeFrame {
  readonly idpEntityId: string;
  readonly sloUrl: string;
  /** Oldest IssueInstant, skew not counted. */
  readonly maxMessageAgeSeconds: number;
}

/**
 * Whether a LogoutRequest whose signature was verified is meant for us, now, and names one person (core §3.7.1, R14).
 * NotOnOrAfter may be absent, there the age of the message alone limits it. That it is used once is not seen here.
 */
export function checkLogoutRequest(facts: LogoutRequestFacts, expected: LogoutExpectation): Verdict[] {
  const { notOnOrAfter } = facts;
  const field = { check: 'not-on-or-after', what: 'NotOnOrAfter of the LogoutRequest', text: notOnOrAfter } as const;
  return [
    ...checkEnvelope(facts, expected),
    ...(notOnOrAfter === undefined ? [] : [checkNotOnOrAfter(field, expected)]),
    checkNameId(facts.nameIds),
  ];
}

/**
 * Whether a LogoutResponse whose signature was verified answers our LogoutRequest. Its status is no part of it: an IdP
 * that could not log everybody out says so in a good message; see {@link logoutOutcome}.
 */
export function checkLogoutResponse(
  facts: LogoutResponseFacts,
  expected: LogoutExpectation & { readonly inResponseTo: string },
): Verdict[] {
  return [
    ...checkEnvelope(facts, expected),
    checkInResponseTo('InResponseTo of the LogoutResponse', facts.inResponseTo, expected.inResponseTo),
  ];
}

/** What the IdP says became of the logout that we asked for (core §3.7.3.2). */
export function logoutOutcome({ statusCodes }: LogoutResponseFacts): 'complete' | 'partial' | 'failed' {
  if (statusCodes.includes(PARTIAL_LOGOUT)) return 'partial';
  return statusCodes[0] === STATUS_SUCCESS ? 'complete' : 'failed';
}

/** Until when a LogoutRequest that was found good could be used again: its own word, or else its age's limit. */
export function logoutRequestEnd(facts: LogoutRequestFacts, maxMessageAgeSeconds: number, now: Date): Date {
  const end = parseInstant(facts.notOnOrAfter);
  const issued = parseInstant(facts.issueInstant) ?? now;
  return end ?? new Date(issued.getTime() + maxMessageAgeSeconds * 1000);
}

function checkEnvelope(facts: LogoutRequestFacts | LogoutResponseFacts, expected: LogoutExpectation): Verdict[] {
  const what = facts.kind;
  const issued = { check: 'issue-instant', what: `IssueInstant of the ${what}`, text: facts.issueInstant } as const;
  return [
    checkVersion(what, facts.version),
    checkEqual('issuer', `Issuer of the ${what}`, facts.issuer, expected.idpEntityId),
    // Both bindings: messages of logout are always signed (R15), and signed ones name where they go.
    checkEqual('destination', `Destination of the ${what}`, facts.destination, expected.sloUrl),
    checkAge(issued, expected.maxMessageAgeSeconds, expected),
  ];
}
