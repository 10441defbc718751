import { bearer, claimsOf, codeAsTest, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, json, machineOf, send, type Machine } from './http.js';

const CALLBACK = 'https://app.example/callback';

let installation: Installation;
let issuer: string;
let endpoint: string;
let machine: Machine;

beforeAll(async () => {
  installation = await startInstallation({ yaml: `client_callbacks: [{ client_id: web, url: "${CALLBACK}" }]\n` });
  issuer = installation.server.publicUrl;
  endpoint = `${issuer}/oauth2/revoke`;
  machine = await machineOf(issuer, 'machinist');
});
afterAll(() => installation.stop());

const isGood = async (token: string) => (await form(`${issuer}/oauth2/introspect`, { token })).body['active'] === true;
const refresh = (refresh_token: string) => json(`${issuer}/oauth2/refresh`, { refresh_token });

/** Tokens of the client `web`, which anybody may name: it is public. */
async function webTokens(person: string) {
  const { code, verifier } = await codeAsTest(issuer, person, CALLBACK);
  const grant = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: CALLBACK };
  const { body } = await form(`${issuer}/oauth2/token`, grant);
  return { access: String(body['access_token']), refresh: String(body['refresh_token']) };
}
async function machineToken(): Promise<string> {
  const grant = { grant_type: 'client_credentials', client_id: machine.clientId, client_secret: machine.secret };
  return String((await form(`${issuer}/oauth2/token`, grant)).body['access_token']);
}

describe('D14 a logout', () => {
  it('is a bearer without a token field, and ends the session with all that it gave', async () => {
    const tokens = await signInAsTest(issuer, 'ada');
    const turned = (await refresh(tokens.refresh_token)).body;
    const answer = await send('POST', endpoint, {
      headers: { ...bearer(tokens.access_token), 'content-type': 'application/json' },
    });
    expect([answer.status, answer.body]).toEqual([200, { message: 'Logged out successfully' }]);
    expect(await isGood(tokens.access_token)).toBe(false);
    expect(await isGood(String(turned['access_token']))).toBe(false);
    expect((await refresh(String(turned['refresh_token']))).status).toBe(401);
    const userinfo = await send('GET', `${issuer}/oauth2/userinfo`, { headers: bearer(tokens.access_token) });
    expect(userinfo.status).toBe(401);
  });

  it('leaves the person’s other sessions alone', async () => {
    const [here, there] = [await signInAsTest(issuer, 'ada'), await signInAsTest(issuer, 'ada')];
    await form(endpoint, {}, bearer(here.access_token));
    expect(await isGood(there.access_token)).toBe(true);
    expect((await refresh(there.refresh_token)).status).toBe(200);
  });

  it('without a good bearer is 401', async () => {
    const { access_token } = await signInAsTest(issuer, 'ada');
    await form(endpoint, {}, bearer(access_token));
    for (const answer of [
      await form(endpoint, {}),
      await form(endpoint, {}, bearer('x')),
      await form(endpoint, {}, bearer(access_token)),
    ]) {
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer /);
    }
  });

  it('of a machine ends that token alone', async () => {
    const [one, other] = [await machineToken(), await machineToken()];
    expect((await form(endpoint, {}, bearer(one))).status).toBe(200);
    expect(await isGood(one)).toBe(false);
    expect(await isGood(other)).toBe(true);
  });
});

describe('D52', () => {
  it('a session without SAML ends by slo=true as by any logout, and there is nowhere to go on to', async () => {
    const tokens = await signInAsTest(issuer, 'ada');
    const machineAccess = await machineToken();
    for (const token of [tokens.access_token, machineAccess]) {
      const answer = await form(`${endpoint}?slo=true`, {}, bearer(token));
      expect([answer.status, answer.body]).toEqual([200, { message: 'Logged out successfully' }]);
      expect(await isGood(token)).toBe(false);
    }
  });

  it('slo is true or false, and without a good bearer 401', async () => {
    const tokens = await signInAsTest(issuer, 'ada');
    expect((await form(`${endpoint}?slo=maybe`, {}, bearer(tokens.access_token))).status).toBe(400);
    expect((await form(`${endpoint}?slo=true&slo=true`, {}, bearer(tokens.access_token))).status).toBe(400);
    expect(await isGood(tokens.access_token)).toBe(true);
    expect((await form(`${endpoint}?slo=true`, {})).status).toBe(401);
    expect((await form(`${endpoint}?slo=true`, {}, bearer('x'))).status).toBe(401);
  });
});

describe('RFC 7009 §2.1 §2.2', () => {
  it('a client revokes its refresh token, and the access tokens of the same grant go with it', async () => {
    const tokens = await webTokens('ada');
    const answer = await form(endpoint, { token: tokens.refresh, client_id: 'web' });
    expect(answer.status).toBe(200);
    expect((await refresh(tokens.refresh)).status).toBe(401);
    expect(await isGood(tokens.access)).toBe(false);
  });

  it('a client revokes its access token alone', async () => {
    const tokens = await webTokens('ada');
    expect((await json(endpoint, { token: tokens.access, client_id: 'web' })).status).toBe(200);
    expect(await isGood(tokens.access)).toBe(false);
    expect((await refresh(tokens.refresh)).status).toBe(200);
  });

  it('a wrong token_type_hint is no obstacle', async () => {
    const tokens = await webTokens('ada');
    await form(endpoint, { token: tokens.access, client_id: 'web', token_type_hint: 'refresh_token' });
    expect(await isGood(tokens.access)).toBe(false);
    await form(endpoint, { token: tokens.refresh, client_id: 'web', token_type_hint: 'access_token' });
    expect((await refresh(tokens.refresh)).status).toBe(401);
  });

  it('a machine revokes its token by its secret, or by another of its tokens', async () => {
    const [one, two, three] = [await machineToken(), await machineToken(), await machineToken()];
    await form(endpoint, { token: one }, basic(machine.clientId, machine.secret));
    await form(endpoint, { token: two }, bearer(three));
    expect(await Promise.all([one, two, three].map(isGood))).toEqual([false, false, true]);
  });

  it('a bearer revokes the tokens of its own session', async () => {
    const tokens = await signInAsTest(issuer, 'ada');
    expect((await form(endpoint, { token: tokens.refresh_token }, bearer(tokens.access_token))).status).toBe(200);
    expect((await refresh(tokens.refresh_token)).status).toBe(401);
  });

  it('a token that is unknown, malformed, ended or revoked already is 200', async () => {
    const tokens = await webTokens('ada');
    await form(endpoint, { token: tokens.refresh, client_id: 'web' });
    for (const token of ['x', 'gth_rt_x', `gth_rt_${'x'.repeat(49)}`, tokens.refresh, tokens.access, 'a.b.c'])
      expect((await form(endpoint, { token, client_id: 'web' })).status).toBe(200);
  });

  it('somebody else’s token lives on', async () => {
    const tokens = await webTokens('ada');
    const other = await signInAsTest(issuer, 'bob');
    for (const token of [tokens.access, tokens.refresh]) {
      await form(endpoint, { token }, basic(machine.clientId, machine.secret));
      await form(endpoint, { token }, bearer(other.access_token));
      await form(endpoint, { token, client_id: issuer });
    }
    expect(await isGood(tokens.access)).toBe(true);
    expect((await refresh(tokens.refresh)).status).toBe(200);
  });

  it('so does a token of the same person from another session', async () => {
    const [here, there] = [await signInAsTest(issuer, 'ada'), await signInAsTest(issuer, 'ada')];
    expect(claimsOf(here.access_token)['sub']).toBe(claimsOf(there.access_token)['sub']);
    await form(endpoint, { token: there.refresh_token }, bearer(here.access_token));
    expect((await refresh(there.refresh_token)).status).toBe(200);
  });

  it('nobody may do it without saying who he is', async () => {
    const tokens = await webTokens('ada');
    for (const answer of [
      await form(endpoint, { token: tokens.access }),
      await form(endpoint, { token: tokens.access }, bearer('x')),
      await form(endpoint, { token: tokens.access, client_id: 'nobody' }),
      await form(endpoint, { token: tokens.access }, basic(machine.clientId, 'wrong')),
    ])
      expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
    expect(await isGood(tokens.access)).toBe(true);
  });
});
