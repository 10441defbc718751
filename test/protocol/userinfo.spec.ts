import { bearer, claimsOf, signInAsTest, type Tokens } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, machineOf, send, type Machine } from './http.js';

let installation: Installation;
let issuer: string;
let endpoint: string;
let tokens: Tokens;
let machine: Machine;
let machineBearer: { authorization: string };

beforeAll(async () => {
  installation = await startInstallation({ yaml: 'admins: ["test:boss@test.tmi"]\n' });
  issuer = installation.server.publicUrl;
  endpoint = `${issuer}/oauth2/userinfo`;
  tokens = await signInAsTest(issuer, 'ada');
  // Its owner is an administrator, which must not rub off (R30).
  machine = await machineOf(issuer, 'boss');
  const grant = { grant_type: 'client_credentials', client_id: machine.clientId, client_secret: machine.secret };
  const { body } = await form(`${issuer}/oauth2/token`, grant);
  machineBearer = bearer(String(body['access_token']));
});
afterAll(() => installation.stop());

describe('OIDC Core §5.3 D16', () => {
  it('answers who is signed in; sub is the sub of the token', async () => {
    const { status, headers, body } = await send('GET', endpoint, { headers: bearer(tokens.access_token) });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' });
    const { sub } = claimsOf(tokens.access_token);
    expect(body).toEqual({
      sub,
      id: sub,
      email: 'ada@test.tmi',
      email_verified: expect.any(Boolean),
      name: expect.any(String),
      idp: 'test',
      groups: expect.any(Array),
      providers: [{ provider: 'test', is_primary: true }],
    });
  });

  it('§5.3.1 D11: answers POST as well, with the bearer in the header', async () => {
    const got = await send('GET', endpoint, { headers: bearer(tokens.access_token) });
    const posted = await form(endpoint, {}, bearer(tokens.access_token));
    expect([posted.status, posted.text]).toEqual([200, got.text]);
    const bodyless = await send('POST', endpoint, { headers: bearer(tokens.access_token) });
    expect(bodyless.status).toBe(200);
  });
});

describe('RFC 6750 §3', () => {
  it('§3.1: without a token the challenge names the schemes and no error', async () => {
    const { status, headers, body } = await send('GET', endpoint);
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toMatch(/^Bearer realm="[^"]+", DPoP realm="[^"]+", algs="[^"]+"$/);
    expect(body).toMatchObject({ error: 'unauthorized', error_description: expect.any(String) });
  });

  it.each([
    ['no token of ours', 'Bearer x'],
    ['an empty one', 'Bearer '],
    ['two', 'Bearer a, Bearer b'],
    ['another scheme', 'Token x'],
  ])('with %s it says invalid_token', async (_what, authorization) => {
    const { status, headers, body } = await send('GET', endpoint, { headers: { authorization } });
    expect([status, body['error']]).toEqual([401, 'invalid_token']);
    expect(headers['www-authenticate']).toMatch(/^Bearer realm="[^"]+", error="invalid_token"/);
  });

  it('so it does with client credentials, a refresh token, and a revoked token', async () => {
    const gone = await signInAsTest(issuer, 'gone');
    await form(`${issuer}/oauth2/revoke`, {}, bearer(gone.access_token));
    for (const headers of [
      basic(machine.clientId, machine.secret),
      bearer(tokens.refresh_token),
      bearer(gone.access_token),
    ]) {
      const answer = await send('GET', endpoint, { headers });
      expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_token']);
    }
  });

  it('RFC 9700 §4.3.2: takes no token from the query or the form', async () => {
    const query = await send('GET', `${endpoint}?access_token=${tokens.access_token}`);
    const body = await form(endpoint, { access_token: tokens.access_token });
    expect([query.status, body.status]).toEqual([401, 401]);
  });
});

describe('D56 R30 machines are not people', () => {
  it.each(['/oauth2/userinfo', '/users/me', '/oauth2/providers/test/groups', '/client-credentials'])(
    '%s is 403',
    async (path) => {
      const { status, body } = await send('GET', issuer + path, { headers: machineBearer });
      expect([status, body['error']]).toEqual([403, 'forbidden']);
    },
  );
});

describe('D18 groups of a provider', () => {
  it('are for administrators', async () => {
    const boss = await signInAsTest(issuer, 'boss');
    const groups = (token: string, idp: string) =>
      send('GET', `${issuer}/oauth2/providers/${idp}/groups`, { headers: bearer(token) });
    const answer = await groups(boss.access_token, 'test');
    expect([answer.status, answer.body['idp']]).toEqual([200, 'test']);
    expect(Array.isArray(answer.body['groups'])).toBe(true);
    expect((await groups(tokens.access_token, 'test')).status).toBe(403);
    expect((await groups(boss.access_token, 'none')).status).toBe(404);
    // Whoever may not see groups does not learn which providers there are.
    expect((await groups(tokens.access_token, 'none')).status).toBe(403);
    expect((await send('GET', `${issuer}/oauth2/providers/test/groups`)).status).toBe(401);
  });
});

describe('D57 D44 bad tokens', () => {
  let limited: Installation;
  beforeAll(async () => {
    limited = await startInstallation({
      env: { GATEHOUSE_RATE_LIMITS: 'on' },
      yaml: 'rate_limits: { bad_tokens: 5 }\n',
    });
  });
  afterAll(() => limited.stop());

  it('are counted, at userinfo and introspection together, and good ones are not', async () => {
    const base = limited.server.publicUrl;
    const { access_token } = await signInAsTest(base, 'ada');
    const userinfo = (token: string) => send('GET', `${base}/oauth2/userinfo`, { headers: bearer(token) });
    for (let n = 0; n < 20; n++) expect((await userinfo(access_token)).status).toBe(200);
    for (let n = 0; n < 3; n++) expect((await userinfo('x')).status).toBe(401);
    for (let n = 0; n < 2; n++) expect((await form(`${base}/oauth2/introspect`, { token: 'x' })).status).toBe(200);
    for (const answer of [await userinfo('x'), await form(`${base}/oauth2/introspect`, { token: 'x' })]) {
      expect([answer.status, answer.body['error']]).toEqual([429, 'rate_limit_exceeded']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers).toMatchObject({ 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '0' });
      expect(answer.headers['x-ratelimit-reset']).toMatch(/^\d+$/);
    }
  });

  it('D44 R29: ten failed secrets lock the client for that address, at every endpoint that takes one', async () => {
    const base = limited.server.publicUrl;
    const { clientId, secret } = await machineOf(base, 'machinist');
    const grant = { grant_type: 'client_credentials', client_id: clientId };
    for (let n = 0; n < 10; n++) {
      const answer = await form(`${base}/oauth2/token`, { ...grant, client_secret: `wrong-${n}` });
      expect(answer.status).toBe(401);
    }
    for (const path of ['token', 'revoke']) {
      const fields = { ...grant, token: 'x', client_secret: secret };
      const locked = await form(`${base}/oauth2/${path}`, fields);
      expect([locked.status, locked.body['error']]).toEqual([429, 'rate_limit_exceeded']);
      expect(Number(locked.headers['retry-after'])).toBeGreaterThan(0);
    }
  });
});
