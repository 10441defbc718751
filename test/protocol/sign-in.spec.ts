import { Browser } from '../harness/browser.js';
import { freePort } from '../harness/gatehouse.js';
import { bearer, claimsOf, pkcePair, testAuthorizeUrl } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { form, NO_STORE, send } from './http.js';
import { locationOf, loginUpstream } from './upstream.js';

const CALLBACK = 'https://app.example/callback?tenant=1';

let installation: Installation;
let issuer: string;
let idp: string;

beforeAll(async () => {
  const port = await freePort();
  idp = `http://localhost:${port}`;
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
/** A login that went upstream: the browser, and the authorization request that the IdP got. */
async function begun(parameters: Record<string, string> = {}) {
  const browser = new Browser();
  const upstream = await locationOf(await browser.request(authorizeUrl(parameters)));
  const back = new URL(`${issuer}/oauth2/callback`);
  back.searchParams.set('state', upstream.searchParams.get('state') ?? '');
  back.searchParams.set('iss', idp);
  return { browser, upstream, back };
}
const api = { accept: 'application/json' };

describe('RFC 6749 §4.1 a sign-in at a real provider', () => {
  it('ends with a code at the client, and the code with tokens that say who it was', async () => {
    const { verifier, challenge } = pkcePair();
    const browser = new Browser();
    const back = await loginUpstream(browser, authorizeUrl({ code_challenge: challenge, nonce: 'n-1' }), 'alice');
    const answer = await browser.request(back);
    expect(answer.status).toBe(302);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const target = await locationOf(answer);
    // §4.1.2: the client's own query is kept; RFC 9207 §2: iss is there; the state is the client's.
    expect(target.origin + target.pathname).toBe('https://app.example/callback');
    expect([...target.searchParams.keys()]).toEqual(['tenant', 'code', 'state', 'iss']);
    expect(target.searchParams.get('state')).toBe('client-state');
    expect(target.searchParams.get('iss')).toBe(issuer);
    expect(target.hash).toBe('');
    const { body } = await form(`${issuer}/oauth2/token`, {
      grant_type: 'authorization_code',
      code: target.searchParams.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: CALLBACK,
    });
    expect(claimsOf(String(body['access_token']))).toMatchObject({
      iss: issuer,
      client_id: 'web',
      idp: 'dev',
      email: 'alice@idp.test',
      email_verified: true,
      name: 'Alice Archer',
      groups: ['admins', 'engineering'],
    });
    const idToken = claimsOf(String(body['id_token']));
    expect(idToken).toMatchObject({ aud: 'web', nonce: 'n-1' });
    // Our stable id, not the provider's.
    expect(idToken['sub']).not.toBe('idp-alice');
  });

  it('D8: ends with tokens in the fragment for a client that asked for no code', async () => {
    const browser = new Browser();
    const target = await locationOf(
      await browser.request(await loginUpstream(browser, without(authorizeUrl(), 'response_type'), 'bob')),
    );
    expect(target.search).toBe('?tenant=1');
    const fragment = new URLSearchParams(target.hash.slice(1));
    expect([...fragment.keys()]).toEqual([
      'access_token',
      'token_type',
      'expires_in',
      'refresh_token',
      'scope',
      'state',
    ]);
    expect(fragment.get('state')).toBe('client-state');
    expect(claimsOf(fragment.get('access_token') ?? '')).toMatchObject({ email: 'bob@idp.test', client_id: 'web' });
  });

  it('D8 D39: ends with JSON for whom named no target, for the same site alone and not to be kept', async () => {
    const browser = new Browser();
    const url = without(authorizeUrl(), 'response_type', 'client_callback', 'state');
    const answer = await browser.request(await loginUpstream(browser, url, 'carol'));
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      ...NO_STORE,
      'content-type': 'application/json',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    });
    const body = (await answer.json()) as Record<string, unknown>;
    expect(Object.keys(body)).toEqual(['access_token', 'token_type', 'expires_in', 'refresh_token', 'scope']);
    expect(claimsOf(String(body['access_token']))).toMatchObject({ email: 'carol@idp.test', groups: ['sales'] });
  });

  it('D8: never invents a state, and echoes the client’s whatever is in it', async () => {
    for (const state of [undefined, 'a b+c&d=e%20#ä"<>']) {
      const browser = new Browser();
      const url = state === undefined ? without(authorizeUrl(), 'state') : authorizeUrl({ state });
      const target = await locationOf(await browser.request(await loginUpstream(browser, url, 'alice')));
      expect(target.searchParams.get('state')).toBe(state ?? null);
    }
  });

  it('gives the same person the same sub every time', async () => {
    const subjects = new Set<unknown>();
    for (let n = 0; n < 2; n++) {
      const browser = new Browser();
      const url = without(authorizeUrl(), 'response_type');
      const target = await locationOf(await browser.request(await loginUpstream(browser, url, 'alice')));
      subjects.add(claimsOf(new URLSearchParams(target.hash.slice(1)).get('access_token') ?? '')['sub']);
    }
    expect(subjects.size).toBe(1);
  });
});

describe('D18 D30 the administrator', () => {
  it('sees every group of the provider; nobody else is one', async () => {
    const tokenOf = async (login: string) => {
      const browser = new Browser();
      const url = without(authorizeUrl(), 'response_type');
      const target = await locationOf(await browser.request(await loginUpstream(browser, url, login)));
      return bearer(new URLSearchParams(target.hash.slice(1)).get('access_token') ?? '');
    };
    const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')];
    await tokenOf('carol');
    const { body } = await send('GET', `${issuer}/oauth2/providers/dev/groups`, { headers: alice });
    const groups = body['groups'] as { name: string; used_in_authorizations: boolean }[];
    expect(groups.map((group) => group.name)).toEqual(['admins', 'engineering', 'sales']);
    for (const group of groups) expect(group.used_in_authorizations).toBe(false);
    const me = async (headers: Record<string, string>) => (await send('GET', `${issuer}/users/me`, { headers })).body;
    expect((await me(alice))['is_admin']).toBe(true);
    expect((await me(bob))['is_admin']).toBe(false);
    expect((await send('GET', `${issuer}/oauth2/providers/dev/groups`, { headers: bob })).status).toBe(403);
  });
});

describe('D10 RFC 9700 §2.1 what goes upstream', () => {
  it('is random each time, has PKCE and a nonce, and none of the client’s own', async () => {
    const [one, two] = [await begun({ nonce: 'client-nonce' }), await begun({ nonce: 'client-nonce' })];
    const values = (upstream: URL, name: string) => upstream.searchParams.get(name) ?? '';
    for (const { upstream } of [one, two]) {
      expect(upstream.origin).toBe(idp);
      expect(values(upstream, 'redirect_uri')).toBe(`${issuer}/oauth2/callback`);
      expect(values(upstream, 'response_type')).toBe('code');
      expect(values(upstream, 'code_challenge_method')).toBe('S256');
      // At least 128 bits in base64url.
      for (const name of ['state', 'nonce', 'code_challenge']) expect(values(upstream, name)).toMatch(/^[\w-]{22,}$/);
      expect(upstream.href).not.toContain('client-state');
      expect(upstream.href).not.toContain('client-nonce');
    }
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(values(one.upstream, name)).not.toBe(values(two.upstream, name));
  });

  it('D32: hands on prompt, max_age, acr_values, login_hint and ui_locales', async () => {
    const asked = { prompt: 'login', max_age: '60', acr_values: 'mfa', login_hint: 'bob', ui_locales: 'de' };
    const { upstream } = await begun(asked);
    expect(Object.fromEntries(upstream.searchParams)).toMatchObject({
      ...asked,
      prompt: expect.stringContaining('login'),
    });
  });

  it('leaves a cookie that scripts and other sites cannot use, and no second one', async () => {
    const browser = new Browser();
    const first = await browser.request(authorizeUrl());
    const [cookie = ''] = first.headers.getSetCookie();
    expect(cookie).toMatch(/^gatehouse-browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(first.headers.get('cache-control')).toBe('no-store');
    const second = await browser.request(authorizeUrl());
    expect(second.headers.getSetCookie()).toEqual([]);
  });
});

describe('D10 R19 R20 R22 coming back', () => {
  async function refused(response: Response): Promise<string> {
    expect(response.status).toBe(400);
    expect(response.headers.get('location')).toBeNull();
    expect(response.headers.get('cache-control')).toBe('no-store');
    return response.text();
  }

  it('works once', async () => {
    const browser = new Browser();
    const back = await loginUpstream(browser, authorizeUrl(), 'alice');
    expect((await browser.request(back)).status).toBe(302);
    await refused(await browser.request(back));
  });

  it('works for one of twenty who come at once', async () => {
    const browser = new Browser();
    const back = await loginUpstream(browser, authorizeUrl(), 'alice');
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await browser.request(back)).status));
    expect(statuses.toSorted()).toEqual([302, ...Array.from({ length: 19 }, () => 400)]);
  });

  it('works in the browser that went, and in no other: neither one without a cookie nor one with its own', async () => {
    const victim = new Browser();
    await victim.request(authorizeUrl());
    for (const browser of [new Browser(), victim]) {
      const attacker = new Browser();
      const stolen = await loginUpstream(attacker, authorizeUrl(), 'bob');
      await refused(await browser.request(stolen));
      // It is over for everybody: a state is taken, whoever brings it.
      await refused(await attacker.request(stolen));
    }
  });

  it.each([
    ['no state', () => ''],
    ['an empty state', () => '?state=&code=x'],
    ['an unknown state', () => `?state=${'x'.repeat(43)}&code=x`],
    ['a state of another form', () => '?state=*&code=x'],
    ['an error without a state', () => '?error=access_denied'],
  ])('needs a state of ours: %s', async (_what, query) => {
    await refused(await new Browser().request(`${issuer}/oauth2/callback${query()}`));
  });

  it('RFC 6749 §3.1: refuses a parameter twice', async () => {
    const browser = new Browser();
    const back = await loginUpstream(browser, authorizeUrl(), 'alice');
    back.searchParams.append('code', 'another');
    await refused(await browser.request(back));
  });

  it('D35: does not end at an address of one provider that shares the common one', async () => {
    const browser = new Browser();
    const back = await loginUpstream(browser, authorizeUrl(), 'alice');
    back.pathname = '/oauth2/callback/dev';
    await refused(await browser.request(back));
  });

  it('is a page for browsers and JSON for others', async () => {
    const page = await new Browser().request(`${issuer}/oauth2/callback?state=x`);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const { status, body } = await send('GET', `${issuer}/oauth2/callback?state=x`, { headers: api });
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
  });
});

describe('RFC 6749 §4.1.2.1 D34 R31 a login that fails upstream', () => {
  it('goes to the client as an error with its state and our iss', async () => {
    const browser = new Browser();
    const target = await locationOf(await browser.request(await loginUpstream(browser, authorizeUrl(), 'cancel')));
    expect(target.origin + target.pathname).toBe('https://app.example/callback');
    expect(Object.fromEntries(target.searchParams)).toEqual({
      tenant: '1',
      error: 'access_denied',
      error_description: expect.any(String),
      state: 'client-state',
      iss: issuer,
    });
    // In the words of our catalogue, not of the provider.
    expect(target.searchParams.get('error_description')).not.toContain('cancelled');
  });

  it('goes to the fragment of a client that awaits tokens there', async () => {
    const browser = new Browser();
    const url = without(authorizeUrl(), 'response_type');
    const target = await locationOf(await browser.request(await loginUpstream(browser, url, 'cancel')));
    const fragment = new URLSearchParams(target.hash.slice(1));
    expect([fragment.get('error'), fragment.get('state')]).toEqual(['access_denied', 'client-state']);
    expect(target.search).toBe('?tenant=1');
  });

  it('is the answer where no client waits', async () => {
    const browser = new Browser();
    const url = without(authorizeUrl(), 'response_type', 'client_callback');
    const back = await loginUpstream(browser, url, 'cancel');
    const answer = await browser.request(back, { headers: api });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ error: 'access_denied' });
  });

  it('tells nobody what the provider wrote', async () => {
    for (const error of ['access_denied', 'server_error', 'invalid_scope', 'made_up', '<script>']) {
      const { browser, back } = await begun();
      back.searchParams.set('error', error);
      back.searchParams.set('error_description', 'secret words <script>alert(1)</script>');
      back.searchParams.set('error_uri', 'https://evil.example/secret');
      const target = await locationOf(await browser.request(back));
      expect(target.origin).toBe('https://app.example');
      expect(target.href).not.toMatch(/secret|<?script>|%3Cscript|evil/i);
      expect(['access_denied', 'server_error', 'temporarily_unavailable']).toContain(target.searchParams.get('error'));
    }
  });

  it('so does a code that the provider does not know', async () => {
    const { browser, back } = await begun();
    back.searchParams.set('code', 'forged-code');
    const target = await locationOf(await browser.request(back));
    expect(target.searchParams.get('error')).toBe('server_error');
    expect(target.searchParams.has('code')).toBe(false);
    expect(await installation.server.logged()).not.toContain('forged-code');
  });

  it('OIDC Core §3.1.2.6: prompt=none without a session is login_required', async () => {
    const browser = new Browser();
    const back = await loginUpstream(browser, authorizeUrl({ prompt: 'none' }), 'alice');
    const target = await locationOf(await browser.request(back));
    expect(target.searchParams.get('error')).toBe('login_required');
  });
});

describe('RFC 9207 §2.4 D35 mix-up', () => {
  it.each([
    ['another issuer', (back: URL) => back.searchParams.set('iss', 'https://evil.example')],
    ['ours', (back: URL) => back.searchParams.set('iss', issuer)],
    ['none although the provider always sends it', (back: URL) => back.searchParams.delete('iss')],
  ])('an answer that names as its issuer %s is refused', async (_what, change) => {
    const browser = new Browser();
    const back = await loginUpstream(browser, authorizeUrl(), 'alice');
    change(back);
    const target = await locationOf(await browser.request(back));
    expect(target.searchParams.get('error')).toBe('server_error');
    expect(target.searchParams.has('code')).toBe(false);
  });
});
