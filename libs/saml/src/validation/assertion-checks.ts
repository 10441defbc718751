import type { AssertionFacts, AuthnStatement, Conditions } from '../message-facts.js';
import { failed, quoteFound, type Verdict } from '../verdict.js';
import { parseInstant } from './instant.js';
import { checkAge, checkInstant, checkNotBefore, checkNotOnOrAfter, type TimeFrame } from './time-checks.js';
import { quoteAll, verdictOf } from './value-checks.js';

/** Core §2.5: absent conditions would mean "for everybody, for ever", so every part is required (R9). */
export function checkConditions(conditions: Conditions | undefined, entityId: string, frame: TimeFrame): Verdict[] {
  const { notBefore, notOnOrAfter, audienceRestrictions = [], unknown = [] } = conditions ?? {};
  // Several restrictions are joined by "and", the audiences inside one by "or" (core §2.5.1.4).
  const forUs = audienceRestrictions.length > 0 && audienceRestrictions.every((one) => one.includes(entityId));
  return [
    checkNotBefore({ check: 'not-before', what: 'NotBefore of the conditions', text: notBefore }, frame),
    checkNotOnOrAfter({ check: 'not-on-or-after', what: 'NotOnOrAfter of the conditions', text: notOnOrAfter }, frame),
    verdictOf(
      forUs,
      'audience',
      `Audience ${quoteFound(entityId)} in every AudienceRestriction`,
      audienceRestrictions.length === 0 ? 'no AudienceRestriction' : audienceRestrictions.map(quoteAll).join(' and '),
    ),
    // Core §2.5.1.1: a condition that is not understood makes the assertion's validity unknown. OneTimeUse is always kept.
    verdictOf(unknown.length === 0, 'unknown-condition', 'conditions that are known', quoteAll(unknown)),
  ];
}

export interface AuthenticationExpectation extends TimeFrame {
  /** Oldest authentication that is accepted (OpenID Connect's `max_age`); undefined: any. */
  readonly maxAuthAgeSeconds: number | undefined;
  /** When a fresh authentication was asked for by ForceAuthn; it must not be older. */
  readonly forceAuthnSince: Date | undefined;
  /** The provider's rule; undefined: it has none. */
  readonly requestedAuthnContext: { readonly accepted: readonly string[] } | undefined;
  /** What this one login asked for; its answer must fit this as well as the provider's rule. None: nothing more. */
  readonly contextClasses?: readonly string[] | undefined;
}

/**
 * That somebody authenticated (profiles §4.1.4.2), when, how, and until when. What was asked of the IdP is checked in what
 * it answered: a request passes through the browser, which may have changed it.
 */
export function checkAuthentication(
  statements: readonly AuthnStatement[],
  expected: AuthenticationExpectation,
): Verdict[] {
  const latest = latestAuthentication(statements);
  if (latest === undefined) return [failed('authn-statement', 'an AuthnStatement', 'none')];
  const instant = { what: 'AuthnInstant', text: latest.authnInstant };
  return [
    ...statements.map((statement) =>
      checkAge({ check: 'authn-statement', what: 'AuthnInstant', text: statement.authnInstant }, Infinity, expected),
    ),
    ...statements.flatMap((statement) => checkSessionEnd(statement, expected.now)),
    ...(expected.maxAuthAgeSeconds === undefined
      ? []
      : [checkAge({ check: 'authentication-age', ...instant }, expected.maxAuthAgeSeconds, expected)]),
    ...(expected.forceAuthnSince === undefined ? [] : [checkFresh(latest, expected.forceAuthnSince, expected)]),
    ...checkAuthnContext(statements, expected),
  ];
}

/** The statement of the last authentication: what is reported of a login. Undefined where none can be dated. */
export function latestAuthentication(statements: readonly AuthnStatement[]): AuthnStatement | undefined {
  const time = ({ authnInstant }: AuthnStatement) => parseInstant(authnInstant)?.getTime() ?? -Infinity;
  return statements.toSorted((a, b) => time(b) - time(a))[0];
}

/** No skew here: a session that has ended by our own clock would only begin to end again (core §2.7.2). */
function checkSessionEnd({ sessionNotOnOrAfter }: AuthnStatement, now: Date): Verdict[] {
  if (sessionNotOnOrAfter === undefined) return [];
  const field = { check: 'session-not-on-or-after', what: 'SessionNotOnOrAfter', text: sessionNotOnOrAfter } as const;
  return [checkInstant(field, now, 'in the future', (ageSeconds) => ageSeconds < 0)];
}

function checkFresh(latest: AuthnStatement, since: Date, { now, skewSeconds }: TimeFrame): Verdict {
  const field = { check: 'authentication-age', what: 'AuthnInstant', text: latest.authnInstant } as const;
  const sinceSeconds = (now.getTime() - since.getTime()) / 1000;
  const expected = `after the request for a new authentication at ${since.toISOString()}, give or take ${skewSeconds} s`;
  return checkInstant(field, now, expected, (ageSeconds) => ageSeconds <= sinceSeconds + skewSeconds);
}

/**
 * D32: whatever the comparison that was asked for, the class of the answer must be one of a list. How an IdP ranks classes
 * (core §3.3.2.2.1) only it knows, and it may never have seen what we asked.
 */
function checkAuthnContext(
  statements: readonly AuthnStatement[],
  { requestedAuthnContext, contextClasses = [] }: AuthenticationExpectation,
): Verdict[] {
  const found = statements.map((statement) => statement.authnContextClassRef ?? '');
  const lists = [requestedAuthnContext?.accepted, contextClasses.length === 0 ? undefined : contextClasses];
  return lists
    .filter((list) => list !== undefined)
    .map((list) =>
      verdictOf(
        found.some((context) => list.includes(context)),
        'authn-context',
        `AuthnContextClassRef ${quoteAll(list)}`,
        quoteAll(found),
      ),
    );
}

/** Whether messages carry the protection that the provider's record insists on. */
export function checkProtection(
  assertion: AssertionFacts,
  responseSigned: boolean,
  wanted: { readonly wantAssertionsSigned: boolean; readonly wantEncryptedAssertions: boolean },
): Verdict[] {
  const signed = [responseSigned ? 'the response' : '', assertion.signed ? 'the assertion' : ''].filter(Boolean);
  return [
    verdictOf(
      wanted.wantAssertionsSigned ? assertion.signed : signed.length > 0,
      'signature-present',
      wanted.wantAssertionsSigned
        ? 'a signature of the assertion itself'
        : 'a signature of the response or the assertion',
      signed.length === 0 ? 'no signature' : `a signature of ${signed.join(' and ')}`,
    ),
    verdictOf(
      assertion.encrypted || !wanted.wantEncryptedAssertions,
      'encryption-required',
      wanted.wantEncryptedAssertions ? 'an encrypted assertion' : 'an assertion, encrypted or not',
      assertion.encrypted ? 'an encrypted assertion' : 'an assertion in plain text',
    ),
  ];
}
