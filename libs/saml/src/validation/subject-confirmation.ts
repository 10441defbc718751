import type { SubjectConfirmation } from '../message-facts.js';
import { failed, passed, quoteFound, type Verdict } from '../verdict.js';
import { checkNotOnOrAfter, type TimeFrame } from './time-checks.js';
import { checkEqual, checkInResponseTo, quoteAll } from './value-checks.js';

export const BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';

export interface ConfirmationExpectation extends TimeFrame {
  readonly acsUrl: string;
  /** Our request's id; undefined: the response must be unsolicited. */
  readonly inResponseTo: string | undefined;
}

/**
 * Whoever brings the message is the subject only by a bearer confirmation that holds all of profiles §4.1.4.3; one such
 * is enough, whatever the others say. Where none holds, the verdicts are those of the one that comes nearest.
 */
export function checkConfirmations(
  confirmations: readonly SubjectConfirmation[],
  expected: ConfirmationExpectation,
): Verdict[] {
  const bearers = confirmations.filter((confirmation) => confirmation.method === BEARER);
  const methods = quoteAll(confirmations.map(({ method }) => method ?? ''));
  const tried = bearers.map((bearer) => checkBearer(bearer, expected));
  const [nearest] = tried.toSorted((a, b) => faults(a) - faults(b));
  const wanted = `a SubjectConfirmation with method "${BEARER}"`;
  if (nearest === undefined) return [failed('subject-confirmation', wanted, methods)];
  return [passed('subject-confirmation', wanted, `${bearers.length} of ${confirmations.length}`), ...nearest];
}

function faults(verdicts: readonly Verdict[]): number {
  return verdicts.filter((verdict) => !verdict.ok).length;
}

function checkBearer(bearer: SubjectConfirmation, expected: ConfirmationExpectation): Verdict[] {
  const { recipient, notBefore, notOnOrAfter, inResponseTo } = bearer;
  return [
    checkEqual('recipient', 'Recipient of the confirmation', recipient, expected.acsUrl),
    checkNotOnOrAfter(
      {
        check: 'confirmation-not-on-or-after',
        what: 'NotOnOrAfter of the confirmation',
        text: notOnOrAfter,
      },
      expected,
    ),
    notBefore === undefined
      ? passed('confirmation-not-before', 'no NotBefore in the confirmation', 'none')
      : failed('confirmation-not-before', 'no NotBefore in the confirmation', quoteFound(notBefore)),
    checkInResponseTo('InResponseTo of the confirmation', inResponseTo, expected.inResponseTo),
  ];
}
