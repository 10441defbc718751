import type { AssertionFacts, LogoutRequestFacts, LogoutResponseFacts, ResponseFacts } from '../message-facts.js';
import type { LogoutExpectation } from './logout-checks.js';
import { STATUS_SUCCESS, type ResponseExpectation } from './response-checks.js';
import { BEARER } from './subject-confirmation.js';

export const NOW = new Date('2026-11-21T12:00:00.000Z');
export const SKEW = 120;
export const MAX_AGE = 300;
export const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
export const PASSWORD = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';

/** An instant `seconds` from now as messages write it. */
export function at(seconds: number): string {
  return new Date(NOW.getTime() + seconds * 1000).toISOString();
}

export const expected: ResponseExpectation = {
  now: NOW,
  skewSeconds: SKEW,
  maxMessageAgeSeconds: MAX_AGE,
  idpEntityId: 'https://idp.test/metadata',
  entityId: 'https://gate.test/saml/corp/metadata',
  acsUrl: 'https://gate.test/saml/acs',
  inResponseTo: '_request',
  wantAssertionsSigned: false,
  wantEncryptedAssertions: false,
  subjectAttributes: [],
  maxAuthAgeSeconds: undefined,
  forceAuthnSince: undefined,
  requestedAuthnContext: undefined,
};

/** An assertion without a fault, but for what is given. */
export function anAssertion(parts: Partial<AssertionFacts> = {}): AssertionFacts {
  return {
    id: '_assertion',
    version: '2.0',
    issueInstant: at(-5),
    issuer: expected.idpEntityId,
    signed: true,
    encrypted: false,
    nameIds: [{ format: PERSISTENT, nameQualifier: undefined, spNameQualifier: undefined, value: 'alice' }],
    confirmations: [aConfirmation()],
    conditions: someConditions(),
    authnStatements: [aStatement()],
    attributes: [],
    ...parts,
  };
}

export function aConfirmation(parts: Partial<AssertionFacts['confirmations'][number]> = {}) {
  return {
    method: BEARER,
    recipient: expected.acsUrl,
    inResponseTo: expected.inResponseTo,
    notBefore: undefined,
    notOnOrAfter: at(300),
    ...parts,
  };
}

export function someConditions(parts: Partial<NonNullable<AssertionFacts['conditions']>> = {}) {
  return {
    notBefore: at(-5),
    notOnOrAfter: at(300),
    audienceRestrictions: [[expected.entityId]],
    oneTimeUse: false,
    unknown: [],
    ...parts,
  };
}

export function aStatement(parts: Partial<AssertionFacts['authnStatements'][number]> = {}) {
  return {
    authnInstant: at(-60),
    sessionIndex: '_session',
    sessionNotOnOrAfter: undefined,
    authnContextClassRef: PASSWORD,
    ...parts,
  };
}

export function aResponse(parts: Partial<ResponseFacts> = {}): ResponseFacts {
  return {
    id: '_response',
    version: '2.0',
    issueInstant: at(-5),
    issuer: expected.idpEntityId,
    destination: expected.acsUrl,
    inResponseTo: expected.inResponseTo,
    statusCodes: [STATUS_SUCCESS],
    statusMessage: undefined,
    signed: false,
    assertion: anAssertion(),
    ...parts,
  };
}

/** A response whose assertion differs. */
export function withAssertion(parts: Partial<AssertionFacts>): ResponseFacts {
  return aResponse({ assertion: anAssertion(parts) });
}

export const expectedLogout: LogoutExpectation = {
  now: NOW,
  skewSeconds: SKEW,
  maxMessageAgeSeconds: MAX_AGE,
  idpEntityId: expected.idpEntityId,
  sloUrl: 'https://gate.test/saml/slo',
};

export function aLogoutRequest(parts: Partial<LogoutRequestFacts> = {}): LogoutRequestFacts {
  return {
    kind: 'LogoutRequest',
    id: '_logout',
    version: '2.0',
    issueInstant: at(-5),
    issuer: expected.idpEntityId,
    destination: expectedLogout.sloUrl,
    notOnOrAfter: at(60),
    reason: undefined,
    nameIds: [{ format: PERSISTENT, nameQualifier: undefined, spNameQualifier: undefined, value: 'alice' }],
    sessionIndexes: ['_session'],
    ...parts,
  };
}

export function aLogoutResponse(parts: Partial<LogoutResponseFacts> = {}): LogoutResponseFacts {
  return {
    kind: 'LogoutResponse',
    id: '_answer',
    version: '2.0',
    issueInstant: at(-5),
    issuer: expected.idpEntityId,
    destination: expectedLogout.sloUrl,
    inResponseTo: '_ours',
    statusCodes: [STATUS_SUCCESS],
    statusMessage: undefined,
    ...parts,
  };
}
