/**
 * Every case of the corpus against both engines and the checks of meaning; the table is printed at the end. What needs a
 * memory (R10, replay in R14) is tested beside the facades of libs/saml; what is changed at random, in mutants.spec.ts.
 */
import type { SamlVerifier } from '@app/saml';
import { startTestVerifier } from '../../harness/saml-workers.js';
import { acceptCases } from './accept.cases.js';
import { encryptionCases } from './encryption.cases.js';
import { judgeLogout, judgeResponse, printTable, type Engine, type Row } from './judge.js';
import { bombCases, deflatedZeros, logoutCases } from './logout.cases.js';
import { meaningCases } from './meaning.cases.js';
import { signatureShapeCases } from './signature-shape.cases.js';
import { signatureCases } from './signature.cases.js';
import { makeWorld, type LogoutCase, type ResponseCase } from './world.js';
import { wrappingCases } from './wrapping.cases.js';
import { xmlCases } from './xml.cases.js';

const ENGINES: readonly Engine[] = ['strict', 'node-saml'];
const MIB = 1024 * 1024;

const refusedResponses: readonly ResponseCase[] = [
  ...wrappingCases,
  ...signatureCases,
  ...signatureShapeCases,
  ...xmlCases,
  ...encryptionCases,
  ...meaningCases,
];

const RULES = {
  R1: 'identity is read only from the bytes that a signature covered',
  R2: 'what is not signed by a key of the provider is refused',
  R3: 'one SignedInfo and one Reference, and no comment in them',
  R4: 'one reading of a message: nothing that parsers or canonicalisers could see differently',
  R5: 'no DTD at all',
  R6: 'exactly one assertion, and every ID once',
  R7: 'what was encrypted must be signed as well',
  R8: 'no certificate never means no check',
  R9: 'conditions, confirmation, audience, recipient, destination and times: missing is refused',
  R13: 'a message of a stranger costs little: bytes, depth, elements, attributes, transforms, inflation',
  R14: 'an old LogoutRequest is refused',
  R15: 'logout messages are signed, on both bindings',
} as const;

const rows: Row[] = [];

beforeAll(async () => {
  const bombs = { '12 MiB': await deflatedZeros(12 * MIB), '1 GiB': await deflatedZeros(1024 * MIB) };
  const [world, verifier] = await Promise.all([makeWorld(), startTestVerifier({ workers: 2 })]);
  const responses = ENGINES.flatMap((engine) =>
    [...acceptCases, ...refusedResponses].map((row) => () => judgeResponse(row, world, engine, verifier)),
  );
  const logouts: readonly LogoutCase[] = [...logoutCases, ...bombCases(bombs)];
  await judgeAll([...responses, ...logouts.map((row) => () => judgeLogout(row, world, verifier))], verifier);
});

afterAll(() => {
  process.stdout.write(`\n${printTable(rows)}\n`);
});

/** A few at once, so that both workers are busy and messages of megabytes do not pile up. */
async function judgeAll(judges: readonly (() => Promise<Row>)[], verifier: SamlVerifier & { close(): Promise<void> }) {
  for (let at = 0; at < judges.length; at += 4) {
    rows.push(...(await Promise.all(judges.slice(at, at + 4).map((judge) => judge()))));
  }
  await verifier.close();
}

function wrong(of: (row: Row) => boolean): readonly Row[] {
  const some = rows.filter(of);
  expect(some.length).toBeGreaterThan(0);
  return some.filter(({ right }) => !right);
}

describe('the corpus', () => {
  it('names every case once', () => {
    const names = [...acceptCases, ...refusedResponses, ...logoutCases].map(({ name }) => name);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it.each(ENGINES)('%s accepts what identity providers really send, with the person as signed', (engine) => {
    expect(wrong(({ by, expected }) => by === engine && expected === 'accepted')).toEqual([]);
  });

  it.each(ENGINES)('%s refuses every other message with the verdict that names its fault', (engine) => {
    expect(wrong(({ by, expected }) => by === engine && expected !== 'accepted')).toEqual([]);
  });

  it('logout messages are accepted or refused with the verdict that names their fault', () => {
    expect(wrong(({ by }) => by === 'logout')).toEqual([]);
  });
});

describe.each(Object.entries(RULES))('%s', (rule, says) => {
  it(`${says}`, () => {
    expect(wrong((row) => row.rule === rule)).toEqual([]);
  });
});
