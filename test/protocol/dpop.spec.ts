import { applicationUrl, signInto, walk, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { newDpopKey, type DpopKey } from '../harness/dpop-key.js';
import { bearer, claimsOf, codeAsTest, pkcePair, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, machineOf, NO_STORE, send, type Answer } from './http.js';

const SECRET = 'a-secret-of-the-wiki-with-enough-characters';
const API = 'https://api.example/';
const phone: TestApplication = { clientId: 'phone', clientSecret: undefined, redirectUri: 'http://127.0.0.1:4000/cb' };
const wiki: TestApplication = { clientId: 'wiki', clientSecret: SECRET, redirectUri: 'https://wiki.example/callback' };
const strict: TestApplication = { ...wiki, clientId: 'strict', redirectUri: 'https://strict.example/callback' };
const SPA = 'http://localhost:4999/callback';
const YAML = `
admins: ['test:boss@test.tmi']
client_callbacks: [{ client_id: spa, url: '${SPA}' }]
applications:
  - { client_id: phone, name: Phone, redirect_uris: ['${phone.redirectUri}'], resources: ['${API}'] }
  - { client_id: wiki, client_secret: ${SECRET}, name: Wiki, redirect_uris: [${wiki.redirectUri}], consent: skip }
  - { client_id: strict, client_secret: ${SECRET}, name: Strict, redirect_uris: [${strict.redirectUri}], consent: skip,
      dpop_bound_access_tokens: true }
`;
const ALGORITHMS = 'RS256 PS256 ES256 ES384 ES512 EdDSA Ed25519';

let installation: Installation;
let server: string;
let issuer: string;
let key: DpopKey;
let other: DpopKey;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
  server = installation.server.url;
  issuer = installation.server.publicUrl;
  [key, other] = [await newDpopKey(), await newDpopKey()];
});
afterAll(() => installation.stop());

type Fields = Readonly<Record<string, string>>;
type Proving = DpopKey | undefined;

/** The headers that a token request of this application has, with a proof by `by`. */
async function headersOf({ clientId, clientSecret }: TestApplication, by: Proving, path = '/oauth2/token') {
  return {
    ...(clientSecret === undefined ? {} : basic(clientId, clientSecret)),
    ...(by === undefined ? {} : { dpop: await by.prove('POST', `${issuer}${path}`) }),
  };
}

/** The fields that exchange a new code of this person. */
async function codeOf(
  application: TestApplication,
  person: string,
  parameters: Readonly<Record<string, string | undefined>> = {},
): Promise<Fields> {
  const { verifier, challenge } = pkcePair();
  const asked = { login_hint: person, code_challenge: challenge, code_challenge_method: 'S256', ...parameters };
  const { answer } = await walk(new Browser(), applicationUrl(server, application, asked), application.redirectUri);
  const code = answer.searchParams.get('code');
  if (code === null) throw new Error(`no code in ${answer.href}`);
  const named: Fields = application.clientSecret === undefined ? { client_id: application.clientId } : {};
  const fields = { grant_type: 'authorization_code', code, redirect_uri: application.redirectUri };
  return { ...fields, code_verifier: verifier, ...named };
}

const tokenOf = async (application: TestApplication, fields: Fields, by: Proving) =>
  form(`${server}/oauth2/token`, fields, await headersOf(application, by));

async function boundTokens(application: TestApplication, person: string, by: DpopKey = key, parameters = {}) {
  const answer = await tokenOf(application, await codeOf(application, person, parameters), by);
  expect(answer).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
  const body = answer.body as Record<string, string>;
  return { access: String(body['access_token']), refresh: String(body['refresh_token']) };
}

const refresh = (application: TestApplication, token: string, by: Proving) => {
  const named: Fields = application.clientSecret === undefined ? { client_id: application.clientId } : {};
  return tokenOf(application, { grant_type: 'refresh_token', refresh_token: token, ...named }, by);
};

const userinfo = (headers: Record<string, string>) => send('GET', `${server}/oauth2/userinfo`, { headers });

async function showing(token: string, by: DpopKey = key, method = 'GET', path = '/oauth2/userinfo') {
  return { authorization: `DPoP ${token}`, dpop: await by.prove(method, `${issuer}${path}`, token) };
}

function expectRefused(answer: Answer, status: number, error: string): void {
  expect(answer).toMatchObject({ status, body: { error, error_description: expect.any(String) } });
}

describe('RFC 9449 §5 the token endpoint', () => {
  it.each([
    ['a public application', phone],
    ['a confidential one', wiki],
  ])('binds the access token of %s to the key of the proof', async (_kind, application) => {
    const answer = await tokenOf(application, await codeOf(application, 'ann'), key);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject(NO_STORE);
    expect(answer.body).toMatchObject({ token_type: 'DPoP', refresh_token: expect.any(String) });
    expect(claimsOf(String(answer.body['access_token']))['cnf']).toEqual({ jkt: key.jkt });
    expect(claimsOf(String(answer.body['id_token']))['cnf']).toBeUndefined();
  });

  it('without a proof nothing changes: a bearer token', async () => {
    const answer = await tokenOf(phone, await codeOf(phone, 'ann'), undefined);
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    expect(claimsOf(String(answer.body['access_token']))['cnf']).toBeUndefined();
    const { body } = await refresh(phone, String(answer.body['refresh_token']), undefined);
    expect(body['token_type']).toBe('Bearer');
  });

  it('answers invalid_dpop_proof with 400, and the code stays good', async () => {
    const fields = await codeOf(phone, 'ann');
    const wrong = [
      await key.prove('POST', `${issuer}/oauth2/par`),
      await key.prove('GET', `${issuer}/oauth2/token`),
      await key.prove('POST', `${issuer}/oauth2/token`, undefined, { signWith: other.privateKey }),
      await key.prove('POST', `${issuer}/oauth2/token`, undefined, { claims: { iat: 1 } }),
      'nonsense',
    ];
    for (const dpop of wrong) {
      const answer = await form(`${server}/oauth2/token`, fields, { dpop });
      expectRefused(answer, 400, 'invalid_dpop_proof');
      expect(answer.headers['www-authenticate']).toBeUndefined();
    }
    expect((await tokenOf(phone, fields, key)).status).toBe(200);
  });

  it('§4.3: refuses two proofs in one request', async () => {
    const target = `${issuer}/oauth2/token`;
    const proofs = [await key.prove('POST', target), await key.prove('POST', target)];
    const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded' });
    for (const proof of proofs) headers.append('dpop', proof);
    const body = new URLSearchParams(await codeOf(phone, 'ann'));
    const response = await fetch(`${server}/oauth2/token`, { method: 'POST', headers, body });
    expect([response.status, (await response.json()) as object]).toMatchObject([400, { error: 'invalid_dpop_proof' }]);
  });

  it('§11.1, R22: takes a proof once', async () => {
    const headers = { dpop: await key.prove('POST', `${issuer}/oauth2/token`) };
    expect((await form(`${server}/oauth2/token`, await codeOf(phone, 'ann'), headers)).status).toBe(200);
    expectRefused(await form(`${server}/oauth2/token`, await codeOf(phone, 'ann'), headers), 400, 'invalid_dpop_proof');
  });

  it('D3: goes by the issuer, not by the Host header', async () => {
    const lured = { host: 'evil.example', dpop: await key.prove('POST', 'http://evil.example/oauth2/token') };
    const fields = await codeOf(phone, 'ann');
    expectRefused(await form(`${server}/oauth2/token`, fields, lured), 400, 'invalid_dpop_proof');
    const headers = { host: 'evil.example', ...(await headersOf(phone, key)) };
    expect((await form(`${server}/oauth2/token`, fields, headers)).status).toBe(200);
  });

  it('binds what a machine gets as well (RFC 6749 §4.4)', async () => {
    const machine = await machineOf(server, 'boss', { scopes: ['introspect'] });
    const client = { clientId: machine.clientId, clientSecret: machine.secret, redirectUri: '' };
    const { body } = await tokenOf(client, { grant_type: 'client_credentials' }, key);
    expect(body).toMatchObject({ token_type: 'DPoP' });
    const token = String(body['access_token']);
    // D56: a machine is no person, but it has proved itself.
    expect((await userinfo(await showing(token))).status).toBe(403);
    // RFC 7662 §2.1: and may ask by it, which a thief without the key may not.
    const asked = async (headers: Fields) => form(`${server}/oauth2/introspect`, { token }, headers);
    expect((await asked(await showing(token, key, 'POST', '/oauth2/introspect'))).body['active']).toBe(true);
    expectRefused(await asked(bearer(token)), 401, 'invalid_client');
    expectRefused(await asked(await showing(token, other, 'POST', '/oauth2/introspect')), 401, 'invalid_dpop_proof');
  });
});

describe('RFC 9449 §5 refresh tokens', () => {
  it('a public client’s is bound: without the key, or with another one, it is good for nothing', async () => {
    const { refresh: token } = await boundTokens(phone, 'ben');
    expectRefused(await refresh(phone, token, undefined), 400, 'invalid_grant');
    expectRefused(await refresh(phone, token, other), 400, 'invalid_grant');
    const answer = await refresh(phone, token, key);
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    expect(claimsOf(String(answer.body['access_token']))['cnf']).toEqual({ jkt: key.jkt });
    expect((await refresh(phone, String(answer.body['refresh_token']), key)).status).toBe(200);
  });

  it('who has a used one, and not the key, cannot end the session by it (D13)', async () => {
    const { refresh: token } = await boundTokens(phone, 'ben');
    const { body } = await refresh(phone, token, key);
    expectRefused(await refresh(phone, token, undefined), 400, 'invalid_grant');
    expectRefused(await refresh(phone, token, other), 400, 'invalid_grant');
    expect((await refresh(phone, String(body['refresh_token']), key)).status).toBe(200);
  });

  it('is bound from the first refresh that proves a key', async () => {
    const { body } = await tokenOf(phone, await codeOf(phone, 'ben'), undefined);
    const bound = await refresh(phone, String(body['refresh_token']), key);
    expect(bound.body).toMatchObject({ token_type: 'DPoP' });
    const token = String(bound.body['refresh_token']);
    expectRefused(await refresh(phone, token, undefined), 400, 'invalid_grant');
    expect((await refresh(phone, token, key)).status).toBe(200);
  });

  it('a confidential client’s is not: it may change its key, the access token has the new one', async () => {
    const { refresh: token } = await boundTokens(wiki, 'ben');
    const changed = await refresh(wiki, token, other);
    expect(claimsOf(String(changed.body['access_token']))['cnf']).toEqual({ jkt: other.jkt });
    expect((await refresh(wiki, String(changed.body['refresh_token']), undefined)).body['token_type']).toBe('Bearer');
  });

  it('first-party clients have it too, at /oauth2/refresh as well', async () => {
    const { code, verifier } = await codeAsTest(server, 'cleo', SPA);
    const fields = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: SPA };
    const first = await form(`${server}/oauth2/token`, { ...fields, client_id: 'spa' }, await headersOf(phone, key));
    expect(first.body).toMatchObject({ token_type: 'DPoP' });
    const token = String(first.body['refresh_token']);
    const at = async (by: Proving) =>
      form(`${server}/oauth2/refresh`, { refresh_token: token }, await headersOf(phone, by, '/oauth2/refresh'));
    expectRefused(await at(undefined), 401, 'invalid_grant');
    const next = await at(key);
    expect(next.body).toMatchObject({ token_type: 'DPoP' });
    const access = String(next.body['access_token']);
    const me = await send('GET', `${server}/users/me`, { headers: await showing(access, key, 'GET', '/users/me') });
    expect(me).toMatchObject({ status: 200, body: { email: 'cleo@test.tmi' } });
  });
});

describe('RFC 9449 §5.2 dpop_bound_access_tokens', () => {
  it('gives an application that says so no token without a proof, and uses nothing up', async () => {
    const fields = await codeOf(strict, 'dan');
    expectRefused(await tokenOf(strict, fields, undefined), 400, 'invalid_dpop_proof');
    const { body } = await tokenOf(strict, fields, key);
    expect(body).toMatchObject({ token_type: 'DPoP' });
    const token = String(body['refresh_token']);
    expectRefused(await refresh(strict, token, undefined), 400, 'invalid_dpop_proof');
    expect((await refresh(strict, token, key)).status).toBe(200);
  });
});

describe('RFC 9449 §6.2 introspection', () => {
  it('shows the key of an access token and says DPoP', async () => {
    const { access } = await boundTokens(phone, 'eve');
    const { body } = await form(`${server}/oauth2/introspect`, { token: access });
    expect(body).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: key.jkt } });
    const plain = await signInto(server, phone, 'eve');
    const shown = await form(`${server}/oauth2/introspect`, { token: plain.access_token });
    expect(shown.body).toMatchObject({ active: true, token_type: 'Bearer' });
    expect(shown.body).not.toHaveProperty('cnf');
  });

  it('shows the key of a refresh token to who may see it', async () => {
    const machine = await machineOf(server, 'boss', { scopes: ['introspect'] });
    const { refresh: token } = await boundTokens(phone, 'eve');
    const { body } = await form(`${server}/oauth2/introspect`, { token }, basic(machine.clientId, machine.secret));
    expect(body).toMatchObject({ active: true, cnf: { jkt: key.jkt } });
  });
});

describe('RFC 9449 §7.1 a resource of ours', () => {
  it('takes the token with a proof for this request, whatever the case of the scheme', async () => {
    const { access } = await boundTokens(phone, 'fay');
    const { headers, body, status } = await userinfo(await showing(access));
    expect([status, body['email']]).toEqual([200, 'fay@test.tmi']);
    expect(headers['www-authenticate']).toBeUndefined();
    const { dpop } = await showing(access);
    expect((await userinfo({ authorization: `dpop ${access}`, dpop })).status).toBe(200);
    const posted = await form(`${server}/oauth2/userinfo`, {}, await showing(access, key, 'POST'));
    expect(posted.status).toBe(200);
  });

  it('refuses everything else with 401 and the challenge DPoP', async () => {
    const { access } = await boundTokens(phone, 'fay');
    const { access: sibling } = await boundTokens(phone, 'fay');
    const good = await showing(access);
    const target = `${issuer}/oauth2/userinfo`;
    const spent = await showing(access);
    expect((await userinfo(spent)).status).toBe(200);
    const authorization = `DPoP ${access}`;
    const wrong = [
      { authorization },
      spent,
      { authorization, dpop: await other.prove('GET', target, access) },
      { authorization, dpop: await key.prove('GET', target) },
      { authorization, dpop: await key.prove('GET', target, sibling) },
      { authorization, dpop: await key.prove('POST', target, access) },
      { authorization, dpop: await key.prove('GET', `${issuer}/users/me`, access) },
      { authorization, dpop: 'x' },
    ];
    for (const headers of wrong) {
      const answer = await userinfo(headers);
      expectRefused(answer, 401, 'invalid_dpop_proof');
      expect(answer.headers['www-authenticate']).toMatch(
        new RegExp(
          `^DPoP realm="gatehouse", error="invalid_dpop_proof", error_description="[^"]+", algs="${ALGORITHMS}"$`,
        ),
      );
    }
    expect((await userinfo(good)).status).toBe(200);
  });

  it('says invalid_token in the same challenge of a token that is not good', async () => {
    const { access, refresh: token } = await boundTokens(phone, 'gus');
    await form(`${server}/oauth2/revoke`, { token, client_id: 'phone' });
    for (const headers of [await showing(access), await showing('x.y.z')]) {
      const answer = await userinfo(headers);
      expectRefused(answer, 401, 'invalid_token');
      expect(answer.headers['www-authenticate']).toMatch(/^DPoP realm="gatehouse", error="invalid_token", .*algs="/);
    }
  });

  it('refuses a bearer token under this scheme, with whatever proof', async () => {
    const { access_token: token } = await signInto(server, phone, 'gus');
    expectRefused(await userinfo(await showing(token)), 401, 'invalid_token');
  });

  it('says insufficient_scope in the same challenge', async () => {
    const { access } = await boundTokens(wiki, 'gus', key, { scope: 'email' });
    const answer = await userinfo(await showing(access));
    expectRefused(answer, 403, 'insufficient_scope');
    expect(answer.headers['www-authenticate']).toMatch(/^DPoP realm="gatehouse", error="insufficient_scope"/);
  });

  it('D30: opens to an application’s bound token no more than to its other ones', async () => {
    const { access } = await boundTokens(wiki, 'gus');
    for (const path of ['/users/me', '/client-credentials', '/api/v1/organizations/default/applications']) {
      const answer = await send('GET', `${server}${path}`, { headers: await showing(access, key, 'GET', path) });
      expect([path, answer.status]).toEqual([path, 403]);
    }
  });

  it('D28: an organization’s routes take a person’s bound token', async () => {
    const { code, verifier } = await codeAsTest(server, 'boss', SPA);
    const fields = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: SPA };
    const { body } = await form(`${server}/oauth2/token`, fields, await headersOf(phone, key));
    const path = '/api/v1/organizations/default/applications';
    const access = String(body['access_token']);
    const shown = await send('GET', `${server}${path}`, { headers: await showing(access, key, 'GET', path) });
    expect(shown.status).toBe(200);
    const stolen = await send('GET', `${server}${path}`, { headers: { authorization: `DPoP ${access}` } });
    expect(stolen.status).toBe(401);
  });
});

describe('RFC 9449 §7.2 beside the scheme Bearer', () => {
  it('refuses a bound token as a bearer, with its proof or without, and names both schemes', async () => {
    const { access } = await boundTokens(phone, 'hal');
    const { dpop } = await showing(access);
    for (const headers of [bearer(access), { ...bearer(access), dpop }]) {
      const answer = await userinfo(headers);
      expectRefused(answer, 401, 'invalid_token');
      expect(answer.headers['www-authenticate']).toMatch(
        new RegExp(
          `^Bearer realm="gatehouse", error="invalid_token", .+, DPoP realm="gatehouse", algs="${ALGORITHMS}"$`,
        ),
      );
    }
    // D14: nor does it log out, for whoever stole it.
    expect((await form(`${server}/oauth2/revoke`, {}, bearer(access))).status).toBe(401);
    expect((await userinfo(await showing(access))).status).toBe(200);
  });

  it('names both schemes to who sent nothing', async () => {
    const { headers } = await userinfo({});
    expect(headers['www-authenticate']).toBe(`Bearer realm="gatehouse", DPoP realm="gatehouse", algs="${ALGORITHMS}"`);
  });

  it('takes bearer tokens as before', async () => {
    const { access_token: token } = await signInAsTest(server, 'hal');
    expect((await userinfo(bearer(token))).status).toBe(200);
  });
});

describe('D14 logout by a bound token', () => {
  it('ends the session of who proves the key, and of nobody else', async () => {
    const { access, refresh: token } = await boundTokens(phone, 'iris');
    const logout = async (by: DpopKey) =>
      form(`${server}/oauth2/revoke`, {}, await showing(access, by, 'POST', '/oauth2/revoke'));
    expectRefused(await logout(other), 401, 'invalid_dpop_proof');
    expect(await logout(key)).toMatchObject({ status: 200, body: { message: 'Logged out successfully' } });
    expectRefused(await userinfo(await showing(access)), 401, 'invalid_token');
    expectRefused(await refresh(phone, token, key), 400, 'invalid_grant');
  });
});

describe('RFC 9449 §10 dpop_jkt', () => {
  it.each([
    ['a public application', phone],
    ['a confidential one', wiki],
  ])('binds the code of %s to the key', async (_kind, application) => {
    const fields = await codeOf(application, 'ida', { dpop_jkt: key.jkt });
    expectRefused(await tokenOf(application, fields, undefined), 400, 'invalid_grant');
    expectRefused(await tokenOf(application, fields, other), 400, 'invalid_grant');
    expect((await tokenOf(application, fields, key)).status).toBe(200);
  });

  it('binds a first-party client’s code as well', async () => {
    const { verifier, challenge } = pkcePair();
    const url = new URL('/oauth2/authorize', server);
    const asked = { idp: 'test', scope: 'openid', login_hint: 'ida', redirect_uri: SPA, response_type: 'code' };
    url.search = new URLSearchParams({ ...asked, code_challenge: challenge, dpop_jkt: key.jkt }).toString();
    const { answer } = await walk(new Browser(), url, SPA);
    const code = String(answer.searchParams.get('code'));
    const fields = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: SPA };
    expectRefused(await form(`${server}/oauth2/token`, fields), 400, 'invalid_grant');
    expect((await form(`${server}/oauth2/token`, fields, await headersOf(phone, key))).status).toBe(200);
  });

  it('is refused where it is no thumbprint, and where there will be no code', async () => {
    const url = applicationUrl(server, wiki, { dpop_jkt: 'x' });
    const { answer } = await walk(new Browser(), url, wiki.redirectUri);
    expect(answer.searchParams.get('error')).toBe('invalid_request');
    const fragment = new URL('/oauth2/authorize', server);
    const asked = { idp: 'test', scope: 'openid', client_callback: SPA, code_challenge: pkcePair().challenge };
    fragment.search = new URLSearchParams({ ...asked, dpop_jkt: key.jkt }).toString();
    expectRefused(await send('GET', fragment), 400, 'invalid_request');
  });

  it('§10.1: a proof at the PAR endpoint binds the code, and must be of the key of dpop_jkt', async () => {
    const push = async (by: Proving, changes: Fields = {}) => {
      const fields = { client_id: 'wiki', redirect_uri: wiki.redirectUri, response_type: 'code', scope: 'openid' };
      const asked = { ...fields, idp: 'test', login_hint: 'ida', ...changes };
      return form(`${server}/oauth2/par`, asked, await headersOf(wiki, by, '/oauth2/par'));
    };
    expectRefused(await push(other, { dpop_jkt: key.jkt }), 400, 'invalid_request');
    expectRefused(await push(undefined, { dpop_jkt: 'x' }), 400, 'invalid_request');
    const elsewhere = { ...basic('wiki', SECRET), dpop: await key.prove('POST', `${issuer}/oauth2/token`) };
    const misplaced = await form(`${server}/oauth2/par`, { client_id: 'wiki' }, elsewhere);
    expectRefused(misplaced, 400, 'invalid_dpop_proof');
    for (const pushed of [
      await push(key),
      await push(key, { dpop_jkt: key.jkt }),
      await push(undefined, { dpop_jkt: key.jkt }),
    ]) {
      expect(pushed.status).toBe(201);
      const url = new URL('/oauth2/authorize', server);
      const query = { client_id: 'wiki', request_uri: String(pushed.body['request_uri']) };
      url.search = new URLSearchParams(query).toString();
      const { answer } = await walk(new Browser(), url, wiki.redirectUri);
      const code = String(answer.searchParams.get('code'));
      const fields = { grant_type: 'authorization_code', code, redirect_uri: wiki.redirectUri };
      expectRefused(await tokenOf(wiki, fields, other), 400, 'invalid_grant');
      expect((await tokenOf(wiki, fields, key)).status).toBe(200);
    }
  });
});

describe('RFC 9449 §5.1, RFC 9728 §2 metadata', () => {
  it.each(['openid-configuration', 'oauth-authorization-server', 'oauth-protected-resource'])(
    '%s names the algorithms',
    async (document) => {
      const { body } = await send('GET', `${server}/.well-known/${document}`);
      expect(body['dpop_signing_alg_values_supported']).toEqual(ALGORITHMS.split(' '));
    },
  );

  it('our own API takes tokens that are bound to nothing as well', async () => {
    const { body } = await send('GET', `${server}/.well-known/oauth-protected-resource`);
    expect(body['dpop_bound_access_tokens_required']).toBe(false);
  });
});

describe('RFC 7009 beside DPoP', () => {
  it('an access token and a refresh token are taken back as ever', async () => {
    const { access, refresh: token } = await boundTokens(phone, 'jon');
    expect((await form(`${server}/oauth2/revoke`, { token: access, client_id: 'phone' })).status).toBe(200);
    expectRefused(await userinfo(await showing(access)), 401, 'invalid_token');
    expect((await form(`${server}/oauth2/revoke`, { token, client_id: 'phone' })).status).toBe(200);
    expectRefused(await refresh(phone, token, key), 400, 'invalid_grant');
  });
});

describe('RFC 8725 §3.12 kinds of JWT', () => {
  it('neither an access token nor an ID token is a proof', async () => {
    const { body } = await tokenOf(phone, await codeOf(phone, 'kim'), key);
    for (const dpop of [String(body['access_token']), String(body['id_token'])]) {
      const answer = await form(`${server}/oauth2/token`, await codeOf(phone, 'kim'), { dpop });
      expectRefused(answer, 400, 'invalid_dpop_proof');
    }
  });
});

describe('R31 nothing of a proof is logged', () => {
  it('neither a good one nor a bad one', async () => {
    const good = await key.prove('POST', `${issuer}/oauth2/token`);
    const bad = await key.prove('POST', `${issuer}/oauth2/par`);
    for (const dpop of [good, bad]) await form(`${server}/oauth2/token`, { grant_type: 'x' }, { dpop });
    const log = await installation.server.logged();
    for (const proof of [good, bad]) expect(log).not.toContain(proof);
  });
});
