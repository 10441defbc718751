import { applicationUrl, signInto, walk } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { answerDevice, beginDevice, DEVICE_CODE_GRANT } from '../harness/device.js';
import type { DpopKey } from '../harness/dpop-key.js';
import { bearer, claimsOf, codeAsTest, pkcePair } from '../harness/sign-in.js';
import {
  ALGORITHMS,
  DpopSuite,
  expectRefused,
  phone,
  SECRET,
  SPA,
  strict,
  tv,
  wiki,
  type Fields,
  type Proving,
} from './dpop-suite.js';
import { basic, form, machineOf, NO_STORE, send } from './http.js';

let suite: DpopSuite;
let server: string;
let issuer: string;
let key: DpopKey;
let other: DpopKey;

beforeAll(async () => {
  suite = await DpopSuite.start();
  ({ server, issuer, key, other } = suite);
});
afterAll(() => suite.installation.stop());

describe('RFC 9449 §5 the token endpoint', () => {
  it.each([
    ['a public application', phone],
    ['a confidential one', wiki],
  ])('binds the access token of %s to the key of the proof', async (_kind, application) => {
    const answer = await suite.tokenOf(application, await suite.codeOf(application, 'ann'), key);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject(NO_STORE);
    expect(answer.body).toMatchObject({ token_type: 'DPoP', refresh_token: expect.any(String) });
    expect(claimsOf(String(answer.body['access_token']))['cnf']).toEqual({ jkt: key.jkt });
    expect(claimsOf(String(answer.body['id_token']))['cnf']).toBeUndefined();
  });

  it('without a proof nothing changes: a bearer token', async () => {
    const answer = await suite.tokenOf(phone, await suite.codeOf(phone, 'ann'), undefined);
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    expect(claimsOf(String(answer.body['access_token']))['cnf']).toBeUndefined();
    const { body } = await suite.refresh(phone, String(answer.body['refresh_token']), undefined);
    expect(body['token_type']).toBe('Bearer');
  });

  it('answers invalid_dpop_proof with 400, and the code stays good', async () => {
    const fields = await suite.codeOf(phone, 'ann');
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
    expect((await suite.tokenOf(phone, fields, key)).status).toBe(200);
  });

  it('§4.3: refuses two proofs in one request', async () => {
    const target = `${issuer}/oauth2/token`;
    const proofs = [await key.prove('POST', target), await key.prove('POST', target)];
    const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded' });
    for (const proof of proofs) headers.append('dpop', proof);
    const body = new URLSearchParams(await suite.codeOf(phone, 'ann'));
    const response = await fetch(`${server}/oauth2/token`, { method: 'POST', headers, body });
    expect([response.status, (await response.json()) as object]).toMatchObject([400, { error: 'invalid_dpop_proof' }]);
  });

  it('§11.1, R22: takes a proof once', async () => {
    const headers = { dpop: await key.prove('POST', `${issuer}/oauth2/token`) };
    expect((await form(`${server}/oauth2/token`, await suite.codeOf(phone, 'ann'), headers)).status).toBe(200);
    expectRefused(
      await form(`${server}/oauth2/token`, await suite.codeOf(phone, 'ann'), headers),
      400,
      'invalid_dpop_proof',
    );
  });

  it('D3: goes by the issuer, not by the Host header', async () => {
    const lured = { host: 'evil.example', dpop: await key.prove('POST', 'http://evil.example/oauth2/token') };
    const fields = await suite.codeOf(phone, 'ann');
    expectRefused(await form(`${server}/oauth2/token`, fields, lured), 400, 'invalid_dpop_proof');
    const headers = { host: 'evil.example', ...(await suite.headersOf(phone, key)) };
    expect((await form(`${server}/oauth2/token`, fields, headers)).status).toBe(200);
  });

  it('binds what a machine gets as well (RFC 6749 §4.4)', async () => {
    const machine = await machineOf(server, 'boss', { scopes: ['introspect'] });
    const client = { clientId: machine.clientId, clientSecret: machine.secret, redirectUri: '' };
    const { body } = await suite.tokenOf(client, { grant_type: 'client_credentials' }, key);
    expect(body).toMatchObject({ token_type: 'DPoP' });
    const token = String(body['access_token']);
    // D56: a machine is no person, but it has proved itself.
    expect((await suite.userinfo(await suite.showing(token))).status).toBe(403);
    // RFC 7662 §2.1: and may ask by it, which a thief without the key may not.
    const asked = async (headers: Fields) => form(`${server}/oauth2/introspect`, { token }, headers);
    expect((await asked(await suite.showing(token, key, 'POST', '/oauth2/introspect'))).body['active']).toBe(true);
    expectRefused(await asked(bearer(token)), 401, 'invalid_client');
    expectRefused(
      await asked(await suite.showing(token, other, 'POST', '/oauth2/introspect')),
      401,
      'invalid_dpop_proof',
    );
  });
});

describe('RFC 9449 §5 refresh tokens', () => {
  it('a public client’s is bound: without the key, or with another one, it is good for nothing', async () => {
    const { refresh: token } = await suite.boundTokens(phone, 'ben');
    expectRefused(await suite.refresh(phone, token, undefined), 400, 'invalid_grant');
    expectRefused(await suite.refresh(phone, token, other), 400, 'invalid_grant');
    const answer = await suite.refresh(phone, token, key);
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    expect(claimsOf(String(answer.body['access_token']))['cnf']).toEqual({ jkt: key.jkt });
    expect((await suite.refresh(phone, String(answer.body['refresh_token']), key)).status).toBe(200);
  });

  it('who has a used one, and not the key, cannot end the session by it (D13)', async () => {
    const { refresh: token } = await suite.boundTokens(phone, 'ben');
    const { body } = await suite.refresh(phone, token, key);
    expectRefused(await suite.refresh(phone, token, undefined), 400, 'invalid_grant');
    expectRefused(await suite.refresh(phone, token, other), 400, 'invalid_grant');
    expect((await suite.refresh(phone, String(body['refresh_token']), key)).status).toBe(200);
  });

  it('is bound from the first refresh that proves a key', async () => {
    const { body } = await suite.tokenOf(phone, await suite.codeOf(phone, 'ben'), undefined);
    const bound = await suite.refresh(phone, String(body['refresh_token']), key);
    expect(bound.body).toMatchObject({ token_type: 'DPoP' });
    const token = String(bound.body['refresh_token']);
    expectRefused(await suite.refresh(phone, token, undefined), 400, 'invalid_grant');
    expect((await suite.refresh(phone, token, key)).status).toBe(200);
  });

  it('a confidential client’s is not: it may change its key, the access token has the new one', async () => {
    const { refresh: token } = await suite.boundTokens(wiki, 'ben');
    const changed = await suite.refresh(wiki, token, other);
    expect(claimsOf(String(changed.body['access_token']))['cnf']).toEqual({ jkt: other.jkt });
    expect((await suite.refresh(wiki, String(changed.body['refresh_token']), undefined)).body['token_type']).toBe(
      'Bearer',
    );
  });

  it('first-party clients have it too, at /oauth2/refresh as well', async () => {
    const { code, verifier } = await codeAsTest(server, 'cleo', SPA);
    const fields = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: SPA };
    const first = await form(
      `${server}/oauth2/token`,
      { ...fields, client_id: 'spa' },
      await suite.headersOf(phone, key),
    );
    expect(first.body).toMatchObject({ token_type: 'DPoP' });
    const token = String(first.body['refresh_token']);
    const at = async (by: Proving) =>
      form(`${server}/oauth2/refresh`, { refresh_token: token }, await suite.headersOf(phone, by, '/oauth2/refresh'));
    expectRefused(await at(undefined), 401, 'invalid_grant');
    const next = await at(key);
    expect(next.body).toMatchObject({ token_type: 'DPoP' });
    const access = String(next.body['access_token']);
    const me = await send('GET', `${server}/users/me`, {
      headers: await suite.showing(access, key, 'GET', '/users/me'),
    });
    expect(me).toMatchObject({ status: 200, body: { email: 'cleo@test.tmi' } });
  });
});

describe('RFC 9449 §5.2 dpop_bound_access_tokens', () => {
  it('gives an application that says so no token without a proof, and uses nothing up', async () => {
    const fields = await suite.codeOf(strict, 'dan');
    expectRefused(await suite.tokenOf(strict, fields, undefined), 400, 'invalid_dpop_proof');
    const { body } = await suite.tokenOf(strict, fields, key);
    expect(body).toMatchObject({ token_type: 'DPoP' });
    const token = String(body['refresh_token']);
    expectRefused(await suite.refresh(strict, token, undefined), 400, 'invalid_dpop_proof');
    expect((await suite.refresh(strict, token, key)).status).toBe(200);
  });
});

describe('RFC 9449 §5 the device grant (RFC 8628)', () => {
  it('binds what a device gets, and keeps to §5.2 before the code is used up', async () => {
    const codes = await beginDevice(server, tv);
    await answerDevice(new Browser(), codes);
    const fields = { grant_type: DEVICE_CODE_GRANT, device_code: codes.device_code, client_id: 'tv' };
    expectRefused(await suite.tokenOf(tv, fields, undefined), 400, 'invalid_dpop_proof');
    const { body } = await suite.tokenOf(tv, fields, key);
    expect(body).toMatchObject({ token_type: 'DPoP' });
    expect(claimsOf(String(body['access_token']))['cnf']).toEqual({ jkt: key.jkt });
    const token = String(body['refresh_token']);
    expectRefused(await suite.refresh(tv, token, other), 400, 'invalid_grant');
    expect((await suite.refresh(tv, token, key)).status).toBe(200);
  });
});

describe('RFC 9449 §6.2 introspection', () => {
  it('shows the key of an access token and says DPoP', async () => {
    const { access } = await suite.boundTokens(phone, 'eve');
    const { body } = await form(`${server}/oauth2/introspect`, { token: access });
    expect(body).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: key.jkt } });
    const plain = await signInto(server, phone, 'eve');
    const shown = await form(`${server}/oauth2/introspect`, { token: plain.access_token });
    expect(shown.body).toMatchObject({ active: true, token_type: 'Bearer' });
    expect(shown.body).not.toHaveProperty('cnf');
  });

  it('shows the key of a refresh token to who may see it', async () => {
    const machine = await machineOf(server, 'boss', { scopes: ['introspect'] });
    const { refresh: token } = await suite.boundTokens(phone, 'eve');
    const { body } = await form(`${server}/oauth2/introspect`, { token }, basic(machine.clientId, machine.secret));
    expect(body).toMatchObject({ active: true, cnf: { jkt: key.jkt } });
  });
});

describe('RFC 9449 §10 dpop_jkt', () => {
  it.each([
    ['a public application', phone],
    ['a confidential one', wiki],
  ])('binds the code of %s to the key', async (_kind, application) => {
    const fields = await suite.codeOf(application, 'ida', { dpop_jkt: key.jkt });
    expectRefused(await suite.tokenOf(application, fields, undefined), 400, 'invalid_grant');
    expectRefused(await suite.tokenOf(application, fields, other), 400, 'invalid_grant');
    expect((await suite.tokenOf(application, fields, key)).status).toBe(200);
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
    expect((await form(`${server}/oauth2/token`, fields, await suite.headersOf(phone, key))).status).toBe(200);
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
      return form(`${server}/oauth2/par`, asked, await suite.headersOf(wiki, by, '/oauth2/par'));
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
      expectRefused(await suite.tokenOf(wiki, fields, other), 400, 'invalid_grant');
      expect((await suite.tokenOf(wiki, fields, key)).status).toBe(200);
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
    const { access, refresh: token } = await suite.boundTokens(phone, 'jon');
    expect((await form(`${server}/oauth2/revoke`, { token: access, client_id: 'phone' })).status).toBe(200);
    expectRefused(await suite.userinfo(await suite.showing(access)), 401, 'invalid_token');
    expect((await form(`${server}/oauth2/revoke`, { token, client_id: 'phone' })).status).toBe(200);
    expectRefused(await suite.refresh(phone, token, key), 400, 'invalid_grant');
  });
});

describe('RFC 8725 §3.12 kinds of JWT', () => {
  it('neither an access token nor an ID token is a proof', async () => {
    const { body } = await suite.tokenOf(phone, await suite.codeOf(phone, 'kim'), key);
    for (const dpop of [String(body['access_token']), String(body['id_token'])]) {
      const answer = await form(`${server}/oauth2/token`, await suite.codeOf(phone, 'kim'), { dpop });
      expectRefused(answer, 400, 'invalid_dpop_proof');
    }
  });
});

describe('R31 nothing of a proof is logged', () => {
  it('neither a good one nor a bad one', async () => {
    const good = await key.prove('POST', `${issuer}/oauth2/token`);
    const bad = await key.prove('POST', `${issuer}/oauth2/par`);
    for (const dpop of [good, bad]) await form(`${server}/oauth2/token`, { grant_type: 'x' }, { dpop });
    const log = await suite.installation.server.logged();
    for (const proof of [good, bad]) expect(log).not.toContain(proof);
  });
});
