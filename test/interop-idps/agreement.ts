import type { SamlVerifier } from '@app/saml';
import { startTestVerifier } from '../harness/saml-workers.js';
import { mutantsOf } from './mutants.js';
import type { PostedMessage } from './person.js';
import { verifyWithXmlsec } from './xmlsec.js';

type Engine = 'strict' | 'node-saml';

/** Spellings that canonical XML takes for the same and that we refuse all the same, before any parser sees them (R4). */
const REFUSED_SPELLINGS = /^(comment|processing instruction|CDATA)/;

interface Opinion {
  readonly ok: boolean;
  /** What was read, for comparison. Whether the outer signature was there too is no part of it. */
  readonly facts: string;
}

/** A message of an IdP that the browser posted to us, and the certificate of its key at that time (base64 DER). */
export interface Witnessed {
  readonly message: PostedMessage;
  readonly certificate: string;
}

interface Question extends Witnessed {
  readonly engine: Engine;
}

/**
 * Compares our engines with xmlsec1 over messages of a real IdP: as they were, and changed in every kind of place.
 * `witnessed` is filled by the tests before.
 */
export function itAgreesWithXmlsec(witnessed: readonly Witnessed[]): void {
  let verifier: Awaited<ReturnType<typeof startTestVerifier>>;
  beforeAll(async () => {
    verifier = await startTestVerifier();
  });
  afterAll(() => verifier?.close());

  it.each(['strict', 'node-saml'] as const)('xmlsec1 and the engine %s agree about every message', async (engine) => {
    const opinions = witnessed.map(async (each) => ({
      theirs: verifyWithXmlsec(each.message.xml, each.certificate),
      ours: (await opinionOf(verifier, { ...each, engine })).ok,
    }));
    expect(witnessed.length).toBeGreaterThan(20);
    expect((await Promise.all(opinions)).filter(({ theirs, ours }) => !theirs || !ours)).toEqual([]);
  });

  it.each([
    ['Response', 'strict'],
    ['LogoutRequest', 'strict'],
    ['LogoutResponse', 'strict'],
    ['Response', 'node-saml'],
  ] as const)('no change of a %s is accepted by the engine %s alone', async (kind, engine) => {
    const found = witnessed.find(({ message }) => new RegExp(`^(<\\?[^>]*>\\s*)?<\\w+:${kind} `).test(message.xml));
    if (found === undefined) throw new Error(`no ${kind} was posted`);
    expect(await disagreements(verifier, { ...found, engine }, engine === 'strict' ? 7 : 20)).toEqual([]);
  });
}

async function opinionOf(verifier: SamlVerifier, { message, certificate, engine }: Question): Promise<Opinion> {
  const value = Buffer.from(message.xml).toString('base64');
  const keys = { certificates: [certificate], decryptionKeys: [] };
  const verified = message.xml.includes(':Response ')
    ? await verifier.verifyResponse({ samlResponse: value, engine, legacyEncryption: false, ...keys })
    : await verifier.verifyLogout({ message: { binding: 'post', parameter: message.parameter, value }, ...keys });
  return { ok: verified.ok, facts: verified.ok ? JSON.stringify({ ...verified.facts, signed: undefined }) : '' };
}

/**
 * Where our engine and xmlsec1 part ways over changed copies of a message. We may refuse more than xmlsec1 does, but must
 * not accept what it refuses, read anything else than before, or stumble over another spelling of the same.
 * `step`: every how many-th change is tried.
 */
async function disagreements(verifier: SamlVerifier, question: Question, step: number): Promise<string[]> {
  const { message, certificate } = question;
  const original = await opinionOf(verifier, question);
  const found: string[] = original.ok && verifyWithXmlsec(message.xml, certificate) ? [] : ['the message itself'];
  for (const mutant of mutantsOf(message.xml).filter((_, index) => index % step === 0)) {
    const ours = await opinionOf(verifier, { ...question, message: { ...message, xml: mutant.xml } });
    if (ours.ok && ours.facts !== original.facts) found.push(`read otherwise: ${mutant.what}`);
    const theirs = verifyWithXmlsec(mutant.xml, certificate);
    if (ours.ok && !theirs) found.push(`only we accept: ${mutant.what}`);
    if (mutant.same && theirs && !ours.ok && !REFUSED_SPELLINGS.test(mutant.what))
      found.push(`only xmlsec1 accepts: ${mutant.what}`);
  }
  return found;
}
