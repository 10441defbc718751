import type { AssertionFacts, ResponseFacts } from '../message-facts.js';
import { failed, passed, quoteFound, type Verdict } from '../verdict.js';
import { checkSubject } from '../identity/subject.js';
import {
  checkAuthentication,
  checkConditions,
  checkProtection,
  type AuthenticationExpectation,
} from './assertion-checks.js';
import { checkConfirmations } from './subject-confirmation.js';
import { checkAge } from './time-checks.js';
import { checkEqual, checkInResponseTo, checkVersion, quoteAll, verdictOf } from './value-checks.js';

export const STATUS_SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success';

/** What a response must say to be the answer to our request at this provider. */
export interface ResponseExpectation extends AuthenticationExpectation {
  readonly idpEntityId: string;
  /** Ours at this provider: the only audience that we are (D24). */
  readonly entityId: string;
  readonly acsUrl: string;
  /** The id of our request; undefined: the response must be unsolicited (D36). */
  readonly inResponseTo: string | undefined;
  /** Oldest IssueInstant, skew not counted. */
  readonly maxMessageAgeSeconds: number;
  readonly wantAssertionsSigned: boolean;
  readonly wantEncryptedAssertions: boolean;
  /** `attributes.subject` of the provider's record. */
  readonly subjectAttributes: readonly string[];
}

/**
 * Whether a response whose signature was verified means that this person signed in for us, now: core, bindings §3.5 and
 * profiles §4.1.4, with everything absent refused that could limit the message (R9). All checks are made, in the order
 * of the message, so that an operator sees every fault at once; the response is good when every verdict is. An assertion's
 * one use (R10) is not seen here: that needs a memory.
 */
export function checkResponse(facts: ResponseFacts, expected: ResponseExpectation): Verdict[] {
  const { assertion } = facts;
  const envelope = [
    checkVersion('response', facts.version),
    checkStatus(facts),
    checkResponseIssuer(facts, expected.idpEntityId),
    // Bindings §3.5.5.2 demands it of signed messages. Of unsigned ones too: what is missing there an attacker may have cut.
    checkEqual('destination', 'Destination of the response', facts.destination, expected.acsUrl),
    checkInResponseTo('InResponseTo of the response', facts.inResponseTo, expected.inResponseTo),
    checkIssueInstant('response', facts.issueInstant, expected),
  ];
  if (assertion !== undefined) return [...envelope, ...checkAssertion(assertion, facts.signed, expected)];
  // An IdP that refused sends none; its status says why, and a second complaint would hide that.
  return facts.statusCodes[0] === STATUS_SUCCESS
    ? [...envelope, failed('one-assertion', 'one assertion', 'none')]
    : envelope;
}

function checkAssertion(assertion: AssertionFacts, responseSigned: boolean, expected: ResponseExpectation): Verdict[] {
  return [
    ...checkProtection(assertion, responseSigned, expected),
    checkVersion('assertion', assertion.version),
    checkEqual('assertion-issuer', 'Issuer of the assertion', assertion.issuer, expected.idpEntityId),
    checkIssueInstant('assertion', assertion.issueInstant, expected),
    ...checkSubject(assertion, expected.subjectAttributes),
    ...checkConfirmations(assertion.confirmations, expected),
    ...checkConditions(assertion.conditions, expected.entityId, expected),
    ...checkAuthentication(assertion.authnStatements, expected),
  ];
}

/** Only the top-level code decides (core §3.2.2.2); the others and the message tell why. */
export function checkStatus(facts: {
  readonly statusCodes: readonly string[];
  readonly statusMessage: string | undefined;
}): Verdict {
  const [top] = facts.statusCodes;
  const message = facts.statusMessage === undefined ? '' : ` with the message ${quoteFound(facts.statusMessage)}`;
  return verdictOf(
    top === STATUS_SUCCESS,
    'status',
    `status ${quoteFound(STATUS_SUCCESS)}`,
    `${quoteAll(facts.statusCodes)}${message}`,
  );
}

/** Profiles §4.1.4.2: required where the response is signed or the assertion encrypted, and true wherever it stands. */
function checkResponseIssuer({ issuer, signed, assertion }: ResponseFacts, idpEntityId: string): Verdict {
  if (issuer === undefined && !signed && assertion?.encrypted !== true) {
    return passed('response-issuer', `Issuer ${quoteFound(idpEntityId)} or none in an unsigned response`, 'none');
  }
  return checkEqual('response-issuer', 'Issuer of the response', issuer, idpEntityId);
}

function checkIssueInstant(what: 'response' | 'assertion', text: string | undefined, expected: ResponseExpectation) {
  const field = { check: 'issue-instant', what: `IssueInstant of the ${what}`, text } as const;
  return checkAge(field, expected.maxMessageAgeSeconds, expected);
}
