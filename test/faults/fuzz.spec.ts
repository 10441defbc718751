import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Client, type Dispatcher } from 'undici';
import { signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';

/**
 * Wrong input on every operation of the API description, drawn from the description itself: no 5xx, no hang, no growth.
 * `FUZZ_REQUESTS` sets how many; the seed is printed with a failure and can be given as `FUZZ_SEED`.
 */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 20_000);
const SEED = process.env.FUZZ_SEED === undefined ? undefined : Number(process.env.FUZZ_SEED);

interface Schema {
  readonly properties?: Record<string, unknown>;
  readonly $ref?: string;
}
interface Operation {
  readonly parameters?: { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema?: Schema }> };
}
interface Target {
  readonly method: string;
  readonly path: string;
  readonly query: string[];
  readonly fields: string[];
}

const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

function fieldsOf(operation: Operation): string[] {
  const contents = Object.values(operation.requestBody?.content ?? {});
  return contents.flatMap(({ schema }) => {
    const named = schema?.$ref?.split('/').at(-1);
    return Object.keys((named === undefined ? schema : document.components.schemas[named])?.properties ?? {});
  });
}

const targets: Target[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    method: method.toUpperCase(),
    path,
    query: (operation.parameters ?? []).filter((p) => p.in === 'query').map((p) => p.name),
    fields: [...new Set(fieldsOf(operation))],
  })),
);

const nasty = fc.constantFrom(
  '',
  '\u0000',
  '%00',
  '%',
  '%E0%A4',
  "' OR 1=1 --",
  '<script>alert(1)</script>',
  '../../../etc/passwd',
  '\ud800',
  '\u202e',
  'ﬀ＠example.com',
  'null',
  'undefined',
  '[object Object]',
  '__proto__',
  'a'.repeat(5000),
  '9'.repeat(400),
  '-1',
  '1e309',
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'openid',
  'test',
  'S256',
  'code',
  'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  'tmi_cc_AAAAAAAAAAAAAAAAAAAAAA',
  '00000000-0000-4000-8000-000000000001',
  '2020-01-01T00:00:00Z',
  '9999999-99-99',
);
const text = fc.oneof(
  { weight: 3, arbitrary: nasty },
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const json: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 3 }),
);

interface Shot {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | Buffer | undefined;
}

function encoded(value: string): string {
  return encodeURIComponent(value.replaceAll(/[\ud800-\udfff]/g, '\ufffd'));
}

function queryFor(names: string[]): fc.Arbitrary<string> {
  const name =
    names.length === 0
      ? fc.constant('x')
      : fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...names) }, fc.constant('x'));
  return fc
    .array(fc.tuple(name, text, fc.boolean()), { maxLength: 10 })
    .map((pairs) =>
      pairs.map(([key, value, raw]) => `${key}=${raw ? value.replaceAll(/[^!-~]|#/g, '') : encoded(value)}`).join('&'),
    );
}

function bodyFor(fields: string[]): fc.Arbitrary<{ type: string | undefined; body: string | Buffer | undefined }> {
  const name = fields.length === 0 ? text : fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...fields) }, text);
  const asForm = fc.array(fc.tuple(name, text), { maxLength: 12 }).map((pairs) => ({
    type: 'application/x-www-form-urlencoded',
    body: pairs.map(([k, v]) => `${encoded(k)}=${encoded(v)}`).join('&'),
  }));
  const asJson = fc
    .dictionary(name, json, { maxKeys: 12 })
    .map((value) => ({ type: 'application/json', body: JSON.stringify(value) }));
  const repeated = fc.tuple(name, json, json).map(([key, a, b]) => ({
    type: 'application/json',
    body: `{${JSON.stringify(key)}:${JSON.stringify(a ?? null)},${JSON.stringify(key)}:${JSON.stringify(b ?? null)}}`,
  }));
  const broken = fc.constantFrom(
    { type: 'application/json', body: '{' },
    { type: 'application/json', body: '[1]' },
    { type: 'application/json', body: '"text"' },
    { type: 'application/json', body: '' },
    { type: 'application/json', body: `{"a":${'['.repeat(2000)}${']'.repeat(2000)}}` },
    { type: 'application/json', body: Buffer.from([0xff, 0xfe, 0x7b, 0x7d]) },
    { type: 'application/json; charset=utf-16', body: '{}' },
    { type: 'application/x-www-form-urlencoded', body: '%zz=%' },
    { type: 'text/xml', body: '<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>' },
    { type: 'multipart/form-data; boundary=x', body: '--x\r\n\r\n--x--' },
    { type: 'not a type', body: 'x' },
    { type: undefined, body: 'bytes without a type' },
    { type: 'application/json', body: `{"token":"${'x'.repeat(200_000)}"}` },
  );
  return fc.oneof({ weight: 5, arbitrary: asForm }, { weight: 5, arbitrary: asJson }, repeated, broken);
}

function shots(bearer: string): fc.Arbitrary<Shot> {
  const authorization = fc.oneof(
    { weight: 4, arbitrary: fc.constant(`Bearer ${bearer}`) },
    fc.constant(undefined),
    fc.constantFrom(
      'Bearer',
      'Bearer x',
      'Basic',
      'Basic !!!',
      `Basic ${Buffer.from('a:b').toString('base64')}`,
      `Bearer ${bearer}x`,
      'Digest a=b',
    ),
  );
  return fc.constantFrom(...targets).chain((target) =>
    fc
      .tuple(
        queryFor(target.query),
        bodyFor(target.fields),
        authorization,
        text,
        fc.constantFrom('application/json', 'text/html', '*/*', ''),
      )
      .map(([query, { type, body }, auth, segment, accept]) => {
        const path = target.path.replaceAll(/\{[^}]+\}/g, () => encoded(segment).slice(0, 300) || 'x');
        const bodyless = target.method === 'GET';
        return {
          method: target.method,
          path: query === '' ? path : `${path}?${query}`,
          headers: {
            ...(accept === '' ? {} : { accept }),
            ...(auth === undefined ? {} : { authorization: auth }),
            ...(type === undefined || bodyless ? {} : { 'content-type': type }),
          },
          body: bodyless ? undefined : body,
        };
      }),
  );
}

let installation: Installation;

beforeAll(async () => {
  installation = await startInstallation({ env: { LOG_LEVEL: 'error' } });
});

afterAll(() => installation.stop());

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

const PLANETSCALE = /^\/(?:v1\/|compat\/planetscale-go\/v1\/)?organizations\//;

/** D4: each family of routes writes errors in its own way. */
function speaksItsDialect(path: string, error: Record<string, unknown>): boolean {
  if (path.startsWith('/api/v1/')) return typeof error.detail === 'string' || Array.isArray(error.detail);
  if (PLANETSCALE.test(path)) return typeof error.code === 'string' && typeof error.message === 'string';
  if (path.startsWith('/internal/') || path.startsWith('/health/auth')) return typeof error.error === 'object';
  return typeof error.error === 'string' && typeof error.error_description === 'string';
}

/** How a connection ends that its server closed after refusing a body which was still being sent. */
const CLOSED_EARLY = new Set<unknown>(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** A server may close a connection after an answer that refused a body; a request that met that is sent again. */
async function ask(client: Client, url: string, shot: Shot, more = 2): Promise<Dispatcher.ResponseData> {
  try {
    return await client.request({
      method: shot.method as Dispatcher.HttpMethod,
      path: shot.path,
      headers: shot.headers,
      ...(shot.body === undefined ? {} : { body: shot.body }),
    });
  } catch (error) {
    if (more === 0 || !CLOSED_EARLY.has((error as { code?: unknown }).code)) throw error;
    return ask(new Client(url, { pipelining: 0 }), url, shot, more - 1);
  }
}

describe('wrong input on every operation', () => {
  it(`fires ${REQUESTS} requests and sees no 5xx, no hang, no growth`, async () => {
    const { server } = installation;
    const { access_token } = await signInAsTest(server.url, 'fuzzer');
    const drawn = fc.sample(shots(access_token), { numRuns: REQUESTS, ...(SEED === undefined ? {} : { seed: SEED }) });
    const statuses = new Map<number, number>();
    const faults: string[] = [];
    let next = 0;
    const sampleAt = Math.floor(REQUESTS / 2);
    let middle = 0;
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        const client = new Client(server.url);
        while (next < drawn.length) {
          const at = next++;
          if (at === sampleAt) middle = residentBytes(server.pid);
          const shot = drawn[at];
          if (shot === undefined) break;
          const answer = await ask(client, server.url, shot);
          const body = await answer.body.text();
          statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
          if (answer.statusCode >= 500 && shot.path.split('?')[0] !== '/health/ready')
            faults.push(`${answer.statusCode} ${JSON.stringify(shot).slice(0, 500)} → ${body.slice(0, 200)}`);
          if (answer.statusCode >= 400 && answer.headers['content-type'] === 'application/json') {
            if (!speaksItsDialect(shot.path, JSON.parse(body) as Record<string, unknown>))
              faults.push(`dialect ${shot.path.slice(0, 100)} ${body.slice(0, 300)}`);
          }
        }
        await client.close();
      }),
    );
    expect(faults.slice(0, 10)).toEqual([]);
    expect([...statuses.values()].reduce((a, b) => a + b, 0)).toBe(REQUESTS);
    // Growth: the second half may not add more than what a garbage collector leaves lying about.
    expect(residentBytes(server.pid) - middle).toBeLessThan(64 * 1024 * 1024);
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
  });
});
