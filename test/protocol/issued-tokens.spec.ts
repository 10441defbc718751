import { createHash } from 'node:crypto';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { codeAsTest, claimsOf, pkcePair, signInAsTest, testAuthorizeUrl } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, json, machineOf, send, type Machine } from './http.js';

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

describe('D33 the ID token', () => {
  it('is signed with RS256 by a published key, for the client, with nonce, sid, auth_time and at_hash', async () => {
    const { verifier, challenge } = pkcePair();
    const authorize = testAuthorizeUrl(issuer, {
      login_hint: 'ada',
      client_callback: CALLBACK,
      client_id: 'web',
      response_type: 'code',
      code_challenge: challenge,
      nonce: 'n-0S6_WzA2Mj',
    });
    const answered = await send('GET', authorize);
    const code = new URL(answered.headers.location ?? '').searchParams.get('code') ?? '';
    const grant = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: CALLBACK };
    const { body } = await form(endpoint, grant);
    const [idToken, accessToken] = [String(body['id_token']), String(body['access_token'])];
    expect(decodeProtectedHeader(idToken)).toMatchObject({ alg: 'RS256', typ: 'JWT' });
    const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(idToken, keys, { issuer, audience: 'web', algorithms: ['RS256'] });
    const access = claimsOf(accessToken);
    expect(payload).toMatchObject({
      sub: access['sub'],
      sid: access['sid'],
      nonce: 'n-0S6_WzA2Mj',
      email: 'ada@test.tmi',
      at_hash: createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url'),
    });
    expect(Math.abs(Number(payload['auth_time']) - Date.now() / 1000)).toBeLessThan(60);
    await jwtVerify(accessToken, keys, { issuer, audience: issuer, typ: 'at+jwt', algorithms: ['ES256'] });
  });

  it('does not come in fragments or as JSON', async () => {
    expect(await signInAsTest(issuer, 'ada')).not.toHaveProperty('id_token');
    const answered = await send('GET', testAuthorizeUrl(issuer, { login_hint: 'ada', client_callback: CALLBACK }));
    const fragment = new URLSearchParams(new URL(answered.headers.location ?? '').hash.slice(1));
    expect(fragment.get('access_token')).toBeTruthy();
    expect(fragment.has('id_token')).toBe(false);
  });

  it('is no bearer', async () => {
    const { body } = await form(endpoint, await exchange('ada'));
    const authorization = `Bearer ${String(body['id_token'])}`;
    expect((await send('GET', `${issuer}/oauth2/userinfo`, { headers: { authorization } })).status).toBe(401);
    const introspected = await form(`${issuer}/oauth2/introspect`, { token: String(body['id_token']) });
    expect(introspected.text).toBe('{"active":false}');
  });
});

describe('D13 refreshing', () => {
  it('answers a bad token with 401 at /oauth2/refresh and 400 at /oauth2/token', async () => {
    const refresh_token = 'gth_rt_bad';
    const seed = await json(`${issuer}/oauth2/refresh`, { refresh_token });
    expect([seed.status, seed.body['error']]).toEqual([401, 'invalid_grant']);
    expect(seed.headers['www-authenticate']).toMatch(/^Bearer /);
    const rfc = await json(endpoint, { grant_type: 'refresh_token', refresh_token });
    expect([rfc.status, rfc.body['error']]).toEqual([400, 'invalid_grant']);
  });

  it.each([
    ['by the fragment', { client_callback: CALLBACK }],
    ['by JSON, under our own name', {}],
  ])('works for a session that came %s', async (_how, parameters) => {
    const answered = await send('GET', testAuthorizeUrl(issuer, { login_hint: 'ada', ...parameters }));
    const { location } = answered.headers;
    const tokens =
      location === undefined ? answered.body : Object.fromEntries(new URLSearchParams(new URL(location).hash.slice(1)));
    const first = await json(`${issuer}/oauth2/refresh`, { refreshToken: tokens['refresh_token'] });
    expect(first.status).toBe(200);
    expect(first.body['refresh_token']).not.toBe(tokens['refresh_token']);
    const second = await form(endpoint, {
      grant_type: 'refresh_token',
      refresh_token: String(first.body['refresh_token']),
    });
    expect(second.status).toBe(200);
    expect(claimsOf(String(second.body['access_token']))['sid']).toBe(claimsOf(String(tokens['access_token']))['sid']);
  });

  it('RFC 6749 §6: narrows the scope and never widens it', async () => {
    const { refresh_token } = await signInAsTest(issuer, 'ada', { scope: 'openid email' });
    const wider = await form(endpoint, { grant_type: 'refresh_token', refresh_token, scope: 'openid email profile' });
    expect([wider.status, wider.body['error']]).toEqual([400, 'invalid_scope']);
    const narrower = await form(endpoint, { grant_type: 'refresh_token', refresh_token, scope: 'openid' });
    expect(narrower.body['scope']).toBe('openid');
    expect(claimsOf(String(narrower.body['access_token']))).not.toHaveProperty('email');
    const again = await form(endpoint, {
      grant_type: 'refresh_token',
      refresh_token: String(narrower.body['refresh_token']),
    });
    expect(again.body['scope']).toBe('openid email');
  });

  it('is refused to another client, which does not hurt the owner', async () => {
    const { body } = await form(endpoint, await exchange('ada'));
    const refresh_token = String(body['refresh_token']);
    const grant = { grant_type: 'refresh_token', refresh_token };
    const stranger = await form(endpoint, { ...grant, client_id: 'https://other.example/callback' });
    expect([stranger.status, stranger.body['error']]).toEqual([400, 'invalid_grant']);
    const thief = await form(endpoint, grant, basic(machine.clientId, machine.secret));
    expect([thief.status, thief.body['error']]).toEqual([400, 'invalid_grant']);
    expect((await form(endpoint, { ...grant, client_id: 'web' })).status).toBe(200);
  });

  it('R21: a stolen token ends everything of its session', async () => {
    const { body } = await form(endpoint, await exchange('robbed'));
    const stolen = String(body['refresh_token']);
    const turn = async (token: string) =>
      (await form(endpoint, { grant_type: 'refresh_token', refresh_token: token })).body;
    const second = await turn(stolen);
    const third = await turn(String(second['refresh_token']));
    expect((await turn(stolen))['error']).toBe('invalid_grant');
    expect((await turn(String(third['refresh_token'])))['error']).toBe('invalid_grant');
    for (const token of [body, second, third].map((tokens) => String(tokens['access_token'])))
      expect((await form(`${issuer}/oauth2/introspect`, { token })).text).toBe('{"active":false}');
  });
});
