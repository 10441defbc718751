import type { LogoutRequestFacts, LogoutResponseFacts } from '../message-facts.js';
import type { CheckName } from '../verdict.js';
import { aLogoutRequest, aLogoutResponse, at, expectedLogout, MAX_AGE, NOW } from './facts.spec-support.js';
import { checkLogoutRequest, checkLogoutResponse, logoutOutcome, logoutRequestEnd } from './logout-checks.js';

const requestFaults = (parts: Partial<LogoutRequestFacts>): CheckName[] =>
  checkLogoutRequest(aLogoutRequest(parts), expectedLogout).flatMap(({ ok, check }) => (ok ? [] : [check]));
const responseFaults = (parts: Partial<LogoutResponseFacts>): CheckName[] =>
  checkLogoutResponse(aLogoutResponse(parts), { ...expectedLogout, inResponseTo: '_ours' }).flatMap(({ ok, check }) =>
    ok ? [] : [check],
  );

describe('R14', () => {
  it('takes a LogoutRequest in its time', () => {
    expect(requestFaults({})).toEqual([]);
    expect(requestFaults({ notOnOrAfter: undefined })).toEqual([]);
    expect(requestFaults({ sessionIndexes: [] })).toEqual([]);
  });

  it.each<[string, Partial<LogoutRequestFacts>, CheckName[]]>([
    ['that has ended', { notOnOrAfter: at(-120) }, ['not-on-or-after']],
    ['with an end that is no time', { notOnOrAfter: 'soon' }, ['not-on-or-after']],
    ['a month old, without an end', { notOnOrAfter: undefined, issueInstant: at(-2_592_000) }, ['issue-instant']],
    ['ahead of time', { issueInstant: at(121) }, ['issue-instant']],
    ['without a time', { issueInstant: undefined }, ['issue-instant']],
    ['for another address', { destination: 'https://gate.test/saml/acs' }, ['destination']],
    ['for no address', { destination: undefined }, ['destination']],
    ['of another issuer', { issuer: 'https://other.test' }, ['issuer']],
    ['of no issuer', { issuer: undefined }, ['issuer']],
    ['of version 1.1', { version: '1.1' }, ['version']],
    ['for nobody', { nameIds: [] }, ['name-id']],
    ['for two', { nameIds: [...aLogoutRequest().nameIds, ...aLogoutRequest().nameIds] }, ['name-id']],
    [
      'for somebody without a name',
      { nameIds: aLogoutRequest().nameIds.map((one) => ({ ...one, value: ' ' })) },
      ['name-id'],
    ],
  ])('refuses a LogoutRequest %s', (_name, parts, checks) => {
    expect(requestFaults(parts)).toEqual(checks);
  });

  it('knows when a LogoutRequest can be used no more', () => {
    expect(logoutRequestEnd(aLogoutRequest(), MAX_AGE, NOW)).toEqual(new Date(at(60)));
    expect(logoutRequestEnd(aLogoutRequest({ notOnOrAfter: undefined }), MAX_AGE, NOW)).toEqual(new Date(at(295)));
  });
});

describe('core §3.7.3', () => {
  it.each<[string, Partial<LogoutResponseFacts>, CheckName[]]>([
    ['to another request', { inResponseTo: '_theirs' }, ['in-response-to']],
    ['to no request', { inResponseTo: undefined }, ['in-response-to']],
    ['for another address', { destination: 'https://other.test' }, ['destination']],
    ['for no address', { destination: undefined }, ['destination']],
    ['of another issuer', { issuer: 'https://other.test' }, ['issuer']],
    ['that is old', { issueInstant: at(-421) }, ['issue-instant']],
    ['of version 2.1', { version: '2.1' }, ['version']],
  ])('refuses a LogoutResponse %s', (_name, parts, checks) => {
    expect(responseFaults(parts)).toEqual(checks);
  });

  it('takes an answer that tells of failure, and says truthfully what became of the logout', () => {
    const status = (...codes: string[]) => codes.map((code) => `urn:oasis:names:tc:SAML:2.0:status:${code}`);
    expect(responseFaults({ statusCodes: status('Responder', 'RequestDenied') })).toEqual([]);
    expect(logoutOutcome(aLogoutResponse())).toBe('complete');
    expect(logoutOutcome(aLogoutResponse({ statusCodes: status('Success', 'PartialLogout') }))).toBe('partial');
    expect(logoutOutcome(aLogoutResponse({ statusCodes: status('Responder', 'PartialLogout') }))).toBe('partial');
    expect(logoutOutcome(aLogoutResponse({ statusCodes: status('Responder', 'Success') }))).toBe('failed');
    expect(logoutOutcome(aLogoutResponse({ statusCodes: [] }))).toBe('failed');
  });
});
