import {
  type LogoutFacts,
  type ResponseFacts,
  type ResponseJob,
  type SamlVerifier,
  type Verdict,
  type Verified,
} from '@app/saml';
import { checkLogoutRequest, checkLogoutResponse } from '../../../libs/saml/src/validation/logout-checks.js';
import { checkResponse } from '../../../libs/saml/src/validation/response-checks.js';
import {
  ACS,
  IDP,
  MAX_AGE_SECONDS,
  NOW,
  REQUEST_ID,
  SKEW_SECONDS,
  SLO,
  SP,
  type Expected,
  type Identity,
  type LogoutCase,
  type ResponseCase,
  type World,
} from './world.js';

export type Engine = ResponseJob['engine'];

/** What became of one case. */
export interface Row {
  readonly name: string;
  readonly rule: string;
  readonly by: Engine | 'logout';
  readonly expected: string;
  readonly found: string;
  readonly right: boolean;
}

export function responseJob(world: World, engine: Engine, samlResponse: string): ResponseJob {
  return {
    samlResponse,
    engine,
    certificates: [world.idp.certificate, world.ecIdp.certificate],
    decryptionKeys: [world.spKey.privateKey],
    legacyEncryption: false,
  };
}

/** Verifies and checks as the ACS does, up to the uses of an assertion, which need a memory. */
export async function judgeResponse(
  row: ResponseCase,
  world: World,
  engine: Engine,
  verifier: SamlVerifier,
): Promise<Row> {
  const job = { ...responseJob(world, engine, row.make(world)), ...row.job?.(world) };
  const expected = (engine === 'node-saml' ? row.nodeSaml : undefined) ?? row.expected;
  const outcome = await attempt(() => verifier.verifyResponse(job));
  const verdicts = outcome.ok
    ? [...outcome.verdicts, ...checkResponse(outcome.facts, expectation(row))]
    : outcome.verdicts;
  const identity = outcome.ok ? identityOf(outcome.facts) : undefined;
  const wanted = row.identity ?? ALICES;
  const fault = identity !== undefined && !same(identity, wanted) ? `as ${JSON.stringify(identity)}` : undefined;
  return { name: row.name, rule: row.rule ?? '', by: engine, ...compare(expected, verdicts, fault, outcome.thrown) };
}

export async function judgeLogout(row: LogoutCase, world: World, verifier: SamlVerifier): Promise<Row> {
  const outcome = await attempt(() =>
    verifier.verifyLogout({
      message: row.make(world),
      certificates: [world.idp.certificate, world.ecIdp.certificate],
      decryptionKeys: [],
      ...row.job?.(world),
    }),
  );
  const verdicts = outcome.ok ? [...outcome.verdicts, ...checkLogout(outcome.facts)] : outcome.verdicts;
  const person = outcome.ok && outcome.facts.kind === 'LogoutRequest' ? outcome.facts.nameIds[0]?.value : undefined;
  const fault = person !== undefined && person !== ALICES.nameId ? `for ${JSON.stringify(person)}` : undefined;
  return {
    name: row.name,
    rule: row.rule ?? '',
    by: 'logout',
    ...compare(row.expected, verdicts, fault, outcome.thrown),
  };
}

/** One line for each case, and a count. */
export function printTable(rows: readonly Row[]): string {
  const widths = [72, 5, 9, 44].map((width, at) =>
    Math.min(width, Math.max(...rows.map((row) => [row.name, row.rule, row.by, row.expected][at]?.length ?? 0))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  const wrong = rows.filter((row) => !row.right).length;
  return [
    line(['case', 'rule', 'engine', 'expected', 'found']),
    ...rows.map((row) =>
      line([row.name, row.rule, row.by, row.expected, `${row.found}${row.right ? '' : '   <-- WRONG'}`]),
    ),
    `${rows.length} rows, ${rows.length - wrong} right, ${wrong} wrong`,
  ].join('\n');
}

const ALICES: Identity = {
  nameId: 'alice@corp.test',
  attributes: { mail: ['alice@corp.test'], groups: ['staff', 'ops'] },
};

function expectation({ rules, answers }: ResponseCase) {
  return {
    now: NOW,
    skewSeconds: SKEW_SECONDS,
    maxMessageAgeSeconds: MAX_AGE_SECONDS,
    idpEntityId: IDP,
    entityId: SP,
    acsUrl: ACS,
    inResponseTo: answers === 'nothing' ? undefined : REQUEST_ID,
    wantAssertionsSigned: rules?.wantAssertionsSigned ?? false,
    wantEncryptedAssertions: rules?.wantEncryptedAssertions ?? false,
    subjectAttributes: rules?.subjectAttributes ?? [],
    maxAuthAgeSeconds: undefined,
    forceAuthnSince: undefined,
    requestedAuthnContext: undefined,
  };
}

function checkLogout(facts: LogoutFacts): Verdict[] {
  const expected = {
    now: NOW,
    skewSeconds: SKEW_SECONDS,
    maxMessageAgeSeconds: MAX_AGE_SECONDS,
    idpEntityId: IDP,
    sloUrl: SLO,
  };
  return facts.kind === 'LogoutRequest'
    ? checkLogoutRequest(facts, expected)
    : checkLogoutResponse(facts, { ...expected, inResponseTo: REQUEST_ID });
}

function identityOf({ assertion }: ResponseFacts): Identity | undefined {
  if (assertion === undefined) return undefined;
  const { nameIds, attributes } = assertion;
  return {
    nameId: nameIds.map(({ value }) => value).join('|'),
    attributes: Object.fromEntries(attributes.map(({ name, values }) => [name, values])),
  };
}

function same(a: Identity, b: Identity): boolean {
  const sorted = ({ nameId, attributes }: Identity) => JSON.stringify([nameId, Object.entries(attributes).toSorted()]);
  return sorted(a) === sorted(b);
}

/** A message must never bring the engine down: what is thrown is a wrong row, whatever was expected. */
async function attempt<Facts>(work: () => Promise<Verified<Facts>>): Promise<Verified<Facts> & { thrown?: string }> {
  try {
    return await work();
  } catch (error) {
    return { ok: false, verdicts: [], thrown: `exception ${String(error)}` };
  }
}

/** Right: accepted as the right person; or refused where every failed verdict is one that names the fault. */
function compare(expected: Expected, verdicts: readonly Verdict[], fault: string | undefined, thrown = '') {
  const failed = [...new Set(verdicts.filter(({ ok }) => !ok).map(({ check }) => check))];
  const accepted = verdicts.length > 0 && failed.length === 0;
  const found = accepted ? ['accepted', fault].filter(Boolean).join(' ') : failed.join(' ') || thrown;
  const right =
    expected === 'accepted'
      ? accepted && fault === undefined
      : failed.length > 0 && failed.every((check) => expected.includes(check));
  return { expected: expected === 'accepted' ? 'accepted' : expected.join(' | '), found, right };
}
