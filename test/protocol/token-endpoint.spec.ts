import { Redis } from 'ioredis';
import pg from 'pg';
import { codeAsTest, claimsOf, pkcePair, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, json, machineOf, NO_STORE, send, type Machine } from './http.js';

let installation: Installation;
let issuer: string;
let endpoint: string;
let machine: Machine;

const CALLBACK = 'https://app.example/callback';
const YAML = `
client_callbacks:
  - { client_id: web, url: "${CALLBACK}" }
  - https://other.example/callback
`;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
  issuer = installation.server.publicUrl;
  endpoint = `${issuer}/oauth2/token`;
  machine = await machineOf(issuer, 'machinist');
});
afterAll(() => installation.stop());

async function exchange(person: string) {
  const { code, verifier } = await codeAsTest(issuer, person, CALLBACK);
  return { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: CALLBACK, client_id: 'web' };
}
/** Lets the first use of every code have been eleven seconds earlier. */
async function usedElevenSecondsAgo(): Promise<void> {
  const redis = new Redis(installation.redisUrl.replace('unix://', ''));
  for (const key of await redis.keys('gth:code:*')) {
    const code = JSON.parse((await redis.get(key)) ?? '{}') as { firstUsedAtMs?: number };
    if (code.firstUsedAtMs === undefined) continue;
    code.firstUsedAtMs -= 11_000;
    await redis.set(key, JSON.stringify(code), 'KEEPTTL');
  }
  redis.disconnect();
}

const machineGrant = (overrides: Record<string, string> = {}) => ({
  grant_type: 'client_credentials',
  client_id: machine.clientId,
  client_secret: machine.secret,
  ...overrides,
});

describe('RFC 6749 §5.1 D5 a successful answer', () => {
  it('holds the parameters of the RFC, as JSON that nobody keeps', async () => {
    const { status, headers, body } = await form(endpoint, await exchange('ada'));
    expect(status).toBe(200);
    expect(headers).toMatchObject({ ...NO_STORE, 'content-type': 'application/json' });
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 900, scope: 'openid profile email' });
    expect(Object.keys(body).toSorted()).toEqual(
      ['access_token', 'expires_in', 'id_token', 'refresh_token', 'scope', 'token_type'].toSorted(),
    );
  });

  it.each(['/oauth2/token', '/oauth2/refresh'])('%s: so is one to a refresh', async (path) => {
    const { refresh_token } = await signInAsTest(issuer, 'refresher');
    const { status, headers, body } = await form(issuer + path, { grant_type: 'refresh_token', refresh_token });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ ...NO_STORE, 'content-type': 'application/json' });
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 900, scope: 'openid profile email' });
    expect(body).not.toHaveProperty('id_token');
  });

  it('says in every refusal, too, that nobody keeps it', async () => {
    for (const answer of [
      await form(endpoint, {}),
      await form(endpoint, { grant_type: 'x' }),
      await form(endpoint, machineGrant({ client_secret: 'wrong' })),
      await form(`${issuer}/oauth2/refresh`, { refresh_token: 'x' }),
    ])
      expect(answer.headers).toMatchObject({ ...NO_STORE, 'content-type': 'application/json' });
  });
});

describe('RFC 6749 §5.2 a refusal', () => {
  it.each([
    ['no grant_type', {}, 'invalid_request'],
    ['an empty grant_type', { grant_type: '' }, 'invalid_request'],
    ['an unknown grant', { grant_type: 'password', username: 'a', password: 'b' }, 'unsupported_grant_type'],
    ['another case', { grant_type: 'Authorization_Code' }, 'unsupported_grant_type'],
    ['an implicit one', { grant_type: 'implicit' }, 'unsupported_grant_type'],
    ['no code', { grant_type: 'authorization_code', code_verifier: 'x'.repeat(43) }, 'invalid_request'],
    ['no verifier', { grant_type: 'authorization_code', code: 'x' }, 'invalid_request'],
    ['a bad code', { grant_type: 'authorization_code', code: 'x', code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    ['no refresh_token', { grant_type: 'refresh_token' }, 'invalid_request'],
    ['a bad refresh_token', { grant_type: 'refresh_token', refresh_token: 'x' }, 'invalid_grant'],
    [
      'a foreign resource',
      { grant_type: 'refresh_token', refresh_token: 'x', resource: 'https://x.example' },
      'invalid_target',
    ],
    ['a scope that is none', { grant_type: 'refresh_token', refresh_token: 'x', scope: 'a"b' }, 'invalid_scope'],
  ])('for %s is 400', async (_what, fields, code) => {
    for (const answer of [await form(endpoint, fields), await json(endpoint, fields)]) {
      expect([answer.status, answer.body['error']]).toEqual([400, code]);
      // §5.2: printable ASCII without quote and backslash.
      expect(String(answer.body['error_description'])).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/);
      expect(answer.headers['www-authenticate']).toBeUndefined();
    }
  });

  it('for a failed client by body is 401 invalid_client', async () => {
    const failing: Record<string, string>[] = [
      machineGrant({ client_secret: 'wrong' }),
      machineGrant({ client_id: `tmi_cc_${'x'.repeat(22)}` }),
      { grant_type: 'client_credentials' },
      { grant_type: 'client_credentials', client_id: machine.clientId },
      { grant_type: 'client_credentials', client_id: 'web' },
    ];
    for (const fields of failing) {
      const answer = await form(endpoint, fields);
      expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
    }
  });

  it('for a failed client by Basic is 401 with the challenge of that scheme', async () => {
    for (const headers of [basic(machine.clientId, 'wrong'), basic('nobody', 'x'), { authorization: 'Basic !' }]) {
      const answer = await form(endpoint, { grant_type: 'client_credentials' }, headers);
      expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
      expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="/);
    }
  });

  it('tells nobody whether the client exists', async () => {
    const wrong = await form(endpoint, machineGrant({ client_secret: 'wrong' }));
    const unknown = await form(endpoint, machineGrant({ client_id: `tmi_cc_${'x'.repeat(22)}` }));
    expect(unknown.body).toEqual(wrong.body);
  });
});

describe('RFC 6749 §3.2 D11', () => {
  it.each(['grant_type', 'client_id', 'scope', 'unknown'])('refuses the parameter %s twice', async (name) => {
    const pairs = Object.entries(machineGrant({ [name]: machineGrant()[name as 'grant_type'] ?? 'x' }));
    const twice = [...pairs, [name, Object.fromEntries(pairs)[name] ?? 'x'] as const];
    const answer = await form(endpoint, twice);
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('refuses a member twice in JSON', async () => {
    const body = `{"grant_type":"refresh_token","refresh_token":"a","refresh_token":"b"}`;
    const answer = await send('POST', endpoint, { body, headers: { 'content-type': 'application/json' } });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('takes a parameter without a value for one that was not sent, and passes over unknown ones', async () => {
    const answer = await form(endpoint, machineGrant({ scope: '', code: '', something: 'else' }));
    expect(answer.status).toBe(200);
  });

  it('answers POST alone', async () => {
    const { status } = await send('GET', `${endpoint}?grant_type=client_credentials`);
    expect([404, 405]).toContain(status);
  });

  it('takes nothing from the query', async () => {
    const query = new URLSearchParams(machineGrant()).toString();
    const answer = await send('POST', `${endpoint}?${query}`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: '',
    });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('refuses other kinds of body', async () => {
    const answer = await send('POST', endpoint, { body: '<a/>', headers: { 'content-type': 'text/xml' } });
    expect(answer.status).toBe(415);
  });

  it('takes the idp of the seed and lets it mean nothing', async () => {
    const answer = await form(`${endpoint}?idp=whatever`, await exchange('ada'));
    expect(answer.status).toBe(200);
  });
});

describe('RFC 6749 §2.3 D11 client authentication', () => {
  it('is by Basic or by body', async () => {
    const byBasic = await form(endpoint, { grant_type: 'client_credentials' }, basic(machine.clientId, machine.secret));
    expect(byBasic.status).toBe(200);
    expect((await json(endpoint, machineGrant())).status).toBe(200);
  });

  it('MUST NOT be by both', async () => {
    const both = await form(endpoint, machineGrant(), basic(machine.clientId, machine.secret));
    expect([both.status, both.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('is of one client: another client_id beside Basic is refused, the same is not', async () => {
    const headers = basic(machine.clientId, machine.secret);
    const grant = { grant_type: 'client_credentials' };
    expect((await form(endpoint, { ...grant, client_id: 'web' }, headers)).body['error']).toBe('invalid_request');
    expect((await form(endpoint, { ...grant, client_id: machine.clientId }, headers)).status).toBe(200);
  });
});

describe('RFC 6749 §4.4.3 D12 D19 D31 client credentials', () => {
  it('give an access token and no refresh token', async () => {
    const { body, headers } = await form(endpoint, machineGrant());
    expect(headers).toMatchObject(NO_STORE);
    expect(Object.keys(body).toSorted()).toEqual(['access_token', 'expires_in', 'scope', 'token_type']);
    expect(claimsOf(String(body['access_token']))).toMatchObject({
      iss: issuer,
      aud: issuer,
      sub: machine.clientId,
      client_id: machine.clientId,
    });
  });

  it.each(['openid', 'introspect', 'vault:read', 'unknown'])(
    'refuse the scope %s that nobody granted',
    async (scope) => {
      const answer = await form(endpoint, machineGrant({ scope }));
      expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_scope']);
    },
  );

  it('D21: are over at once when the credential is deleted', async () => {
    const { access_token } = await signInAsTest(issuer, 'machinist');
    const gone = await machineOf(issuer, 'machinist');
    const grant = { grant_type: 'client_credentials', client_id: gone.clientId, client_secret: gone.secret };
    const before = await form(endpoint, grant);
    const token = String(before.body['access_token']);
    expect((await form(`${issuer}/oauth2/introspect`, { token })).body['active']).toBe(true);
    const deleted = await send('DELETE', `${issuer}/client-credentials/${gone.id}`, {
      headers: { authorization: `Bearer ${access_token}` },
    });
    expect(deleted.status).toBe(204);
    expect((await form(`${issuer}/oauth2/introspect`, { token })).text).toBe('{"active":false}');
    expect((await form(endpoint, grant)).status).toBe(401);
  });
});

describe('RFC 6749 §4.1.3 D6 D7 D9 authorization codes', () => {
  it.each([
    ['another redirect_uri', { redirect_uri: 'https://other.example/callback' }],
    ['no redirect_uri', { redirect_uri: '' }],
    ['another client', { client_id: 'https://other.example/callback' }],
    ['another verifier', { code_verifier: pkcePair().verifier }],
  ])('with %s are refused and not used up', async (_what, change) => {
    const right = await exchange('ada');
    const wrong = await form(endpoint, { ...right, ...change });
    expect([wrong.status, wrong.body['error']]).toEqual([400, 'invalid_grant']);
    expect((await form(endpoint, right)).status).toBe(200);
  });

  it('are refused to a client that is not known, and to a machine', async () => {
    const right = await exchange('ada');
    const nobody = await form(endpoint, { ...right, client_id: 'nobody' });
    expect([nobody.status, nobody.body['error']]).toEqual([401, 'invalid_client']);
    const { client_id: _client, ...unnamed } = right;
    const other = await form(endpoint, unnamed, basic(machine.clientId, machine.secret));
    expect([other.status, other.body['error']]).toEqual([400, 'invalid_grant']);
  });

  it('are good once; a repeat at once revokes nothing', async () => {
    const right = await exchange('ada');
    const { body } = await form(endpoint, right);
    const again = await form(endpoint, right);
    expect([again.status, again.body['error']]).toEqual([400, 'invalid_grant']);
    const token = String(body['access_token']);
    expect((await form(`${issuer}/oauth2/introspect`, { token })).body['active']).toBe(true);
  });

  it('of a session that ended meanwhile are refused', async () => {
    const right = await exchange('quick-leaver');
    const client = new pg.Client({ connectionString: installation.databaseUrl });
    await client.connect();
    await client.query(
      `UPDATE sessions SET ended_at = now() WHERE created_at = (SELECT max(created_at) FROM sessions)`,
    );
    await client.end();
    const answer = await form(endpoint, right);
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_grant']);
  });

  it('replayed late by who holds the verifier end what they gave; by who does not, nothing', async () => {
    const right = await exchange('replayed');
    const { body } = await form(endpoint, right);
    const token = String(body['access_token']);
    await usedElevenSecondsAgo();
    const guess = await form(endpoint, { ...right, code_verifier: pkcePair().verifier });
    expect([guess.status, guess.body['error']]).toEqual([400, 'invalid_grant']);
    expect((await form(`${issuer}/oauth2/introspect`, { token })).body['active']).toBe(true);
    const replay = await form(endpoint, right);
    expect([replay.status, replay.body['error']]).toEqual([400, 'invalid_grant']);
    expect(replay.body).toEqual(guess.body);
    expect((await form(`${issuer}/oauth2/introspect`, { token })).text).toBe('{"active":false}');
    const grant = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
    expect((await form(endpoint, grant)).body['error']).toBe('invalid_grant');
  });
});
