import { Browser } from '../harness/browser.js';
import { freePort } from '../harness/gatehouse.js';
import { claimsOf, signInAsTest, testAuthorizeUrl } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { form, NO_STORE, send } from './http.js';
import { locationOf, loginUpstream } from './upstream.js';

const CALLBACK = 'https://app.example/callback?tenant=1';

let installation: Installation;
let issuer: string;

beforeAll(async () => {
  const port = await freePort();
  installation = await startInstallation({
    env: { TEST_IDP_PORT: String(port) },
    yaml: `
client_callbacks: [{ client_id: web, url: "${CALLBACK}" }, "http://127.0.0.1:9000/native"]
admins: ["dev:idp-alice"]
`,
  });
  issuer = installation.server.publicUrl;
});
afterAll(() => installation.stop());

/** A request for a login at the test IdP; by default for a code at the client `web`. */
function authorizeUrl(parameters: Record<string, string> = {}): URL {
  return testAuthorizeUrl(issuer, {
    idp: 'dev',
    client_callback: CALLBACK,
    response_type: 'code',
    state: 'client-state',
    ...parameters,
  });
}
function without(url: URL, ...names: string[]): URL {
  const shorter = new URL(url);
  for (const name of names) shorter.searchParams.delete(name);
  return shorter;
}
const api = { accept: 'application/json' };

describe('D34 R18 RFC 9700 §4.11 a request that is not good', () => {
  it.each([
    ['an unknown target', { client_callback: 'https://evil.example/' }, 'invalid_request'],
    ['an unknown client', { client_id: 'nobody' }, 'invalid_request'],
    ['two targets', { redirect_uri: 'https://evil.example/' }, 'invalid_request'],
    ['another response_type', { response_type: 'token' }, 'unsupported_response_type'],
    ['an unknown provider', { idp: 'nobody' }, 'invalid_request'],
    ['a provider id that is none', { idp: '../x' }, 'invalid_request'],
    ['no challenge', { code_challenge: '' }, 'invalid_request'],
    ['the plain method', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a scope without openid', { scope: 'profile' }, 'invalid_scope'],
    ['no scope', { scope: '' }, 'invalid_scope'],
    ['another resource', { resource: 'https://api.example' }, 'invalid_target'],
  ])('%s is answered here and never by a redirect', async (_what, change, error) => {
    const url = authorizeUrl(change);
    const answer = await send('GET', url, { headers: api });
    expect([answer.status, answer.body['error'], answer.headers.location]).toEqual([400, error, undefined]);
    expect(answer.headers['cache-control']).toBe('no-store');
    const page = await new Browser().request(url);
    expect([page.status, page.headers.get('location')]).toEqual([400, null]);
    expect(page.headers.getSetCookie()).toEqual([]);
    expect(await page.text()).toContain(`<code>${error}</code>`);
  });

  it.each([
    ['a code', {}],
    ['tokens in the fragment', { response_type: '' }],
    ['tokens as JSON', { response_type: '', client_callback: '', redirect_uri: '', client_id: '' }],
  ])('D9: a request for %s without a challenge', async (_what, change) => {
    const url = without(authorizeUrl(change), 'code_challenge', 'code_challenge_method');
    const { status, body } = await send('GET', url, { headers: api });
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
    expect(body['error_description']).toContain('code_challenge');
  });

  it('§3.1 D11: a parameter twice', async () => {
    const url = authorizeUrl();
    url.searchParams.append('scope', 'openid');
    const { status, body } = await send('GET', url, { headers: api });
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
    const posted = await form(`${issuer}/oauth2/authorize`, [...url.searchParams], api);
    expect([posted.status, posted.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('what the caller wrote is text on the page', async () => {
    const page = await new Browser().request(authorizeUrl({ idp: '"><script>alert(1)</script>', state: '<b>' }));
    expect(await page.text()).not.toMatch(/<script|<b>/);
  });
});

describe('D11 RFC 6749 §3.1 POST /oauth2/authorize', () => {
  it('is the same, and the browser goes on by GET (D38)', async () => {
    const browser = new Browser();
    const answer = await browser.request(`${issuer}/oauth2/authorize`, {
      method: 'POST',
      body: new URLSearchParams([...authorizeUrl().searchParams]),
    });
    expect(answer.status).toBe(303);
    const upstream = await locationOf(answer);
    const target = await locationOf(await browser.request(await loginUpstream(browser, upstream, 'alice')));
    expect(target.searchParams.get('code')).toMatch(/^gth_ac_/);
    const test = [...authorizeUrl({ idp: 'test', login_hint: 'ada' }).searchParams];
    expect((await form(`${issuer}/oauth2/authorize`, test)).status).toBe(303);
  });
});

describe('D38 pages and answers in a browser', () => {
  it('a page has no script, no frame around it and no form', async () => {
    const page = await new Browser().request(authorizeUrl({ idp: 'nobody' }));
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'none'");
    expect(policy).not.toMatch(/unsafe|script-src/);
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await page.text()).not.toMatch(/<script|<style|<form|<iframe| style=| on\w+=/i);
  });

  it.each([
    '/.well-known/openid-configuration',
    '/oauth2/providers',
    '/oauth2/userinfo',
    '/oauth2/callback',
    '/nowhere',
  ])('%s carries the headers of every answer', async (path) => {
    const { headers } = await send('GET', issuer + path);
    expect(headers).toMatchObject({ 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' });
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  });

  it('registered origins may read, without credentials; others may not', async () => {
    const ask = (path: string, origin: string) => send('GET', issuer + path, { headers: { origin } });
    const ours = await ask('/oauth2/providers', 'https://app.example');
    expect(ours.headers['access-control-allow-origin']).toBe('https://app.example');
    expect(ours.headers['access-control-allow-credentials']).toBeUndefined();
    expect(ours.headers.vary).toContain('Origin');
    for (const origin of ['https://evil.example', 'https://app.example.evil.example', 'null'])
      expect((await ask('/oauth2/providers', origin)).headers['access-control-allow-origin']).toBeUndefined();
  });

  it('nobody’s script reads authorize or callback', async () => {
    for (const path of ['/oauth2/authorize', '/oauth2/callback', '/oauth2/callback/dev', '/oauth2/%61uthorize']) {
      for (const method of ['GET', 'OPTIONS']) {
        const headers = { origin: 'https://app.example', 'access-control-request-method': 'GET' };
        const answer = await send(method, issuer + path, { headers });
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      }
    }
  });
});

describe('D3 one issuer', () => {
  const spoofed = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
  const forwarded = { ...spoofed, forwarded: 'host=evil.example;proto=https' };

  it.each([
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/.well-known/oauth-protected-resource',
    '/oauth2/providers',
  ])('%s says the same whatever the Host header says', async (path) => {
    const honest = await send('GET', issuer + path);
    const lied = await send('GET', issuer + path, { headers: forwarded });
    expect(honest.text).toContain(issuer);
    expect(lied.text).toBe(honest.text);
  });

  it('nor do redirects and tokens change', async () => {
    const upstream = await send('GET', authorizeUrl(), { headers: forwarded });
    const address = new URL(upstream.headers.location ?? '').searchParams.get('redirect_uri');
    expect(address).toBe(`${issuer}/oauth2/callback`);
    const signedIn = await send('GET', without(authorizeUrl({ idp: 'test' }), 'client_callback', 'response_type'), {
      headers: forwarded,
    });
    expect(claimsOf(String(signedIn.body['access_token']))).toMatchObject({ iss: issuer, aud: issuer });
  });

  it('RFC 8414 §3.3: the documents name it as they are found under it', async () => {
    const { body } = await send('GET', `${issuer}/.well-known/openid-configuration`);
    expect(body['issuer']).toBe(issuer);
    expect(body['authorization_response_iss_parameter_supported']).toBe(true);
    for (const [name, value] of Object.entries(body))
      if (name.endsWith('_endpoint') || name === 'jwks_uri') expect(String(value).startsWith(`${issuer}/`)).toBe(true);
  });
});

describe('D55 D22 which provider', () => {
  it('without idp it is test, where that runs', async () => {
    const { access_token } = await signInAsTest(issuer, 'ada');
    expect(claimsOf(access_token)['idp']).toBe('test');
    const url = without(authorizeUrl({ login_hint: 'ada' }), 'idp');
    expect(new URL((await send('GET', url)).headers.location ?? '').searchParams.get('code')).toMatch(/^gth_ac_/);
  });

  it('D10: test completes at once and needs no cookie', async () => {
    const answer = await send('GET', authorizeUrl({ idp: 'test', login_hint: 'ada' }));
    expect(answer.status).toBe(302);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.headers).toMatchObject(NO_STORE);
  });

  it('the list names all, each with its addresses', async () => {
    const { body } = await send('GET', `${issuer}/oauth2/providers`);
    expect(body['providers']).toEqual(
      expect.arrayContaining([
        {
          id: 'dev',
          name: expect.any(String),
          icon: expect.any(String),
          auth_url: `${issuer}/oauth2/authorize?idp=dev`,
          token_url: `${issuer}/oauth2/token?idp=dev`,
          redirect_uri: `${issuer}/oauth2/callback`,
          client_id: 'gatehouse',
        },
        expect.objectContaining({ id: 'test', redirect_uri: `${issuer}/oauth2/callback` }),
      ]),
    );
    // A secret of a provider is nobody's to see.
    expect(JSON.stringify(body)).not.toContain('gatehouse-development-secret');
  });
});
