import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as client from 'openid-client';
import { createTestIdp, gatehouseClient } from './test-idp.js';

const PUBLIC_URL = 'http://localhost:8080';
const CALLBACK = `${PUBLIC_URL}/oauth2/callback`;

let server: Server;
let issuer: string;
let configuration: client.Configuration;
const faults: Error[] = [];
const written: string[] = [];

beforeAll(async () => {
  jest.spyOn(console, 'warn').mockImplementation((line) => void written.push(String(line)));
  jest.spyOn(console, 'info').mockImplementation((line) => void written.push(String(line)));
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const idp = createTestIdp({
    issuer,
    clients: [gatehouseClient(PUBLIC_URL)],
    onServerError: (error) => faults.push(error),
  });
  server.on('request', idp.callback());
  configuration = await client.discovery(
    new URL(issuer),
    'gatehouse',
    undefined,
    client.ClientSecretBasic('gatehouse-development-secret'),
    { execute: [client.allowInsecureRequests] },
  );
});

afterAll(async () => {
  jest.restoreAllMocks();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A browser without JavaScript: keeps cookies by path, follows redirects on this issuer, stops at any other. */
class Browser {
  private readonly jar = new Map<string, { value: string; path: string }>();
  at = '';

  async get(url: string): Promise<Response> {
    return this.follow(url, { method: 'GET' }, 20);
  }

  async post(url: string, form: Record<string, string>): Promise<Response> {
    return this.follow(url, { method: 'POST', body: new URLSearchParams(form) }, 20);
  }

  private async follow(url: string, init: RequestInit, hopsLeft: number): Promise<Response> {
    if (hopsLeft === 0) throw new Error(`redirects without end, now at ${url}`);
    this.at = url;
    const path = new URL(url).pathname;
    const cookie = [...this.jar]
      .filter(([, entry]) => path.startsWith(entry.path))
      .map(([name, entry]) => `${name}=${entry.value}`)
      .join('; ');
    const response = await fetch(url, { ...init, headers: { cookie }, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      const cookiePath = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/';
      if (value === '') this.jar.delete(name);
      else this.jar.set(name, { value, path: cookiePath });
    }
    const location = response.headers.get('location');
    if (location === null) return response;
    const next = new URL(location, url).href;
    if (next.startsWith(issuer)) return this.follow(next, { method: 'GET' }, hopsLeft - 1);
    this.at = next;
    return response;
  }
}

interface SignIn {
  readonly verifier: string;
  readonly nonce: string;
  readonly state: string;
  readonly url: string;
}

const EVERYTHING = 'openid email profile groups offline_access';

async function begin(parameters: Record<string, string> = {}): Promise<SignIn> {
  const verifier = client.randomPKCECodeVerifier();
  const nonce = client.randomNonce();
  const state = client.randomState();
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: CALLBACK,
    scope: EVERYTHING,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    nonce,
    state,
    ...parameters,
  });
  return { verifier, nonce, state, url: url.href };
}

function redeem(browser: Browser, signIn: SignIn): ReturnType<typeof client.authorizationCodeGrant> {
  return client.authorizationCodeGrant(configuration, new URL(browser.at), {
    pkceCodeVerifier: signIn.verifier,
    expectedNonce: signIn.nonce,
    expectedState: signIn.state,
  });
}

async function signInAs(login: string, browser = new Browser(), parameters: Record<string, string> = {}) {
  const signIn = await begin(parameters);
  await browser.get(signIn.url);
  await browser.post(browser.at, { login });
  return redeem(browser, signIn);
}

describe('sign-in at the test identity provider', () => {
  it.each([
    ['alice@idp.test', 'idp-alice', 'Alice Archer', ['engineering', 'admins']],
    ['bob', 'idp-bob', 'Bob Baker', ['engineering']],
    [' CAROL@idp.test ', 'idp-carol', 'Carol Carter', ['sales']],
  ])('gives %s her or his claims, in the ID token and at userinfo', async (login, sub, name, groups) => {
    const tokens = await signInAs(login);
    const email = `${sub.replace('idp-', '')}@idp.test`;
    const claims = { sub, email, email_verified: true, name, groups };
    expect(tokens.claims()).toMatchObject({ ...claims, iss: issuer, aud: 'gatehouse' });
    expect(await client.fetchUserInfo(configuration, tokens.access_token, sub)).toEqual(claims);
  });

  it('gives only the claims of the scopes that were asked for, and no refresh token without offline_access', async () => {
    const tokens = await signInAs('alice', new Browser(), { scope: 'openid email' });
    const userInfo = await client.fetchUserInfo(configuration, tokens.access_token, 'idp-alice');
    expect(Object.keys(userInfo).toSorted()).toEqual(['email', 'email_verified', 'sub']);
    expect(tokens.refresh_token).toBeUndefined();
  });

  it('shows every person as a button, escapes what it was sent, and needs no script', async () => {
    const browser = new Browser();
    const response = await browser.get((await begin({ login_hint: '"><script>alert(1)</script>' })).url);
    const html = await response.text();
    for (const login of ['alice', 'bob', 'carol']) expect(html).toContain(`value="${login}@idp.test"`);
    expect(html).not.toContain('<script');
    expect(html).toContain('&lt;script&gt;');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('preselects the person named by login_hint', async () => {
    const html = await (await new Browser().get((await begin({ login_hint: 'bob@idp.test' })).url)).text();
    expect(html).toMatch(/value="bob@idp\.test" autofocus/);
    expect(html).not.toMatch(/value="alice@idp\.test" autofocus/);
  });

  it('asks again after a login that it does not know', async () => {
    const browser = new Browser();
    const signIn = await begin();
    await browser.get(signIn.url);
    const response = await browser.post(browser.at, { login: 'mallory' });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('There is nobody with that login.');
    await browser.post(browser.at, { login: 'alice' });
    expect((await redeem(browser, signIn)).claims()?.sub).toBe('idp-alice');
  });

  it('sends access_denied back when the person cancels', async () => {
    const browser = new Browser();
    await browser.get((await begin()).url);
    await browser.post(browser.at, { cancel: 'yes' });
    expect(browser.at.startsWith(`${CALLBACK}?error=access_denied`)).toBe(true);
  });

  it('refuses a form that is too large, and one of a sign-in that it does not know', async () => {
    const browser = new Browser();
    await browser.get((await begin()).url);
    expect((await browser.post(browser.at, { login: 'x'.repeat(5000) })).status).toBe(413);
    expect((await new Browser().post(browser.at, { login: 'alice' })).status).toBe(400);
  });

  it('lets the same browser sign in as somebody else with prompt=login, without a page between', async () => {
    const browser = new Browser();
    const first = await signInAs('alice', browser);
    const second = await signInAs('bob', browser, { prompt: 'login' });
    expect(second.claims()?.sub).toBe('idp-bob');
    // and what alice was given still works
    expect((await client.fetchUserInfo(configuration, first.access_token, 'idp-alice')).sub).toBe('idp-alice');
  });

  it('signs a known browser in silently, also with prompt=none', async () => {
    const browser = new Browser();
    await signInAs('carol', browser);
    const asked: Record<string, string>[] = [{}, { prompt: 'none' }];
    for (const parameters of asked) {
      const signIn = await begin(parameters);
      await browser.get(signIn.url);
      expect((await redeem(browser, signIn)).claims()?.sub).toBe('idp-carol');
    }
  });
});

describe('OIDC Core §3.1.2.6', () => {
  it('answers prompt=none with login_required when nobody is signed in', async () => {
    const browser = new Browser();
    await browser.get((await begin({ prompt: 'none' })).url);
    expect(new URL(browser.at).searchParams.get('error')).toBe('login_required');
  });
});

describe('OIDC Core §3.1.2.1', () => {
  it('puts auth_time into the ID token when max_age was asked for', async () => {
    const tokens = await signInAs('alice', new Browser(), { max_age: '300' });
    expect(typeof tokens.claims()?.auth_time).toBe('number');
  });
});

describe('RFC 9207 §2', () => {
  it('names itself in every answer', async () => {
    const browser = new Browser();
    await browser.get((await begin()).url);
    await browser.post(browser.at, { login: 'alice' });
    expect(new URL(browser.at).searchParams.get('iss')).toBe(issuer);
    expect(configuration.serverMetadata().authorization_response_iss_parameter_supported).toBe(true);
  });
});

describe('RFC 7636 §4.4.1', () => {
  it('refuses an authorization request without a code challenge', async () => {
    const url = new URL((await begin()).url);
    url.searchParams.delete('code_challenge');
    url.searchParams.delete('code_challenge_method');
    const browser = new Browser();
    await browser.get(url.href);
    expect(new URL(browser.at).searchParams.get('error')).toBe('invalid_request');
  });

  it('refuses the wrong verifier', async () => {
    const browser = new Browser();
    const signIn = await begin();
    await browser.get(signIn.url);
    await browser.post(browser.at, { login: 'alice' });
    const wrong = { ...signIn, verifier: client.randomPKCECodeVerifier() };
    await expect(redeem(browser, wrong)).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});

describe('RFC 9700 §4.14.2', () => {
  it('rotates refresh tokens, and ends the family when an old one comes back', async () => {
    const first = await signInAs('alice');
    const second = await client.refreshTokenGrant(configuration, first.refresh_token ?? '');
    expect(second.refresh_token).toBeDefined();
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect((await client.fetchUserInfo(configuration, second.access_token, 'idp-alice')).groups).toEqual([
      'engineering',
      'admins',
    ]);

    const reuse = client.refreshTokenGrant(configuration, first.refresh_token ?? '');
    await expect(reuse).rejects.toMatchObject({ error: 'invalid_grant' });
    const successor = client.refreshTokenGrant(configuration, second.refresh_token ?? '');
    await expect(successor).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});

describe('RFC 7009 §2', () => {
  it('makes a revoked refresh token useless', async () => {
    const tokens = await signInAs('bob');
    await client.tokenRevocation(configuration, tokens.refresh_token ?? '');
    const refresh = client.refreshTokenGrant(configuration, tokens.refresh_token ?? '');
    await expect(refresh).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});

describe('the pages around it', () => {
  it('says at / what it is', async () => {
    const response = await fetch(`${issuer}/`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('alice@idp.test');
  });

  it('signs the browser out at /session/end', async () => {
    const browser = new Browser();
    await signInAs('alice', browser);
    const html = await (await browser.get(`${issuer}/session/end`)).text();
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
    await browser.post(`${issuer}/session/end/confirm`, { xsrf, logout: 'yes' });
    const silent = await begin({ prompt: 'none' });
    await browser.get(silent.url);
    expect(new URL(browser.at).searchParams.get('error')).toBe('login_required');
  });

  it('shows a refused request as a page, with the message escaped', async () => {
    const response = await fetch(`${issuer}/auth?client_id=%3Cb%3Enobody`);
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain('<b>nobody');
  });
});

// Last on purpose: by now every path above has run.
describe('quiet', () => {
  it('ran without a fault and without a notice from the library about development defaults', () => {
    expect(faults).toEqual([]);
    expect(written).toEqual([]);
  });
});
