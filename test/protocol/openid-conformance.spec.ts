import { Redis } from 'ioredis';
import { createRemoteJWKSet, decodeProtectedHeader, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import pg from 'pg';
import { applicationUrl, redeem, signInto, walk, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { freePort } from '../harness/gatehouse.js';
import { LogoutReceiver } from '../harness/logout-receiver.js';
import { bearer, claimsOf, type Tokens } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { send } from './http.js';
import { loginUpstream } from './upstream.js';

/**
 * What modules of the OpenID Foundation's conformance suite do that no other test here does, under the modules' own
 * names. openid-plans.yaml says for every module which tests show the same.
 */
const SECRET = 'a-secret-of-the-suite-with-enough-characters';
const BYE = 'https://suite.example/post_logout_redirect';
const suite: TestApplication = {
  clientId: 'suite',
  clientSecret: SECRET,
  redirectUri: 'https://suite.example/callback',
};
/** Is told of logouts, and signed in to by one test alone. */
const told: TestApplication = { ...suite, clientId: 'told' };

let receiver: LogoutReceiver;
let installation: Installation;
let server: string;
let database: pg.Client;

beforeAll(async () => {
  receiver = await LogoutReceiver.start();
  const yaml = `
applications:
  - { client_id: suite, client_secret: ${SECRET}, name: Suite, redirect_uris: ['${suite.redirectUri}'], consent: skip,
      post_logout_redirect_uris: ['${BYE}'] }
  - { client_id: told, client_secret: ${SECRET}, name: Told, redirect_uris: ['${told.redirectUri}'], consent: skip,
      post_logout_redirect_uris: ['${BYE}'], backchannel_logout_uri: '${receiver.url}/told' }
`;
  installation = await startInstallation({ yaml, env: { TEST_IDP_PORT: String(await freePort()) } });
  server = installation.server.url;
  database = new pg.Client({ connectionString: installation.databaseUrl });
  // The suite's Postgres may stop before this is closed.
  database.on('error', () => undefined);
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await installation.stop();
  await receiver.stop();
});

type Parameters = Readonly<Record<string, string | undefined>>;

async function userinfo(tokens: Tokens, method = 'GET') {
  return send(method, `${server}/oauth2/userinfo`, { headers: bearer(tokens.access_token) });
}
const idTokenOf = (tokens: Tokens) => claimsOf(String(tokens.id_token));

/** Lets the sign-in of this session, and of the person's session here, have been so many seconds earlier. */
async function signedInEarlier(tokens: Tokens, seconds: number): Promise<void> {
  await database.query(
    `UPDATE sessions SET auth_time = auth_time - make_interval(secs => $2)
      WHERE user_id = (SELECT user_id FROM sessions WHERE id = $1)`,
    [claimsOf(tokens.access_token)['sid'], seconds],
  );
}

/** Lets the first use of every code have been so many seconds earlier. */
async function usedEarlier(seconds: number): Promise<void> {
  const redis = new Redis(installation.redisUrl.replace('unix://', ''));
  for (const key of await redis.keys('gth:code:*')) {
    const code = JSON.parse((await redis.get(key)) ?? '{}') as { firstUsedAtMs?: number };
    if (code.firstUsedAtMs === undefined) continue;
    code.firstUsedAtMs -= seconds * 1000;
    await redis.set(key, JSON.stringify(code), 'KEEPTTL');
  }
  redis.disconnect();
}

describe('oidcc-server', () => {
  it('the scope openid alone: an ID token as OIDC Core §3.1.3.7 wants it, and UserInfo about the same person', async () => {
    const tokens = await signInto(server, suite, 'ann', { scope: 'openid', nonce: 'n-1' });
    expect(tokens).toMatchObject({ token_type: 'Bearer', scope: 'openid', expires_in: expect.any(Number) });
    const keys = createRemoteJWKSet(new URL(`${server}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(String(tokens.id_token), keys, {
      issuer: installation.server.publicUrl,
      audience: 'suite',
      algorithms: ['RS256'],
      requiredClaims: ['exp', 'iat', 'sub', 'at_hash', 'auth_time'],
    });
    expect(payload['nonce']).toBe('n-1');
    for (const told of ['email', 'email_verified', 'name', 'groups']) expect(payload).not.toHaveProperty(told);
    expect((await userinfo(tokens)).body).toEqual({ sub: payload.sub });
  });
});

describe('oidcc-idtoken-signature', () => {
  it('is RS256 where nothing else was registered, by a key that its kid names', async () => {
    const { alg, kid } = decodeProtectedHeader(String((await signInto(server, suite, 'ann')).id_token));
    const { keys } = (await send('GET', `${server}/.well-known/jwks.json`)).body as { keys: { kid: string }[] };
    expect(alg).toBe('RS256');
    expect(keys.map((key) => key.kid)).toContain(kid);
  });
});

describe('oidcc-userinfo-post-header', () => {
  it('a POST with the token in the header is answered as a GET is', async () => {
    const tokens = await signInto(server, suite, 'ann');
    const posted = await userinfo(tokens, 'POST');
    expect([posted.status, posted.text]).toEqual([200, (await userinfo(tokens)).text]);
  });
});

describe('oidcc-ensure-request-without-nonce-succeeds-for-code-flow', () => {
  it('makes an ID token without one', async () => {
    expect(idTokenOf(await signInto(server, suite, 'ann'))).not.toHaveProperty('nonce');
  });
});

describe('oidcc-scope', () => {
  it.each([
    ['profile', ['sub', 'name']],
    ['email', ['sub', 'email', 'email_verified']],
    ['groups', ['sub', 'groups']],
  ])('%s: UserInfo tells what it names and no more', async (scope, names) => {
    const { body } = await userinfo(await signInto(server, suite, 'ann', { scope: `openid ${scope}` }));
    expect(Object.keys(body).toSorted()).toEqual(names.toSorted());
  });

  it.each(['address', 'phone'])('%s is not announced, and does no harm', async (scope) => {
    const { body } = await send('GET', `${server}/.well-known/openid-configuration`);
    expect(body['scopes_supported']).not.toContain(scope);
    expect((await signInto(server, suite, 'ann', { scope: `openid ${scope}` })).scope).toBe('openid');
  });
});

describe('oidcc-alternate-happy-flow', () => {
  it('neither the order of the scopes nor that of the parameters counts', async () => {
    const url = applicationUrl(server, suite, { login_hint: 'ann', state: 's', scope: 'email profile openid' });
    const backwards = new URL('/oauth2/authorize', server);
    for (const [name, value] of [...url.searchParams].toReversed()) backwards.searchParams.set(name, value);
    const { answer } = await walk(new Browser(), backwards, suite.redirectUri);
    const { body } = await redeem(server, suite, String(answer.searchParams.get('code')));
    expect(String(body['scope']).split(' ').toSorted()).toEqual(['email', 'openid', 'profile']);
  });
});

describe('parameters that must not lead to an error (OIDC Core §15.1)', () => {
  it.each<[string, Parameters]>([
    ['oidcc-display-page', { display: 'page' }],
    ['oidcc-display-popup', { display: 'popup' }],
    ['oidcc-ui-locales', { ui_locales: 'se' }],
    ['oidcc-claims-locales', { claims_locales: 'se' }],
    ['oidcc-ensure-request-with-acr-values-succeeds', { acr_values: '1 2' }],
    ['oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' }],
    ['oidcc-claims-essential', { claims: '{"userinfo":{"name":{"essential":true}}}' }],
  ])('%s', async (_module, parameters) => {
    const tokens = await signInto(server, suite, 'ann', { scope: 'openid', ...parameters });
    expect((await userinfo(tokens)).body).toEqual({ sub: idTokenOf(tokens)['sub'] });
  });

  it('oidcc-login-hint', async () => {
    const browser = new Browser();
    const url = applicationUrl(server, suite, { idp: 'dev', login_hint: 'buffy@suite.example' });
    const back = await loginUpstream(browser, url, 'alice');
    const { answer } = await walk(browser, back, suite.redirectUri);
    expect(answer.searchParams.get('code')).toMatch(/^gth_ac_/);
  });
});

describe('oidcc-ensure-post-request-succeeds', () => {
  it('the same request by POST ends with a code', async () => {
    const { searchParams } = applicationUrl(server, suite, { login_hint: 'ann', state: 's' });
    const begun = await new Browser().request(`${server}/oauth2/authorize`, { method: 'POST', body: searchParams });
    const answer = new URL(String(begun.headers.get('location')));
    expect([begun.status, answer.searchParams.get('state')]).toEqual([303, 's']);
    expect((await redeem(server, suite, String(answer.searchParams.get('code')))).status).toBe(200);
  });
});

describe('a second authorization in the same browser', () => {
  const twice = async (parameters: (first: Tokens) => Parameters) => {
    const first = await signInto(server, suite, 'ann');
    await signedInEarlier(first, 100);
    const second = await signInto(server, suite, 'ann', parameters(first), first.browser);
    const [before, after] = [idTokenOf(first), idTokenOf(second)];
    expect(after['sub']).toBe(before['sub']);
    return Number(after['auth_time']) - Number(before['auth_time']);
  };

  it.each<[string, (first: Tokens) => Parameters]>([
    ['oidcc-prompt-none-logged-in', () => ({ prompt: 'none' })],
    ['oidcc-id-token-hint', (first) => ({ prompt: 'none', id_token_hint: String(first.id_token) })],
    ['oidcc-max-age-10000', () => ({ max_age: '10000' })],
  ])('%s: asks nothing, and auth_time stays', async (_module, parameters) => {
    expect(await twice(parameters)).toBe(-100);
  });

  it.each<[string, Parameters]>([
    ['oidcc-prompt-login', { prompt: 'login' }],
    ['oidcc-max-age-1', { max_age: '1' }],
  ])('%s: signs in anew, and auth_time is of now', async (_module, parameters) => {
    expect(await twice(() => parameters)).toBeGreaterThanOrEqual(0);
  });
});

describe('oidcc-codereuse', () => {
  it('a code is good once; tried again 30 seconds later it takes the access token with it', async () => {
    const { answer } = await walk(
      new Browser(),
      applicationUrl(server, suite, { login_hint: 'ann' }),
      suite.redirectUri,
    );
    const code = String(answer.searchParams.get('code'));
    const { body } = await redeem(server, suite, code);
    expect(await redeem(server, suite, code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await userinfo(body as unknown as Tokens)).status).toBe(200);
    await usedEarlier(30);
    expect(await redeem(server, suite, code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await userinfo(body as unknown as Tokens)).status).toBe(401);
  });
});

describe('oidcc-discovery-endpoint-verification', () => {
  const PUBLIC_URL = 'https://login.suite.example';
  let https: Installation;
  beforeAll(async () => {
    https = await startInstallation({ publicUrl: PUBLIC_URL });
  });
  afterAll(() => https.stop());
  const read = (path: string) => send('GET', `${https.server.url}/.well-known/${path}`);

  it('everything is there, of one issuer, and at https', async () => {
    const { status, headers, body } = await read('openid-configuration');
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    expect(body).toMatchObject({
      issuer: PUBLIC_URL,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
      grant_types_supported: expect.arrayContaining(['authorization_code', 'refresh_token']),
      scopes_supported: expect.arrayContaining(['openid']),
      claims_supported: expect.arrayContaining(['sub', 'iss', 'auth_time', 'acr', 'name', 'email']),
      token_endpoint_auth_methods_supported: expect.arrayContaining(['client_secret_basic', 'client_secret_post']),
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      claims_parameter_supported: false,
    });
    const addresses = Object.entries(body).filter(([name]) => /(_endpoint|_uri)$/.test(name));
    expect(addresses.map(([name]) => name)).toEqual(
      expect.arrayContaining(['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri']),
    );
    for (const [, address] of addresses) expect(String(address)).toMatch(/^https:\/\/login\.suite\.example\//);
  });

  it('the keys have distinct names, and nothing of them is private', async () => {
    const { keys } = (await read('jwks.json')).body as { keys: Record<string, unknown>[] };
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
    expect(keys.some(({ kty, use }) => kty === 'RSA' && use === 'sig')).toBe(true);
    for (const key of keys)
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret);
  });
});

function logout(browser: Browser, parameters: Parameters): Promise<Response> {
  const url = new URL('/oauth2/logout', server);
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  return browser.request(url);
}

async function silently(browser: Browser): Promise<URLSearchParams> {
  const { answer } = await walk(browser, applicationUrl(server, suite, { prompt: 'none' }), suite.redirectUri);
  return answer.searchParams;
}

describe('oidcc-rp-initiated-logout', () => {
  it.each<[string, string | undefined, string]>([
    ['oidcc-rp-initiated-logout', 'Q'.repeat(128), `${BYE}?state=${'Q'.repeat(128)}`],
    ['oidcc-rp-initiated-logout-no-state', undefined, BYE],
  ])('%s: leads back, and nobody is signed in any more', async (_module, state, target) => {
    const { browser, id_token } = await signInto(server, suite, 'ann');
    const response = await logout(browser, { id_token_hint: id_token, post_logout_redirect_uri: BYE, state });
    expect(response.headers.get('location')).toBe(target);
    expect((await silently(browser)).get('error')).toBe('login_required');
  });

  it('oidcc-rp-initiated-logout-no-post-logout-redirect-uri: says that the person is signed out', async () => {
    const { browser, id_token } = await signInto(server, suite, 'ann');
    const response = await logout(browser, { id_token_hint: id_token, state: 's' });
    expect([response.status, response.headers.get('location')]).toEqual([200, null]);
    expect(await response.text()).toContain('You are signed out');
    expect((await silently(browser)).get('error')).toBe('login_required');
  });

  it.each<[string, Parameters]>([
    ['oidcc-rp-initiated-logout-no-params', {}],
    ['oidcc-rp-initiated-logout-only-state', { state: 's' }],
  ])('%s: asks the person, and then says that he is signed out', async (_module, parameters) => {
    const { browser } = await signInto(server, suite, 'ann');
    const question = await (await logout(browser, parameters)).text();
    const ticket = String(/name="ticket" value="([^"]+)"/.exec(question)?.[1]);
    const body = new URLSearchParams({ ticket, decision: 'sign_out' });
    const done = await browser.request(`${server}/oauth2/logout/answer`, { method: 'POST', body });
    expect([done.status, done.headers.get('refresh')]).toEqual([200, null]);
    expect(await done.text()).toContain('You are signed out');
    expect((await silently(browser)).get('error')).toBe('login_required');
  });

  const unsigned = (token: string) =>
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${String(token.split('.')[1])}.`;
  const forged = async (token: string) =>
    new SignJWT(claimsOf(token))
      .setProtectedHeader({ ...decodeProtectedHeader(token), alg: 'RS256' })
      .sign((await generateKeyPair('RS256')).privateKey);

  it.each<[string, (idToken: string) => Promise<Parameters> | Parameters]>([
    ['oidcc-rp-initiated-logout-bad-post-logout-redirect-uri', () => ({ post_logout_redirect_uri: `${BYE}XYZ` })],
    [
      'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
      () => ({ post_logout_redirect_uri: `${BYE}?foo=bar` }),
    ],
    ['oidcc-rp-initiated-logout-modified-id-token-hint', (token) => ({ id_token_hint: unsigned(token) })],
    ['oidcc-rp-initiated-logout-bad-id-token-hint', async (token) => ({ id_token_hint: await forged(token) })],
    ['oidcc-rp-initiated-logout-no-id-token-hint', () => ({ id_token_hint: undefined })],
  ])('%s: an error page, which leads nowhere and ends nothing', async (_module, changes) => {
    const { browser, id_token } = await signInto(server, suite, 'ann');
    const good = { id_token_hint: id_token, post_logout_redirect_uri: BYE, state: 's' };
    const response = await logout(browser, { ...good, ...(await changes(String(id_token))) });
    const { headers } = response;
    expect([response.status, headers.get('location'), headers.get('refresh')]).toEqual([400, null, null]);
    expect(await response.text()).not.toContain(BYE);
    expect((await silently(browser)).get('code')).toMatch(/^gth_ac_/);
  });
});

describe('oidcc-backchannel-rp-initiated-logout', () => {
  it('the application gets a logout token and nothing else, and the browser is led back', async () => {
    const { browser, id_token } = await signInto(server, told, 'bea');
    const response = await logout(browser, { id_token_hint: id_token, post_logout_redirect_uri: BYE, state: 's' });
    expect(response.headers.get('location')).toBe(`${BYE}?state=s`);
    const [notice] = await receiver.until('/told', 1);
    expect([notice?.method, [...(notice?.form.keys() ?? [])]]).toEqual(['POST', ['logout_token']]);
    const keys = createRemoteJWKSet(new URL(`${server}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(notice?.token ?? '', keys, {
      issuer: installation.server.publicUrl,
      audience: 'told',
      typ: 'logout+jwt',
      requiredClaims: ['iat', 'exp', 'jti'],
    });
    const { sub, sid } = claimsOf(String(id_token));
    expect(payload).toMatchObject({ sub, sid, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } });
    expect(payload).not.toHaveProperty('nonce');
    expect((await silently(browser)).get('error')).toBe('login_required');
  });
});
