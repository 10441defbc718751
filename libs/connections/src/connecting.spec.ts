import { Browser } from '../../../test/harness/browser.js';
import { REDIRECT_URL, TestVault, type Caller } from './connections.spec-support.js';

let vault: TestVault;
let boss: Caller;

beforeAll(async () => {
  vault = await TestVault.open();
  boss = await vault.person('boss');
});
afterEach(() => vault.upstream.clearFaults());
afterAll(() => vault.close());

interface Initiated {
  readonly auth_url: string;
  readonly state: string;
  readonly integration_id: string;
}

async function initiate(more: object = {}, caller = boss): Promise<Initiated> {
  const input = { integration_id: 'up', redirect_url: REDIRECT_URL, ...more };
  const { status, body, text } = await vault.post('/api/v1/oauth/initiate', input, caller.headers);
  if (status !== 200) throw new Error(text);
  return body as unknown as Initiated;
}

/** What the page's form holds. */
async function open(browser: Browser, authUrl: string): Promise<{ html: string; headers: Headers; agreement: string }> {
  const page = await browser.request(vault.local(authUrl));
  const html = await page.text();
  return { html, headers: page.headers, agreement: /name="agreement" value="([^"]*)"/.exec(html)?.[1] ?? '' };
}

function decide(browser: Browser, authUrl: string, agreement: string, decision = 'continue'): Promise<Response> {
  return browser.request(vault.local(authUrl), { method: 'POST', body: new URLSearchParams({ decision, agreement }) });
}

/** Agrees, consents upstream, and answers the address of the callback, unvisited. */
async function consent(browser: Browser, authUrl: string): Promise<URL> {
  const { agreement } = await open(browser, authUrl);
  const gone = await decide(browser, authUrl, agreement);
  expect(gone.status).toBe(303);
  const back = await browser.request(gone.headers.get('location') ?? '');
  return new URL(back.headers.get('location') ?? '');
}

const endOf = async (browser: Browser, callback: URL) => {
  const answer = await browser.request(vault.local(callback));
  return {
    status: answer.status,
    target: new URL(answer.headers.get('location') ?? 'about:blank'),
    text: await answer.text(),
  };
};

describe('D47 D61 connecting an account', () => {
  it('initiate → our page → the provider → the callback → redirect_url, and the token is there', async () => {
    const browser = new Browser();
    const { auth_url, state, integration_id } = await initiate();
    expect([integration_id, auth_url]).toEqual([
      'up',
      expect.stringMatching(/^http:\/\/localhost:8080\/connect\/[\w-]{43}$/),
    ]);
    const callback = await consent(browser, auth_url);
    expect([callback.pathname, callback.searchParams.get('state')]).toEqual(['/oauth2/callback/up', state]);
    const { status, target } = await endOf(browser, callback);
    expect([status, target.origin + target.pathname]).toEqual([303, REDIRECT_URL]);
    expect(Object.fromEntries(target.searchParams)).toEqual({
      status: 'success',
      connection_id: expect.stringMatching(/^conn_[0-9a-f]{32}$/) as string,
      state,
    });
    const id = target.searchParams.get('connection_id') ?? '';
    const { body } = await vault.get(`/api/v1/connections/${id}`, boss.headers);
    expect(body).toMatchObject({ origin: 'consent', owner_user_id: boss.userId, status: 'active', integration: 'up' });
    const token = await vault.post(`/api/v1/connections/${id}/token`, {}, boss.headers);
    expect(token.body['access_token']).toEqual(expect.any(String));
    expect((await vault.audited('connection.created')).at(-1)).toMatchObject({
      subject: id,
      actor: `user:${boss.userId}`,
    });
  });

  it('ends as JSON without a redirect_url, at the shared callback too (D35, D39)', async () => {
    const browser = new Browser();
    const { auth_url, state } = await initiate({ integration_id: 'shared', redirect_url: undefined });
    const callback = await consent(browser, auth_url);
    expect(callback.pathname).toBe('/oauth2/callback');
    const answer = await browser.request(vault.local(callback));
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(await answer.json()).toEqual({
      status: 'success',
      connection_id: expect.stringMatching(/^conn_/) as string,
      state,
      integration_id: 'shared',
    });
  });

  it('names the organization, the provider and the permissions, escaped, on a page that can do nothing else', async () => {
    const { html, headers } = await open(new Browser(), (await initiate({ scopes: ['<b>mail</b>', 'a&b'] })).auth_url);
    expect(html).toContain('<strong>default</strong>');
    expect(html).toContain('Up &amp; &lt;co&gt;');
    expect(html).toContain('<code>&lt;b&gt;mail&lt;/b&gt;</code>');
    expect(html).not.toMatch(/<script|<b>mail/);
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; script-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Lax/);
  });

  it('sends the scopes that were asked for, and the settings’ otherwise', async () => {
    const scopeOf = async (more: object) => {
      const browser = new Browser();
      const { auth_url } = await initiate(more);
      const gone = await decide(browser, auth_url, (await open(browser, auth_url)).agreement);
      return new URL(gone.headers.get('location') ?? '').searchParams.get('scope');
    };
    expect(await scopeOf({})).toBe('profile offline_access');
    expect(await scopeOf({ scopes: ['mail.read'] })).toBe('mail.read');
  });

  it('connects again in the place of what was dead', async () => {
    const { id, issued } = await vault.imported(boss);
    await vault.upstream.revoke(issued.family);
    const { body } = await vault.post(`/api/v1/oauth/refresh/${id}`, {}, boss.headers);
    const browser = new Browser();
    const answer = await browser.request(vault.local(await consent(browser, String(body['reauth_url']))));
    expect(await answer.json()).toMatchObject({ status: 'success', connection_id: id });
    const after = await vault.post(`/api/v1/connections/${id}/token`, {}, boss.headers);
    expect([after.status, after.body['generation']]).toEqual([200, 2]);
    expect((await vault.audited('connection.reconnected')).at(-1)).toMatchObject({ subject: id });
  });

  it('vault failure 15: a new grant wins over a refresh that is under way', async () => {
    const { id, issued } = await vault.imported(boss);
    const browser = new Browser();
    const callback = await consent(browser, (await initiate({ connection_id: id })).auth_url);
    await vault.upstream.plan({ on: 'refresh', family: issued.family, latency_after_ms: 500, times: 1 });
    const refreshing = vault.post(`/api/v1/oauth/refresh/${id}`, {}, boss.headers);
    while ((await vault.upstream.stats()).in_flight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await endOf(browser, callback)).target.searchParams.get('status')).toBe('success');
    expect((await refreshing).status).toBe(200);
    const { current } = await vault.upstream.grants(issued.family);
    const token = await vault.post(`/api/v1/connections/${id}/token`, {}, boss.headers);
    expect([current.access_token, issued.access_token]).not.toContain(token.body['access_token']);
  });
});

describe('D47 R19 R20 R22 nobody is tricked into connecting', () => {
  it('looking does not use the link up; agreeing does, once', async () => {
    const { auth_url } = await initiate();
    await open(new Browser(), auth_url);
    const browser = new Browser();
    const { agreement } = await open(browser, auth_url);
    expect((await decide(browser, auth_url, agreement)).status).toBe(303);
    const again = await decide(browser, auth_url, agreement);
    expect([again.status, await again.text()]).toEqual([400, expect.stringContaining('used, unknown or too old')]);
    expect((await browser.request(vault.local(auth_url))).status).toBe(400);
  });

  it('of many who agree at once one goes on', async () => {
    const { auth_url } = await initiate();
    const browser = new Browser();
    const { agreement } = await open(browser, auth_url);
    const answers = await Promise.all(Array.from({ length: 8 }, () => decide(browser, auth_url, agreement)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([303, ...Array<number>(7).fill(400)].toSorted());
  });

  it('a form that did not come from the page in this browser is refused, and uses nothing up', async () => {
    const { auth_url } = await initiate();
    const browser = new Browser();
    const { agreement } = await open(browser, auth_url);
    const other = new Browser();
    const { agreement: others } = await open(other, auth_url);
    expect(others).not.toBe(agreement);
    for (const [who, says] of [
      [browser, ''],
      [browser, others],
      [other, agreement],
      [new Browser(), agreement],
    ] as const)
      expect((await decide(who, auth_url, says)).status).toBe(400);
    expect((await decide(browser, auth_url, agreement)).status).toBe(303);
  });

  it('a callback in another browser, or without cookies, connects nothing, and ends the attempt', async () => {
    for (const thief of [new Browser(), 'with a cookie of its own'] as const) {
      const browser = new Browser();
      const callback = await consent(browser, (await initiate()).auth_url);
      const other = thief instanceof Browser ? thief : new Browser();
      if (!(thief instanceof Browser)) await open(other, (await initiate()).auth_url);
      const stolen = await endOf(other, callback);
      expect([stolen.status, stolen.text]).toEqual([400, expect.stringContaining('another browser')]);
      expect((await endOf(browser, callback)).status).toBe(400);
    }
  });

  it('a callback serves once, at its own address, and with its own state', async () => {
    const browser = new Browser();
    const callback = await consent(browser, (await initiate()).auth_url);
    expect((await endOf(browser, callback)).status).toBe(303);
    expect((await endOf(browser, callback)).status).toBe(400);
    const second = await consent(browser, (await initiate()).auth_url);
    second.pathname = '/oauth2/callback';
    expect((await endOf(browser, second)).text).toContain('wrong address');
    const third = await consent(browser, (await initiate()).auth_url);
    third.searchParams.set('state', `connect.${'A'.repeat(43)}`);
    expect((await endOf(browser, third)).status).toBe(400);
  });

  it('D35: the issuer of another provider is refused', async () => {
    const browser = new Browser();
    const callback = await consent(browser, (await initiate()).auth_url);
    callback.searchParams.set('iss', 'https://elsewhere.example');
    expect((await endOf(browser, callback)).target.searchParams.get('status')).toBe('error');
  });

  it('a connection’s state begins no login, and a login’s no connection', async () => {
    const browser = new Browser();
    const { state } = await initiate();
    const answer = await browser.request(vault.url(`/oauth2/callback?code=x&state=${state}`), {
      headers: { accept: 'application/json' },
    });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_request' }]);
  });

  it('a no ends at redirect_url, and nothing was connected', async () => {
    const browser = new Browser();
    const { auth_url, state } = await initiate();
    const { agreement } = await open(browser, auth_url);
    const answer = await decide(browser, auth_url, agreement, 'cancel');
    const target = new URL(answer.headers.get('location') ?? '');
    expect([answer.status, Object.fromEntries(target.searchParams)]).toEqual([
      303,
      { status: 'error', error: 'access_denied', error_description: expect.any(String) as string, state },
    ]);
    expect((await decide(browser, auth_url, agreement)).status).toBe(400);
  });
});

describe('D34 R31 a provider that refuses', () => {
  it('its error ends at redirect_url as a code of ours, without its text', async () => {
    const browser = new Browser();
    const { auth_url, state } = await initiate({ redirect_url: `${REDIRECT_URL}?app=1` });
    const callback = await consent(browser, auth_url);
    callback.search = new URLSearchParams({
      state,
      error: 'access_denied',
      error_description: 'SECRET words',
      iss: vault.upstream.issuer,
    }).toString();
    const { status, target } = await endOf(browser, callback);
    expect([status, target.searchParams.get('app')]).toEqual([303, '1']);
    expect(Object.fromEntries(target.searchParams)).toMatchObject({ status: 'error', error: 'access_denied', state });
    expect(target.href).not.toContain('SECRET');
  });

  it('so does one at the token endpoint', async () => {
    await vault.upstream.plan({
      on: 'code',
      fault: 'custom',
      status: 400,
      body: { error: 'invalid_grant', error_description: 'SECRET' },
    });
    const browser = new Browser();
    const { target } = await endOf(browser, await consent(browser, (await initiate()).auth_url));
    expect(target.searchParams.get('error')).toBe('server_error');
    expect(target.href).not.toContain('SECRET');
  });
});

describe('D61 initiate', () => {
  it.each([
    ['an integration that is not configured', { integration_id: 'gmail' }, 'integration_id'],
    ['another method', { auth_method_id: 'api_key' }, 'auth_method_id'],
    ['a scope with a space', { scopes: ['a b'] }, 'scopes.0'],
    ['no scopes at all', { scopes: [] }, 'scopes'],
    ['a redirect_url elsewhere', { redirect_url: 'https://evil.example/' }, 'redirect_url'],
    ['one that only begins alike', { redirect_url: `${REDIRECT_URL}.evil.example` }, 'redirect_url'],
    ['one with more path', { redirect_url: `${REDIRECT_URL}/../x` }, 'redirect_url'],
    ['one with another query', { redirect_url: `${REDIRECT_URL}?app=2` }, 'redirect_url'],
    ['a script', { redirect_url: 'javascript:alert(1)' }, 'redirect_url'],
  ])('422 for %s', async (_what, more, field) => {
    const input = { integration_id: 'up', ...more };
    const { status, body } = await vault.post('/api/v1/oauth/initiate', input, boss.headers);
    expect([status, body]).toMatchObject([422, { detail: [{ loc: ['body', ...field.split('.')] }] }]);
  });

  it('takes client_callbacks too, and not the integration of another connection', async () => {
    expect((await initiate({ redirect_url: 'http://localhost:8080/' })).state).toMatch(/^connect\./);
    const { id } = await vault.imported(boss);
    const input = { integration_id: 'shared', connection_id: id };
    expect((await vault.post('/api/v1/oauth/initiate', input, boss.headers)).status).toBe(422);
  });
});

describe('D61 store_tokens', () => {
  it('a sign-in leaves its tokens as one connection of the provider’s organization', async () => {
    const carol = await vault.person('carol');
    const headers = { ...carol.headers, 'x-workspace-id': 'acme' };
    const signIn = async () => {
      const browser = new Browser();
      const query = 'idp=keeper&scope=openid&login_hint=kim&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
      const gone = await browser.request(vault.url(`/oauth2/authorize?${query}`));
      const back = await browser.request(gone.headers.get('location') ?? '');
      const done = await browser.request(vault.local(back.headers.get('location') ?? ''));
      expect(await done.json()).toMatchObject({ access_token: expect.any(String) as string });
    };
    await signIn();
    const list = async () =>
      (await vault.get('/api/v1/connections?integration=keeper', headers)).body['connections'] as {
        id: string;
        generation: number;
      }[];
    const [first] = await list();
    expect(first).toMatchObject({ origin: 'sign_in', integration: 'keeper', generation: 1, status: 'active' });
    await signIn();
    expect(await list()).toMatchObject([{ id: first?.id, generation: 2 }]);
    const token = await vault.post(`/api/v1/connections/${first?.id}/token`, {}, headers);
    expect(token.status).toBe(200);
  });

  it('a vault that cannot keep them fails no sign-in, and is logged and audited', async () => {
    await vault.database.query(
      'ALTER TABLE connections ADD CONSTRAINT closed CHECK (provider_id <> $$keeper$$) NOT VALID',
    );
    const browser = new Browser();
    const query = 'idp=keeper&scope=openid&login_hint=late&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
    const gone = await browser.request(vault.url(`/oauth2/authorize?${query}`));
    const back = await browser.request(gone.headers.get('location') ?? '');
    const done = await browser.request(vault.local(back.headers.get('location') ?? ''));
    expect(done.status).toBe(200);
    expect(await vault.audited('connection.not_kept')).toMatchObject([{ subject: 'keeper' }]);
    expect(vault.server.log()).toContain('A sign-in’s tokens were not kept');
    await vault.database.query('ALTER TABLE connections DROP CONSTRAINT closed');
  });
});
