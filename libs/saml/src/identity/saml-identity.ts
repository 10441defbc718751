import type { SamlProviderConfig } from '@app/config';
import type { AssertionFacts, NameId } from '../message-facts.js';
import { latestAuthentication } from '../validation/assertion-checks.js';
import { parseInstant } from '../validation/instant.js';
import { failed, type Verdict } from '../verdict.js';
import { readGroups } from './groups.js';
import { readEmail, readName } from './person.js';
import { readSubject } from './subject.js';

const LONGEST_LABEL = 255;
const UNSTORABLE = /[\p{Cc}\p{Cs}]/u;

/** What an identity provider vouched for in an assertion: the proven identity of `sign-in`, and what logout needs. */
export interface SamlIdentity {
  /** Id of the provider record (D55). */
  readonly provider: string;
  /** The IdP's entityID. */
  readonly issuer: string;
  /** Made by `readSubject`; with provider and issuer the one key of a person (D17, D46). */
  readonly subject: string;
  readonly email: string | undefined;
  readonly emailVerified: boolean;
  readonly name: string | undefined;
  readonly groups: readonly string[];
  /** AuthnInstant in seconds since the epoch. */
  readonly authTime: number;
  /** AuthnContextClassRef. */
  readonly acr: string | undefined;
  readonly amr: undefined;
  /** By which a logout names the person, whatever the subject was made of; undefined: no logout can find the session. */
  readonly nameId: NameId | undefined;
  /** One of each AuthnStatement that has any. */
  readonly sessionIndexes: readonly string[];
  /** The earliest; the session and its refresh tokens end then at the latest (D40). */
  readonly sessionNotOnOrAfter: Date | undefined;
  readonly authnInstant: Date;
}

export interface IdentityReading {
  /** Undefined exactly where a verdict is not ok. */
  readonly identity: SamlIdentity | undefined;
  readonly verdicts: readonly Verdict[];
}

/**
 * What an assertion says about the person, in the terms of the provider's record. Only for an assertion that
 * `checkResponse` found good; its verdicts about the subject are not repeated here.
 */
export function identityOf(assertion: AssertionFacts, provider: SamlProviderConfig): IdentityReading {
  const { attributes, authnStatements, nameIds } = assertion;
  const { subject, verdicts } = readSubject(assertion, provider.attributes.subject);
  const { groups, verdict } = readGroups(attributes, provider);
  const latest = latestAuthentication(authnStatements);
  const authnInstant = parseInstant(latest?.authnInstant);
  const { issuer } = assertion;
  if (subject === undefined || groups === undefined || issuer === undefined || authnInstant === undefined) {
    const missing = [
      ...(issuer === undefined ? [failed('assertion-issuer', 'an Issuer', 'none')] : []),
      ...(authnInstant === undefined ? [failed('authn-statement', 'an AuthnInstant', 'none')] : []),
    ];
    return { identity: undefined, verdicts: [...verdicts.filter(({ ok }) => !ok), verdict, ...missing] };
  }
  const identity: SamlIdentity = {
    provider: provider.id,
    issuer,
    subject,
    ...readEmail(assertion, provider),
    name: readName(assertion, provider),
    groups,
    authTime: Math.floor(authnInstant.getTime() / 1000),
    acr: readLabel(latest?.authnContextClassRef),
    amr: undefined,
    nameId: nameIds[0],
    sessionIndexes: [...new Set(authnStatements.flatMap(({ sessionIndex }) => sessionIndex ?? []))],
    sessionNotOnOrAfter: earliest(authnStatements.map(({ sessionNotOnOrAfter }) => parseInstant(sessionNotOnOrAfter))),
    authnInstant,
  };
  return { identity, verdicts: [verdict] };
}

function earliest(instants: readonly (Date | undefined)[]): Date | undefined {
  const times = instants.flatMap((instant) => (instant === undefined ? [] : [instant.getTime()]));
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}

/** Kept when well formed, else treated as not said: it is told to clients, and nothing is decided by it. */
function readLabel(text: string | undefined): string | undefined {
  return text !== undefined && text !== '' && text.length <= LONGEST_LABEL && !UNSTORABLE.test(text) ? text : undefined;
}
