import { bearer, claimsOf, signInAsTest, type Tokens } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, json, machineOf, NO_STORE, send, type Machine } from './http.js';

const INACTIVE = '{"active":false}';

let installation: Installation;
let issuer: string;
let endpoint: string;
let tokens: Tokens;
let machine: Machine;
let reader: Machine;

beforeAll(async () => {
  installation = await startInstallation({ yaml: 'admins: ["test:boss@test.tmi"]\n' });
  issuer = installation.server.publicUrl;
  endpoint = `${issuer}/oauth2/introspect`;
  tokens = await signInAsTest(issuer, 'ada');
  machine = await machineOf(issuer, 'machinist');
  reader = await machineOf(issuer, 'boss', { scopes: ['introspect'] });
});
afterAll(() => installation.stop());

async function machineToken({ clientId, secret }: Machine): Promise<string> {
  const grant = { grant_type: 'client_credentials', client_id: clientId, client_secret: secret };
  return String((await form(`${issuer}/oauth2/token`, grant)).body['access_token']);
}

describe('RFC 7662 §2.2 D15 an active token', () => {
  it('is answered with what it says, as JSON that nobody keeps', async () => {
    const { status, headers, body } = await form(endpoint, { token: tokens.access_token });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ ...NO_STORE, 'content-type': 'application/json' });
    const { org: _org, gen: _gen, ...shown } = claimsOf(tokens.access_token);
    expect(body).toEqual({ active: true, token_type: 'Bearer', ...shown });
    expect(body).toMatchObject({ iss: issuer, aud: issuer, idp: 'test', scope: 'openid profile email' });
  });

  it('is answered the same to form and JSON, with or without a hint, again and again', async () => {
    const first = await form(endpoint, { token: tokens.access_token });
    for (const answer of [
      await json(endpoint, { token: tokens.access_token }),
      await form(endpoint, { token: tokens.access_token, token_type_hint: 'access_token' }),
      await form(endpoint, { token: tokens.access_token, token_type_hint: 'refresh_token' }),
      await form(endpoint, { token: tokens.access_token, token_type_hint: 'something' }),
      await form(endpoint, { token: tokens.access_token }, basic(machine.clientId, machine.secret)),
    ])
      expect([answer.status, answer.text]).toEqual([200, first.text]);
  });

  it('may be a machine’s', async () => {
    const { body } = await form(endpoint, { token: await machineToken(machine) });
    expect(body).toMatchObject({
      active: true,
      sub: machine.clientId,
      client_id: machine.clientId,
      token_type: 'Bearer',
    });
    for (const name of ['own', 'org', 'gen', 'sid', 'email']) expect(body).not.toHaveProperty(name);
  });
});

describe('RFC 7662 §2.2 anything else is exactly {"active":false}', () => {
  it.each([
    ['text', () => 'x'],
    ['a JWT of nobody', () => 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.'],
    ['a changed token', () => `${tokens.access_token.slice(0, -4)}AAAA`],
    ['a token with white space', () => `${tokens.access_token}\n`],
    ['a token in pieces', () => tokens.access_token.split('.').slice(0, 2).join('.')],
    ['an unknown refresh token', () => 'gth_rt_x'],
    ['a refresh token, asked by nobody', () => tokens.refresh_token],
    ['a very long text', () => 'x'.repeat(40_000)],
  ])('%s', async (_what, token) => {
    const answer = await form(endpoint, { token: token() });
    expect([answer.status, answer.text]).toEqual([200, INACTIVE]);
    expect(answer.headers).toMatchObject({ ...NO_STORE, 'content-type': 'application/json' });
  });

  it('but a missing token is 400', async () => {
    for (const answer of [await form(endpoint, {}), await form(endpoint, { token: '' }), await json(endpoint, {})])
      expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('and a repeated one, too', async () => {
    const twice = [
      ['token', tokens.access_token],
      ['token', tokens.access_token],
    ] as const;
    expect((await form(endpoint, twice)).status).toBe(400);
  });

  it('RFC 7662 §2.1: and nothing is answered to GET, where a token would end in logs', async () => {
    const answer = await send('GET', `${endpoint}?token=${tokens.access_token}`);
    expect([404, 405]).toContain(answer.status);
  });
});

describe('RFC 7662 §2.1 D15 refresh tokens', () => {
  it('are shown to whom has the scope introspect, by secret or by bearer', async () => {
    const { refresh_token } = await signInAsTest(issuer, 'ada');
    const bySecret = await form(endpoint, { token: refresh_token }, basic(reader.clientId, reader.secret));
    expect(bySecret.body).toMatchObject({
      active: true,
      token_type: 'refresh_token',
      scope: 'openid profile email',
      client_id: issuer,
      iss: issuer,
      sub: claimsOf(tokens.access_token)['sub'],
    });
    expect(Number(bySecret.body['exp'])).toBeGreaterThan(Date.now() / 1000 + 86_400);
    const byBearer = await form(endpoint, { token: refresh_token }, bearer(await machineToken(reader)));
    expect(byBearer.text).toBe(bySecret.text);
  });

  it('are hidden from a machine without that scope, from a person, and from a public client', async () => {
    const { refresh_token: token, access_token } = await signInAsTest(issuer, 'ada');
    const asked = [
      form(endpoint, { token }, basic(machine.clientId, machine.secret)),
      form(endpoint, { token }, bearer(await machineToken(machine))),
      form(endpoint, { token }, bearer(access_token)),
      form(endpoint, { token, client_id: `${issuer}/` }),
    ];
    for (const answer of await Promise.all(asked)) expect(answer.text).toBe(INACTIVE);
  });

  it('are inactive once they were used', async () => {
    const { refresh_token: token } = await signInAsTest(issuer, 'ada');
    await json(`${issuer}/oauth2/refresh`, { refresh_token: token });
    expect((await form(endpoint, { token }, basic(reader.clientId, reader.secret))).text).toBe(INACTIVE);
  });
});

describe('RFC 7662 §2.1 §2.3 D15 bad credentials', () => {
  it('are 401 invalid_client, though none were needed', async () => {
    for (const answer of [
      await form(endpoint, { token: tokens.access_token }, basic(machine.clientId, 'wrong')),
      await form(endpoint, { token: tokens.access_token, client_id: machine.clientId, client_secret: 'wrong' }),
      await form(endpoint, { token: tokens.access_token, client_id: 'nobody' }),
      await form(endpoint, { token: tokens.access_token }, bearer('x')),
    ]) {
      expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
      expect(answer.headers['www-authenticate']).toMatch(/^(Basic|Bearer) realm="/);
      expect(answer.text).not.toContain('active');
    }
  });
});

describe('D15 where a setting makes authentication obligatory', () => {
  let strict: Installation;
  beforeAll(async () => {
    strict = await startInstallation({ yaml: 'introspection_requires_authentication: true\n' });
  });
  afterAll(() => strict.stop());

  it('nobody learns anything without it, and a client does', async () => {
    const base = strict.server.publicUrl;
    const { access_token: token } = await signInAsTest(base, 'ada');
    const { clientId, secret } = await machineOf(base, 'machinist');
    for (const headers of [{}, bearer(token)]) {
      const answer = await form(`${base}/oauth2/introspect`, { token }, headers);
      expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
    }
    const named = await form(`${base}/oauth2/introspect`, { token, client_id: `${base}/` });
    expect(named.status).toBe(401);
    const proved = await form(`${base}/oauth2/introspect`, { token }, basic(clientId, secret));
    expect(proved.body['active']).toBe(true);
  });
});
