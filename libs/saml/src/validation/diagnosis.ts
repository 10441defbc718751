import { firstFailure, type CheckName, type Verdict } from '../verdict.js';

type Sentence = (verdict: Verdict) => string;

const clock: Sentence = ({ expected, found }) =>
  `A time does not fit: ${expected}, but it is ${found}. Set both clocks by NTP; if they are right, the message was too ` +
  `long on its way.`;

const forWhom: Sentence = ({ expected, found }) =>
  `The message was made for another address: expected ${expected}, found ${found}. Give the identity provider our ` +
  `metadata anew, and check public_url.`;

const fromWhom: Sentence = ({ expected, found }) =>
  `The message is of another identity provider than the metadata: expected ${expected}, found ${found}. Check ` +
  `idp_entity_id and that the metadata is of this identity provider.`;

const answerToWhat: Sentence = ({ expected, found }) =>
  `The message does not answer our request: expected ${expected}, found ${found}. The login was begun twice or taken ` +
  `from another one, or it began at the identity provider.`;

const key: Sentence = ({ expected, found }) =>
  `No certificate of the metadata fits the signature: expected ${expected}, found ${found}. If the identity provider ` +
  `changed its certificate, its metadata here is out of date.`;

const encryption: Sentence = ({ check, expected, found }) =>
  `The assertion's encryption failed at ${check}: expected ${expected}, found ${found}. Give the identity provider our ` +
  `metadata anew, with AES-GCM and RSA-OAEP.`;

/** What the faults that installations really have are called, and what to do; the others speak for themselves. */
const SENTENCES: Partial<Record<CheckName, Sentence>> = {
  certificate: key,
  'signature-value': key,
  'signature-present': ({ expected, found }) =>
    `The identity provider does not sign what it must: expected ${expected}, found ${found}. Switch signing on there.`,
  'signature-algorithm': ({ expected, found }) =>
    `The identity provider signs in a way that is not accepted: expected ${expected}, found ${found}. Set it to RSA or ` +
    `ECDSA with SHA-256.`,
  'encryption-algorithm': encryption,
  decryption: encryption,
  'encryption-required': ({ found }) =>
    `want_encrypted_assertions is set, but found ${found}. Switch encryption on at the identity provider.`,
  audience: ({ expected, found }) =>
    `The assertion is for another service provider: expected ${expected}, found ${found}. Set the audience (SP entity ID) ` +
    `at the identity provider, or entity_id here, so that both are the same.`,
  destination: forWhom,
  recipient: forWhom,
  'response-issuer': fromWhom,
  'assertion-issuer': fromWhom,
  issuer: fromWhom,
  'in-response-to': answerToWhat,
  'issue-instant': clock,
  'not-before': clock,
  'not-on-or-after': clock,
  'confirmation-not-on-or-after': clock,
  'session-not-on-or-after': clock,
  status: ({ found }) => `The identity provider refused: its status is ${found}. Its own log says why.`,
  'authentication-age': ({ expected, found }) =>
    `The person did not authenticate anew: ${expected}, but it was ${found}. The identity provider must honour ForceAuthn.`,
  'authn-context': ({ expected, found }) =>
    `The person authenticated in another way than is accepted: expected ${expected}, found ${found}. See accepted and ` +
    `classes of requested_authn_context, and acr_values of the login.`,
  subject: ({ expected, found }) =>
    `Nothing in the assertion says lastingly who the person is: expected ${expected}, found ${found}. Have the identity ` +
    `provider send a persistent NameID, or name a stable attribute in attributes.subject.`,
  'name-id': ({ expected, found }) =>
    `The NameID cannot be used: expected ${expected}, found ${found}. Have the identity provider send one.`,
  groups: ({ expected, found }) =>
    `The groups cannot be taken over: expected ${expected}, found ${found}. Set group_prefixes, or have the identity ` +
    `provider send fewer.`,
  replay: ({ found }) => `The message was used already: ${found}. Somebody sent it twice, or it was stolen.`,
  provider: ({ expected, found }) =>
    `The provider cannot be used now: expected ${expected}, found ${found}. Its state is under /health/ready.`,
};

/**
 * What an operator reads first: the first fault in plain words, with what was found and what to do about it. It quotes
 * the message, so it is not for the person who signs in (D4).
 */
export function diagnose(verdicts: readonly Verdict[]): string {
  const failure = firstFailure(verdicts);
  if (failure === undefined) return 'Every check passed.';
  const sentence = SENTENCES[failure.check];
  if (sentence !== undefined) return sentence(failure);
  return `The message failed the check ${failure.check}: expected ${failure.expected}, found ${failure.found}.`;
}
