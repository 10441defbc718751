/**
 * Signed messages changed at random, many thousands of times: what is still accepted says, in everything that names a person
 * or limits the message, exactly what the IdP signed. The seed is printed; MUTANT_SEED repeats a run.
 */
import * as fc from 'fast-check';
import type { AssertionFacts, SamlVerifier } from '@app/saml';
import { encryptElement } from '../../harness/saml-idp-encryption.js';
import type { ResponseOptions } from '../../harness/saml-idp.js';
import { startTestVerifier } from '../../harness/saml-workers.js';
import { responseJob, type Engine } from './judge.js';
import { encryptAssertions, MUTATION_KINDS, mutate, mutations, type Mutation } from './mutations.js';
import { base64, BASE, makeWorld, respond, type World } from './world.js';

const SEED = Number(process.env['MUTANT_SEED'] ?? Date.now() % 2 ** 31);
const BATCH = 50;

const BASES = [
  'assertion',
  'response',
  'both',
  'encrypted',
  'encrypted in a signed response',
  'changed before encryption',
] as const;
type Base = (typeof BASES)[number];

interface Pair {
  readonly alice: string;
  readonly bob: string;
}

interface Mutant {
  readonly base: Base;
  readonly changes: readonly Mutation[];
}

const mutants: fc.Arbitrary<Mutant> = fc.record({ base: fc.constantFrom(...BASES), changes: mutations });

let world: World;
let verifier: SamlVerifier & { close(): Promise<void> };
let pairs: Readonly<Record<Base, Pair>>;

beforeAll(async () => {
  [world, verifier] = await Promise.all([makeWorld(), startTestVerifier({ workers: 2 })]);
  const encrypt = { certificate: world.spKey.certificate };
  pairs = {
    assertion: pair({ sign: 'assertion' }),
    response: pair({ sign: 'response' }),
    both: pair({ sign: 'both' }),
    encrypted: pair({ sign: 'assertion', encrypt }),
    'encrypted in a signed response': pair({ sign: 'both', encrypt }),
    'changed before encryption': pair({ sign: 'assertion' }),
  };
});

afterAll(() => verifier.close());

/** The same message for two people: pieces of the one are put into the other. */
function pair(options: Partial<ResponseOptions>): Pair {
  const changes = { ...options, edit: { response: declarePrefixes } };
  const bob = { nameId: 'bob@corp.test', attributes: { mail: 'bob@corp.test', groups: ['guests'] } };
  return {
    alice: respond(world, changes),
    bob: respond(world, { ...changes, assertion: { ...BASE.assertion, ...bob } }),
  };
}

/** So that a node that is moved still knows its namespace, and is not refused for that alone. */
function declarePrefixes(xml: string): string {
  const prefixes = 'xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"';
  return xml.replace('<samlp:Response ', `<samlp:Response ${prefixes} `);
}

/** As it is, where the change left no tree. */
function encrypted(octets: Buffer): Buffer {
  try {
    return encryptAssertions(octets, (xml) => encryptElement(xml, { certificate: world.spKey.certificate }));
  } catch {
    return octets;
  }
}

function verify(engine: Engine, octets: Uint8Array | string) {
  return verifier.verifyResponse(responseJob(world, engine, base64(octets)));
}

/** All of an assertion but how it was protected on the way. */
function meaningOf(facts: AssertionFacts): string {
  return JSON.stringify({ ...facts, signed: undefined, encrypted: undefined });
}

describe.each([
  ['strict', 6000],
  ['node-saml', 600],
] as const)('mutants of signed responses, engine %s', (engine, count) => {
  it(`none of ${count} is taken for anything that was not signed (seed ${SEED})`, async () => {
    const meanings = new Map<Base, readonly string[]>();
    for (const base of BASES) {
      const originals = await Promise.all([pairs[base].alice, pairs[base].bob].map((xml) => verify(engine, xml)));
      const said = originals.map((one) =>
        one.ok && one.facts.assertion ? meaningOf(one.facts.assertion) : 'not accepted',
      );
      expect(said).not.toContain('not accepted');
      meanings.set(base, said);
    }
    const tally = {
      accepted: 0,
      refused: 0,
      untouched: 0,
      checks: new Map<string, number>(),
      kinds: new Set<string>(),
    };
    const strangers: string[] = [];

    const try1 = async ({ base, changes }: Mutant): Promise<void> => {
      const { alice, bob } = pairs[base];
      const changed = mutate(alice, bob, changes);
      const octets = base === 'changed before encryption' ? encrypted(changed) : changed;
      if (octets.equals(Buffer.from(alice))) tally.untouched++;
      const outcome = await verify(engine, octets);
      for (const { kind } of changes) tally.kinds.add(kind);
      if (!outcome.ok) {
        tally.refused++;
        const check = outcome.verdicts.at(-1)?.check ?? 'none';
        tally.checks.set(check, (tally.checks.get(check) ?? 0) + 1);
        return;
      }
      const { assertion } = outcome.facts;
      // A response that says that nobody signed in names nobody.
      if (assertion === undefined) return;
      tally.accepted++;
      if (!meanings.get(base)?.includes(meaningOf(assertion))) strangers.push(octets.toString());
      if (strangers.length > 0) throw new Error(`accepted as somebody else: ${strangers.at(-1)}`);
    };

    await fc.assert(
      fc.asyncProperty(fc.array(mutants, { minLength: BATCH, maxLength: BATCH, size: 'max' }), async (batch) => {
        await Promise.all(batch.map(try1));
      }),
      { seed: SEED, numRuns: count / BATCH, endOnFailure: true },
    );

    const checks = [...tally.checks].toSorted(([, a], [, b]) => b - a).map(([check, times]) => `${check} ${times}`);
    process.stdout.write(
      `\n${engine}: ${count} mutants, seed ${SEED}: ${tally.accepted} accepted as signed, ${tally.refused} refused, ` +
        `${tally.untouched} came out unchanged\n  refused by ${checks.join(', ')}\n`,
    );
    expect(tally.kinds.size).toBe(MUTATION_KINDS.length);
    expect(tally.refused).toBeGreaterThan(count / 2);
    expect(tally.accepted).toBeGreaterThan(tally.untouched);
  });
});
