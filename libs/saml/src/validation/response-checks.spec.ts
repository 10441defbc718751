import type { ResponseFacts } from '../message-facts.js';
import type { CheckName, Verdict } from '../verdict.js';
import {
  aConfirmation,
  anAssertion,
  aResponse,
  aStatement,
  at,
  expected,
  PASSWORD,
  someConditions,
  withAssertion,
} from './facts.spec-support.js';
import { checkResponse, STATUS_SUCCESS, type ResponseExpectation } from './response-checks.js';

function failures(facts: ResponseFacts, differing: Partial<ResponseExpectation> = {}): CheckName[] {
  return checkResponse(facts, { ...expected, ...differing })
    .filter((verdict) => !verdict.ok)
    .map((verdict) => verdict.check);
}

function verdictOn(check: CheckName, facts: ResponseFacts, differing: Partial<ResponseExpectation> = {}): Verdict[] {
  return checkResponse(facts, { ...expected, ...differing }).filter((verdict) => verdict.check === check);
}

const confirmed = (parts: Parameters<typeof aConfirmation>[0]) =>
  withAssertion({ confirmations: [aConfirmation(parts)] });
const conditioned = (parts: Parameters<typeof someConditions>[0]) =>
  withAssertion({ conditions: someConditions(parts) });
const stated = (parts: Parameters<typeof aStatement>[0]) => withAssertion({ authnStatements: [aStatement(parts)] });

describe('checkResponse', () => {
  it('finds nothing wrong with a right response', () => {
    expect(failures(aResponse())).toEqual([]);
    expect(failures(aResponse({ signed: true, assertion: anAssertion({ signed: false }) }))).toEqual([]);
  });

  it('tells every fault at once', () => {
    const facts = aResponse({
      version: '1.1',
      issuer: 'https://other.test',
      destination: 'https://gate.test/elsewhere',
      assertion: anAssertion({ issuer: undefined, nameIds: [], conditions: undefined, authnStatements: [] }),
    });
    expect(failures(facts)).toEqual([
      'version',
      'response-issuer',
      'destination',
      'assertion-issuer',
      'name-id',
      'subject',
      'not-before',
      'not-on-or-after',
      'audience',
      'authn-statement',
    ]);
  });

  it('quotes what a stranger wrote, on one line', () => {
    const [verdict] = verdictOn('destination', aResponse({ destination: 'https://x.test/\r\n2026 ok' }));
    expect(verdict).toEqual({
      check: 'destination',
      ok: false,
      expected: 'Destination of the response "https://gate.test/saml/acs"',
      found: '"https://x.test/ 2026 ok"',
    });
  });
});

describe('R9', () => {
  it.each<[string, ResponseFacts, CheckName[]]>([
    ['no Conditions', withAssertion({ conditions: undefined }), ['not-before', 'not-on-or-after', 'audience']],
    ['no NotBefore', conditioned({ notBefore: undefined }), ['not-before']],
    ['NotBefore ahead', conditioned({ notBefore: at(121) }), ['not-before']],
    ['no NotOnOrAfter', conditioned({ notOnOrAfter: undefined }), ['not-on-or-after']],
    ['an end that has come', conditioned({ notOnOrAfter: at(-120) }), ['not-on-or-after']],
    ['an end in local time', conditioned({ notOnOrAfter: '2026-11-21T23:00:00+01:00' }), ['not-on-or-after']],
    ['no AudienceRestriction', conditioned({ audienceRestrictions: [] }), ['audience']],
    ['an AudienceRestriction without audience', conditioned({ audienceRestrictions: [[]] }), ['audience']],
    ['another audience', conditioned({ audienceRestrictions: [['https://gate.test/saml/corp']] }), ['audience']],
    [
      'our audience with a slash more',
      conditioned({ audienceRestrictions: [[`${expected.entityId}/`]] }),
      ['audience'],
    ],
    [
      'a second AudienceRestriction without us',
      conditioned({ audienceRestrictions: [[expected.entityId], ['https://other.test']] }),
      ['audience'],
    ],
    ['an unknown condition', conditioned({ unknown: ['{urn:x}Geofence'] }), ['unknown-condition']],
    ['no SubjectConfirmation', withAssertion({ confirmations: [] }), ['subject-confirmation']],
    [
      'holder-of-key alone',
      confirmed({ method: 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key' }),
      ['subject-confirmation'],
    ],
    ['no method', confirmed({ method: undefined }), ['subject-confirmation']],
    ['no Recipient', confirmed({ recipient: undefined }), ['recipient']],
    ['another Recipient', confirmed({ recipient: 'https://gate.test/saml/ACS' }), ['recipient']],
    ['no end of the confirmation', confirmed({ notOnOrAfter: undefined }), ['confirmation-not-on-or-after']],
    ['a confirmation that has ended', confirmed({ notOnOrAfter: at(-120) }), ['confirmation-not-on-or-after']],
    ['a confirmation with NotBefore', confirmed({ notBefore: at(-5) }), ['confirmation-not-before']],
    ['no Destination', aResponse({ destination: undefined }), ['destination']],
    ['no Destination in a signed response', aResponse({ signed: true, destination: undefined }), ['destination']],
    ['another Destination', aResponse({ destination: 'https://gate.test/saml/acs?x' }), ['destination']],
  ])('refuses %s', (_name, facts, checks) => {
    expect(failures(facts)).toEqual(checks);
  });

  it('allows the clock difference and not a millisecond more', () => {
    expect(failures(conditioned({ notBefore: at(120) }))).toEqual([]);
    expect(failures(conditioned({ notBefore: at(120.001) }))).toEqual(['not-before']);
    expect(failures(conditioned({ notOnOrAfter: at(-119.999) }))).toEqual([]);
    expect(failures(confirmed({ notOnOrAfter: at(-119.999) }))).toEqual([]);
  });

  it('tells by how much a clock is wrong', () => {
    const [verdict] = verdictOn('not-before', conditioned({ notBefore: at(340) }));
    expect(verdict?.found).toBe('"2026-11-21T12:05:40.000Z", 340 s ahead of our clock');
  });

  it('takes an assertion with several audiences, and several restrictions that all name us', () => {
    const audienceRestrictions = [['https://other.test', expected.entityId], [expected.entityId]];
    expect(failures(conditioned({ audienceRestrictions, oneTimeUse: true }))).toEqual([]);
  });
});

describe('profiles §4.1.4.3', () => {
  it('needs one bearer confirmation that holds entirely, whatever the others are', () => {
    const bad = aConfirmation({ recipient: 'https://other.test' });
    const keyed = aConfirmation({ method: 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key', recipient: undefined });
    expect(failures(withAssertion({ confirmations: [keyed, bad, aConfirmation()] }))).toEqual([]);
  });

  it('does not put one together from the good parts of two', () => {
    const elsewhere = aConfirmation({ recipient: 'https://other.test' });
    const over = aConfirmation({ notOnOrAfter: at(-600), inResponseTo: undefined });
    expect(failures(withAssertion({ confirmations: [over, elsewhere] }))).toEqual(['recipient']);
  });
});

describe('D23', () => {
  it.each<[string, ResponseFacts, CheckName[]]>([
    ['no InResponseTo in the response', aResponse({ inResponseTo: undefined }), ['in-response-to']],
    ['another InResponseTo in the response', aResponse({ inResponseTo: '_other' }), ['in-response-to']],
    ['no InResponseTo in the confirmation', confirmed({ inResponseTo: undefined }), ['in-response-to']],
    ['another InResponseTo in the confirmation', confirmed({ inResponseTo: '_other' }), ['in-response-to']],
    ['no Issuer of the assertion', withAssertion({ issuer: undefined }), ['assertion-issuer']],
    ['another Issuer of the assertion', withAssertion({ issuer: 'https://idp.test/metadata ' }), ['assertion-issuer']],
    ['another Issuer of the response', aResponse({ issuer: 'https://other.test' }), ['response-issuer']],
  ])('refuses %s', (_name, facts, checks) => {
    expect(failures(facts)).toEqual(checks);
  });
});

describe('D36', () => {
  const unsolicited = { inResponseTo: undefined };

  it('takes an unsolicited response only where it answers nothing at all', () => {
    const facts = aResponse({
      ...unsolicited,
      assertion: anAssertion({ confirmations: [aConfirmation(unsolicited)] }),
    });
    expect(failures(facts, unsolicited)).toEqual([]);
    expect(failures(facts)).toEqual(['in-response-to', 'in-response-to']);
    expect(failures(aResponse(), unsolicited)).toEqual(['in-response-to', 'in-response-to']);
    expect(failures(aResponse(unsolicited), unsolicited)).toEqual(['in-response-to']);
    expect(failures({ ...facts, inResponseTo: '' }, unsolicited)).toEqual(['in-response-to']);
  });
});

describe('profiles §4.1.4.2', () => {
  it('wants an Issuer where the response is signed or the assertion encrypted', () => {
    expect(failures(aResponse({ issuer: undefined }))).toEqual([]);
    expect(failures(aResponse({ issuer: undefined, signed: true }))).toEqual(['response-issuer']);
    expect(failures(aResponse({ issuer: undefined, assertion: anAssertion({ encrypted: true }) }))).toEqual([
      'response-issuer',
    ]);
  });

  it('wants an AuthnStatement with a time that has come', () => {
    expect(failures(withAssertion({ authnStatements: [] }))).toEqual(['authn-statement']);
    expect(failures(stated({ authnInstant: undefined }))).toEqual(['authn-statement']);
    expect(failures(stated({ authnInstant: at(121) }))).toEqual(['authn-statement']);
    expect(failures(stated({ authnInstant: at(-1_000_000) }))).toEqual([]);
  });
});

describe('core §3.2.2', () => {
  it('takes nothing but Success at the top', () => {
    const responder = 'urn:oasis:names:tc:SAML:2.0:status:Responder';
    const denied = 'urn:oasis:names:tc:SAML:2.0:status:RequestDenied';
    expect(failures(aResponse({ statusCodes: [] }))).toEqual(['status']);
    expect(failures(aResponse({ statusCodes: [responder, STATUS_SUCCESS] }))).toEqual(['status']);
    const refused = aResponse({ statusCodes: [responder, denied], statusMessage: 'not\nyou', assertion: undefined });
    expect(failures(refused)).toEqual(['status']);
    expect(verdictOn('status', refused)[0]?.found).toBe(`"${responder}", "${denied}" with the message "not you"`);
  });

  it('refuses a success without an assertion', () => {
    expect(failures(aResponse({ assertion: undefined }))).toEqual(['one-assertion']);
  });

  it('refuses every version but 2.0', () => {
    expect(failures(aResponse({ version: '2.1' }))).toEqual(['version']);
    expect(failures(withAssertion({ version: undefined }))).toEqual(['version']);
  });
});

describe('D40', () => {
  it('refuses a response or an assertion that is too old, ahead of time or undated', () => {
    expect(failures(aResponse({ issueInstant: at(-420) }))).toEqual([]);
    expect(failures(aResponse({ issueInstant: at(-420.001) }))).toEqual(['issue-instant']);
    expect(failures(aResponse({ issueInstant: at(120) }))).toEqual([]);
    expect(failures(aResponse({ issueInstant: at(120.001) }))).toEqual(['issue-instant']);
    expect(failures(aResponse({ issueInstant: undefined }))).toEqual(['issue-instant']);
    expect(failures(withAssertion({ issueInstant: at(-421) }))).toEqual(['issue-instant']);
    expect(failures(withAssertion({ issueInstant: undefined }))).toEqual(['issue-instant']);
  });

  it('refuses a session that has ended by our clock, in any statement', () => {
    expect(failures(stated({ sessionNotOnOrAfter: at(1) }))).toEqual([]);
    expect(failures(stated({ sessionNotOnOrAfter: at(0) }))).toEqual(['session-not-on-or-after']);
    expect(failures(stated({ sessionNotOnOrAfter: 'never' }))).toEqual(['session-not-on-or-after']);
    const authnStatements = [aStatement(), aStatement({ sessionNotOnOrAfter: at(-1) })];
    expect(failures(withAssertion({ authnStatements }))).toEqual(['session-not-on-or-after']);
  });
});

describe('D32', () => {
  it('refuses an authentication older than max_age', () => {
    expect(failures(stated({ authnInstant: at(-720) }), { maxAuthAgeSeconds: 600 })).toEqual([]);
    expect(failures(stated({ authnInstant: at(-721) }), { maxAuthAgeSeconds: 600 })).toEqual(['authentication-age']);
    expect(failures(stated({ authnInstant: at(-121) }), { maxAuthAgeSeconds: 0 })).toEqual(['authentication-age']);
  });

  it('refuses an authentication from before the request that forced a new one', () => {
    const since = { forceAuthnSince: new Date(at(-30)) };
    expect(failures(stated({ authnInstant: at(-150) }), since)).toEqual([]);
    expect(failures(stated({ authnInstant: at(-151) }), since)).toEqual(['authentication-age']);
    expect(failures(stated({ authnInstant: at(-3600) }), since)).toEqual(['authentication-age']);
  });

  it('judges by the latest of several authentications', () => {
    const authnStatements = [aStatement({ authnInstant: at(-3600) }), aStatement({ authnInstant: at(-10) })];
    expect(failures(withAssertion({ authnStatements }), { maxAuthAgeSeconds: 60 })).toEqual([]);
  });

  it('refuses another way of authentication than the accepted ones, whatever the comparison', () => {
    for (const comparison of ['exact', 'minimum', 'better', 'maximum']) {
      const context = { classes: [PASSWORD], comparison, accepted: ['urn:mfa', 'urn:smartcard'] };
      const expected = { requestedAuthnContext: context };
      expect(failures(stated({ authnContextClassRef: 'urn:smartcard' }), expected)).toEqual([]);
      expect(failures(stated({ authnContextClassRef: PASSWORD }), expected)).toEqual(['authn-context']);
      expect(failures(stated({ authnContextClassRef: undefined }), expected)).toEqual(['authn-context']);
      expect(verdictOn('authn-context', aResponse(), expected)[0]?.found).toBe(`"${PASSWORD}"`);
    }
  });

  it('holds the answer to what one login asked for as well', () => {
    const narrowed = { requestedAuthnContext: { accepted: ['urn:mfa', 'urn:smartcard'] }, contextClasses: ['urn:mfa'] };
    expect(failures(stated({ authnContextClassRef: 'urn:mfa' }), narrowed)).toEqual([]);
    expect(failures(stated({ authnContextClassRef: 'urn:smartcard' }), narrowed)).toEqual(['authn-context']);
    expect(failures(stated({ authnContextClassRef: PASSWORD }), { contextClasses: ['urn:mfa'] })).toEqual([
      'authn-context',
    ]);
  });
});

describe('D53', () => {
  it('insists on encryption and on the assertion’s own signature where the provider’s record does', () => {
    const covered = aResponse({ signed: true, assertion: anAssertion({ signed: false }) });
    expect(failures(aResponse(), { wantEncryptedAssertions: true })).toEqual(['encryption-required']);
    expect(failures(withAssertion({ encrypted: true }), { wantEncryptedAssertions: true })).toEqual([]);
    expect(failures(covered, { wantAssertionsSigned: true })).toEqual(['signature-present']);
    expect(failures(aResponse(), { wantAssertionsSigned: true })).toEqual([]);
  });

  it('never takes an assertion that nothing signed (R7)', () => {
    expect(failures(withAssertion({ signed: false }))).toEqual(['signature-present']);
    expect(failures(withAssertion({ signed: false, encrypted: true }))).toEqual(['signature-present']);
  });
});
