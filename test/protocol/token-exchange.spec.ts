import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { asserting, newApplicationKey } from '../harness/application-key.js';
import { applicationUrl, signInto, walk, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { newDpopKey, type DpopKey } from '../harness/dpop-key.js';
import { bearer, claimsOf, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, json, machineOf, NO_STORE, send, type Answer } from './http.js';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const SECRET = 'a-secret-of-the-wiki-with-enough-characters';
const [ORDERS, STOCK, PRIVATE] = ['https://orders.example/', 'https://stock.example/', 'https://private.example/'];
const GRANTS = `[authorization_code, refresh_token, '${GRANT}']`;
const shop: TestApplication = { clientId: 'shop', clientSecret: SECRET, redirectUri: 'https://shop.example/callback' };
const rival: TestApplication = { ...shop, clientId: 'rival', redirectUri: 'https://rival.example/callback' };
const plain: TestApplication = { ...shop, clientId: 'plain', redirectUri: 'https://plain.example/callback' };
const strict: TestApplication = { ...shop, clientId: 'strict', redirectUri: 'https://strict.example/callback' };
const robot: TestApplication = { clientId: 'robot', clientSecret: undefined, redirectUri: 'https://robot.example/cb' };
const phone: TestApplication = { clientId: 'phone', clientSecret: undefined, redirectUri: 'http://127.0.0.1:4000/cb' };
const key = newApplicationKey('one');
const RESOURCES = `['${ORDERS}', '${STOCK}']`;
const YAML = `
admins: ['test:boss@test.tmi']
applications:
  - { client_id: shop, client_secret: ${SECRET}, name: Shop, redirect_uris: [${shop.redirectUri}], consent: skip,
      scopes: [openid, profile, email], grant_types: ${GRANTS}, resources: ${RESOURCES} }
  - { client_id: rival, client_secret: ${SECRET}, name: Rival, redirect_uris: [${rival.redirectUri}], consent: skip,
      grant_types: ${GRANTS}, resources: ['${ORDERS}', '${PRIVATE}'] }
  - { client_id: plain, client_secret: ${SECRET}, name: Plain, redirect_uris: [${plain.redirectUri}], consent: skip,
      resources: ${RESOURCES} }
  - { client_id: strict, client_secret: ${SECRET}, name: Strict, redirect_uris: [${strict.redirectUri}], consent: skip,
      grant_types: ${GRANTS}, dpop_bound_access_tokens: true }
  - { client_id: robot, name: Robot, redirect_uris: [${robot.redirectUri}], jwks: ${key.jwks}, consent: skip,
      grant_types: ${GRANTS}, resources: ${RESOURCES} }
  - { client_id: phone, name: Phone, redirect_uris: ['${phone.redirectUri}'], resources: ${RESOURCES} }
`;

let installation: Installation;
let server: string;
let issuer: string;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
  server = installation.server.url;
  issuer = installation.server.publicUrl;
});
afterAll(() => installation.stop());

type Fields = Readonly<Record<string, string>>;

const credentials = ({ clientId, clientSecret }: TestApplication): Fields =>
  clientSecret === undefined ? {} : basic(clientId, clientSecret);

function exchange(token: string, fields: Fields = {}, headers: Fields = credentials(shop)): Promise<Answer> {
  const body = { grant_type: GRANT, subject_token: token, subject_token_type: ACCESS_TOKEN, ...fields };
  return form(`${server}/oauth2/token`, body, headers);
}

async function exchanged(token: string, fields: Fields = {}, headers?: Fields): Promise<string> {
  const { status, body, text } = await exchange(token, fields, headers);
  if (status !== 200) throw new Error(`the exchange answered ${status}: ${text}`);
  return String(body['access_token']);
}

const isActive = async (token: string) => (await form(`${server}/oauth2/introspect`, { token })).body['active'];

function expectRefused(answer: Answer, status: number, error: string): void {
  expect(answer).toMatchObject({ status, body: { error, error_description: expect.any(String) } });
  expect(answer.headers).toMatchObject(NO_STORE);
}

describe('RFC 8693 §2.2.1 the answer', () => {
  it('is an access token with its type, how long it lives and its scope, and no refresh token', async () => {
    const { access_token: token } = await signInto(server, shop, 'ann');
    const answer = await exchange(token, { resource: ORDERS, scope: 'email' });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject(NO_STORE);
    expect(answer.body).toEqual({
      access_token: expect.any(String) as string,
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: expect.any(Number) as number,
      scope: 'email',
    });
  });

  it('§4.1, §4.3: a token of the same person and the same application, for this API, of these scopes, without act', async () => {
    const { access_token: token } = await signInto(server, shop, 'ann');
    const narrow = await exchanged(token, { resource: ORDERS, scope: 'email' });
    const [before, after] = [claimsOf(token), claimsOf(narrow)];
    expect(after).toMatchObject({
      sub: before['sub'],
      client_id: 'shop',
      sid: before['sid'],
      gen: before['gen'],
      org: before['org'],
      aud: ORDERS,
      scope: 'email',
      email: 'ann@test.tmi',
    });
    expect(after['jti']).not.toBe(before['jti']);
    for (const claim of ['act', 'may_act', 'name', 'cnf']) expect(after).not.toHaveProperty(claim);
    const { body } = await send('GET', `${server}/.well-known/jwks.json`);
    const keys = createLocalJWKSet(body as unknown as JSONWebKeySet);
    await jwtVerify(narrow, keys, { issuer, audience: ORDERS, typ: 'at+jwt' });
  });

  it('lives no longer than the subject token', async () => {
    const { access_token: token } = await signInto(server, shop, 'ann');
    const { body } = await exchange(token);
    const claims = claimsOf(String(body['access_token']));
    expect(claims['exp']).toBe(claimsOf(token)['exp']);
    expect(body['expires_in']).toBe(Number(claims['exp']) - Number(claims['iat']));
  });

  it('says what was given where nothing was asked for', async () => {
    const { access_token: token } = await signInto(server, shop, 'ann', { scope: 'openid email' });
    const { body } = await exchange(token, { requested_token_type: ACCESS_TOKEN });
    expect(body['scope']).toBe('openid email');
    expect(claimsOf(String(body['access_token']))['aud']).toBe(issuer);
  });

  it('takes an application with a key, and JSON', async () => {
    const assertion = () => asserting('robot', key, { aud: issuer });
    const begin = applicationUrl(server, robot, { login_hint: 'ann' });
    const { answer } = await walk(new Browser(), begin, robot.redirectUri);
    const code = String(answer.searchParams.get('code'));
    const redeeming = { grant_type: 'authorization_code', code, redirect_uri: robot.redirectUri };
    const { body } = await form(`${server}/oauth2/token`, { ...redeeming, ...(await assertion()) });
    const wish = { grant_type: GRANT, subject_token: body['access_token'], subject_token_type: ACCESS_TOKEN };
    const narrow = await json(`${server}/oauth2/token`, { ...wish, audience: STOCK, ...(await assertion()) });
    expect(narrow.status).toBe(200);
    expect(claimsOf(String(narrow.body['access_token']))).toMatchObject({ client_id: 'robot', aud: STOCK });
  });
});

describe('RFC 8693 §2.2.2 narrowing only', () => {
  it('never gives a scope that the subject token has not', async () => {
    const { access_token: token } = await signInto(server, shop, 'ben', { scope: 'openid email' });
    for (const scope of ['profile', 'openid profile', 'openid email groups', 'write:world', 'vault:read'])
      expectRefused(await exchange(token, { scope }), 400, 'invalid_scope');
    expectRefused(await exchange(token, { scope: 'a"b' }), 400, 'invalid_scope');
  });

  it('never gives an audience that the application is not registered for', async () => {
    const { access_token: token } = await signInto(server, shop, 'ben');
    for (const target of [PRIVATE, 'https://orders.example', 'rival', `${issuer}/`])
      for (const name of ['resource', 'audience'])
        expectRefused(await exchange(token, { [name]: target }), 400, 'invalid_target');
    expectRefused(await exchange(token, { resource: ORDERS, audience: STOCK }), 400, 'invalid_target');
  });

  it('a token for one API never becomes one for another, or for us', async () => {
    const { access_token: token } = await signInto(server, shop, 'ben', { scope: 'email', resource: ORDERS });
    expect(claimsOf(token)['aud']).toBe(ORDERS);
    for (const resource of [STOCK, issuer]) expectRefused(await exchange(token, { resource }), 400, 'invalid_target');
    expect(claimsOf(await exchanged(token, { resource: ORDERS }))['aud']).toBe(ORDERS);
  });

  it('what is for an API and UserInfo is divided', async () => {
    const { access_token: token } = await signInto(server, shop, 'ben', { scope: 'openid', resource: ORDERS });
    expect(claimsOf(token)['aud']).toEqual([ORDERS, issuer]);
    const forApi = await exchanged(token, { resource: ORDERS });
    expect(claimsOf(forApi)['aud']).toBe(ORDERS);
    // RFC 9068 §4: and so it opens nothing of ours.
    expect((await send('GET', `${server}/oauth2/userinfo`, { headers: bearer(forApi) })).status).toBe(401);
    const forUs = await exchanged(token, { resource: issuer });
    expect((await send('GET', `${server}/oauth2/userinfo`, { headers: bearer(forUs) })).status).toBe(200);
  });

  it('UserInfo tells the holder of a narrowed token only what its scopes name', async () => {
    const { access_token: token } = await signInto(server, shop, 'ben');
    const narrow = await exchanged(token, { scope: 'openid' });
    const { body } = await send('GET', `${server}/oauth2/userinfo`, { headers: bearer(narrow) });
    expect(Object.keys(body)).toEqual(['sub']);
  });

  it('D30: it stays before the wall', async () => {
    const { access_token: token } = await signInto(server, shop, 'boss');
    const narrow = await exchanged(token);
    for (const path of ['/users/me', '/client-credentials', '/api/v1/organizations/default/applications'])
      expect((await send('GET', `${server}${path}`, { headers: bearer(narrow) })).status).toBe(403);
  });

  it('a token that comes of an exchange is not exchanged again', async () => {
    const { access_token: token } = await signInto(server, shop, 'ben');
    expectRefused(await exchange(await exchanged(token)), 400, 'invalid_request');
  });
});

describe('RFC 8693 §2.1, §2.2.2 invalid_request', () => {
  it.each<[string, Fields]>([
    ['no subject token', { subject_token: '' }],
    ['no subject token type', { subject_token_type: '' }],
    ['the type of an ID token', { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' }],
    ['the type of a refresh token', { subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }],
    ['the type JWT', { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }],
    ['a wish for a refresh token', { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }],
    ['a wish for an ID token', { requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' }],
    ['an actor token', { actor_token: 'x', actor_token_type: ACCESS_TOKEN }],
    ['an actor token without its type', { actor_token: 'x' }],
    ['an actor token’s type alone', { actor_token_type: ACCESS_TOKEN }],
    ['what is no token', { subject_token: 'x' }],
    ['what was made up', { subject_token: `${'a'.repeat(40)}.${'b'.repeat(40)}.${'c'.repeat(86)}` }],
  ])('refuses %s', async (_what, fields) => {
    const { access_token: token } = await signInto(server, shop, 'cleo');
    const answer = await exchange(token, fields);
    expectRefused(answer, 400, 'invalid_request');
  });

  it('refuses an ID token and a refresh token under the type of an access token', async () => {
    const tokens = await signInto(server, shop, 'cleo');
    for (const token of [String(tokens.id_token), tokens.refresh_token])
      expectRefused(await exchange(token), 400, 'invalid_request');
  });

  it('D11: refuses a repeated parameter: a token is for one API', async () => {
    const { access_token: token } = await signInto(server, shop, 'cleo');
    const pairs = [
      ['grant_type', GRANT],
      ['subject_token', token],
      ['subject_token_type', ACCESS_TOKEN],
      ['resource', ORDERS],
      ['resource', STOCK],
    ] as const;
    expectRefused(await form(`${server}/oauth2/token`, pairs, basic('shop', SECRET)), 400, 'invalid_request');
  });
});

describe('R25, R27 whose token, and who exchanges it', () => {
  it('refuses the token of another application, though both are registered for its API', async () => {
    const forBoth = await signInto(server, shop, 'dan', { scope: 'openid', resource: ORDERS });
    const text = new Set<unknown>();
    for (const token of [forBoth.access_token, (await signInto(server, shop, 'dan')).access_token, 'x']) {
      const answer = await exchange(token, { resource: ORDERS }, credentials(rival));
      expectRefused(answer, 400, 'invalid_request');
      text.add(answer.body['error_description']);
    }
    expect(text.size).toBe(1);
  });

  it('refuses tokens of first-party clients and of machines', async () => {
    const { access_token: own } = await signInAsTest(server, 'boss');
    const machine = await machineOf(server, 'boss', { scopes: ['introspect'] });
    const fields = { grant_type: 'client_credentials' };
    const { body } = await form(`${server}/oauth2/token`, fields, basic(machine.clientId, machine.secret));
    for (const token of [own, String(body['access_token'])])
      expectRefused(await exchange(token), 400, 'invalid_request');
    expectRefused(
      await exchange(String(body['access_token']), {}, basic(machine.clientId, machine.secret)),
      400,
      'unauthorized_client',
    );
  });

  it('refuses an application that is not registered for it, a public one, and nobody', async () => {
    const { access_token: token } = await signInto(server, plain, 'dan');
    expectRefused(await exchange(token, {}, credentials(plain)), 400, 'unauthorized_client');
    const { access_token: open } = await signInto(server, phone, 'dan');
    expectRefused(await exchange(open, { client_id: 'phone' }, {}), 400, 'unauthorized_client');
    const { access_token: own } = await signInto(server, shop, 'dan');
    expectRefused(await exchange(own, {}, {}), 401, 'invalid_client');
    expectRefused(await exchange(own, { client_id: 'shop' }, {}), 401, 'invalid_client');
    expectRefused(await exchange(own, {}, basic('shop', 'wrong')), 401, 'invalid_client');
  });

  it('a public application cannot be registered for it', async () => {
    const answer = await asKeeper('POST', '', {
      name: 'Open',
      redirect_uris: ['https://open.example/cb'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', GRANT],
    });
    expect([answer.status, answer.text]).toEqual([422, expect.stringContaining('grant_types')]);
  });
});

describe('D20 what ends a subject token ends what it was exchanged for', () => {
  const both = async (application: TestApplication, person: string) => {
    const tokens = await signInto(server, application, person);
    const narrow = await exchanged(tokens.access_token, {}, credentials(application));
    expect(await isActive(narrow)).toBe(true);
    return { ...tokens, narrow };
  };
  const expectDead = async (narrow: string, token: string, application = shop) => {
    expect(await isActive(narrow)).toBe(false);
    expectRefused(await exchange(token, {}, credentials(application)), 400, 'invalid_request');
    expect((await send('GET', `${server}/oauth2/userinfo`, { headers: bearer(narrow) })).status).toBe(401);
  };

  it('revoking the subject token', async () => {
    const { access_token: token, narrow } = await both(shop, 'eve');
    await form(`${server}/oauth2/revoke`, { token }, basic('shop', SECRET));
    await expectDead(narrow, token);
  });

  it('but revoking the narrow one alone leaves the subject token', async () => {
    const { access_token: token, narrow } = await both(shop, 'eve');
    await form(`${server}/oauth2/revoke`, { token: narrow }, basic('shop', SECRET));
    expect([await isActive(narrow), await isActive(token)]).toEqual([false, true]);
  });

  it('revoking the refresh family', async () => {
    const { access_token: token, refresh_token: family, narrow } = await both(shop, 'eve');
    await form(`${server}/oauth2/revoke`, { token: family }, basic('shop', SECRET));
    await expectDead(narrow, token);
  });

  it('the person’s logout', async () => {
    const { access_token: token, narrow, browser, id_token: hint = '' } = await both(shop, 'fay');
    const url = new URL('/oauth2/logout', server);
    url.search = new URLSearchParams({ id_token_hint: hint }).toString();
    await browser.request(url);
    await expectDead(narrow, token);
  });

  it('R11: switching the application off, also where it is on again', async () => {
    const made = await registered();
    const { access_token: token, narrow } = await both(made, 'gus');
    await switched(made, 'disable');
    expect(await isActive(narrow)).toBe(false);
    await switched(made, 'enable');
    await expectDead(narrow, token, made);
    await both(made, 'gus');
    await switched(made, 'disable');
    expectRefused(await exchange(token, {}, credentials(made)), 401, 'invalid_client');
  });

  it('and who is registered for the grant no more exchanges nothing more', async () => {
    const made = await registered();
    const { access_token: token } = await both(made, 'gus');
    const change = { grant_types: ['authorization_code', 'refresh_token'] };
    expect((await asKeeper('PATCH', `/${made.clientId}`, change)).status).toBe(200);
    expectRefused(await exchange(token, {}, credentials(made)), 400, 'unauthorized_client');
  });
});

async function asKeeper(method: string, path: string, body: object = {}): Promise<Answer> {
  const { access_token: token } = await signInAsTest(server, 'boss');
  const headers = { ...bearer(token), 'content-type': 'application/json' };
  const url = `${server}/api/v1/organizations/default/applications${path}`;
  return send(method, url, { headers, body: JSON.stringify(body) });
}

const switched = async ({ clientId }: TestApplication, change: 'disable' | 'enable') =>
  expect((await asKeeper('POST', `/${clientId}/${change}`)).status).toBe(200);

/** One that the API made, so that it can be changed. */
async function registered(): Promise<TestApplication> {
  const redirectUri = 'https://made.example/cb';
  const grants = ['authorization_code', 'refresh_token', GRANT];
  const wanted = { name: 'Made', redirect_uris: [redirectUri], consent: 'skip', grant_types: grants };
  const { body } = await asKeeper('POST', '', wanted);
  return { clientId: String(body['client_id']), clientSecret: String(body['client_secret']), redirectUri };
}

describe('RFC 9449 beside an exchange', () => {
  const proving = async (by: DpopKey) => ({ dpop: await by.prove('POST', `${issuer}/oauth2/token`) });

  async function boundToken(by: DpopKey): Promise<string> {
    const { refresh_token: token } = await signInto(server, shop, 'hal');
    const fields = { grant_type: 'refresh_token', refresh_token: token };
    const { body } = await form(`${server}/oauth2/token`, fields, { ...credentials(shop), ...(await proving(by)) });
    return String(body['access_token']);
  }

  it('a bound token is exchanged by its key alone, and stays bound to it', async () => {
    const [own, other] = [await newDpopKey(), await newDpopKey()];
    const token = await boundToken(own);
    expectRefused(await exchange(token), 400, 'invalid_dpop_proof');
    const wrong = { ...credentials(shop), ...(await proving(other)) };
    expectRefused(await exchange(token, {}, wrong), 400, 'invalid_dpop_proof');
    const { body } = await exchange(token, { resource: ORDERS }, { ...credentials(shop), ...(await proving(own)) });
    expect(body).toMatchObject({ token_type: 'DPoP', issued_token_type: ACCESS_TOKEN });
    expect(claimsOf(String(body['access_token']))['cnf']).toEqual({ jkt: own.jkt });
  });

  it('one that is bound to nothing becomes bound where the request proves a key', async () => {
    const { access_token: token } = await signInto(server, shop, 'hal');
    const own = await newDpopKey();
    const { body } = await exchange(token, {}, { ...credentials(shop), ...(await proving(own)) });
    expect(body['token_type']).toBe('DPoP');
    expect(claimsOf(String(body['access_token']))['cnf']).toEqual({ jkt: own.jkt });
  });

  it('§5.2: an application that must use DPoP must use it here', async () => {
    expectRefused(await exchange('x', {}, credentials(strict)), 400, 'invalid_dpop_proof');
  });
});

describe('RFC 8414 §2', () => {
  it('names the grant', async () => {
    const { body } = await send('GET', `${server}/.well-known/oauth-authorization-server`);
    expect(body['grant_types_supported']).toContain(GRANT);
  });
});
