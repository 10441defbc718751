import { createHash } from 'node:crypto';
import { Browser } from '../harness/browser.js';
import { type ResponseOptions } from '../harness/saml-idp.js';
import { beginSaml, formOf, ticketOf, type AskedIdp } from '../harness/saml-login.js';
import { claimsOf, pkcePair, testAuthorizeUrl } from '../harness/sign-in.js';
import { form, NO_STORE, send } from './http.js';
import { API, CALLBACK, CLIENT, referenceIn, refused, SamlSuite, SSO } from './saml-suite.js';
import { locationOf } from './upstream.js';

const saml = new SamlSuite();
beforeAll(() => saml.start());
afterAll(() => saml.stop());

const fragmentOf = (target: URL) => new URLSearchParams(target.hash.slice(1));

describe('SAML profiles §4.1 a sign-in at an identity provider', () => {
  it('ends with a code at the client, and the code with tokens that say who it was', async () => {
    const { verifier, challenge } = pkcePair();
    const authn = { authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:X509', sessionIndex: '_s1' };
    const target = await saml.targetOf({
      parameters: { ...CLIENT, response_type: 'code', code_challenge: challenge, nonce: 'n-1' },
      answer: { assertion: { authn } },
    });
    expect(target.origin + target.pathname).toBe('https://app.example/callback');
    expect([...target.searchParams.keys()]).toEqual(['tenant', 'code', 'state', 'iss']);
    expect(target.searchParams.get('state')).toBe('client-state');
    const { body } = await form(`${saml.issuer}/oauth2/token`, {
      grant_type: 'authorization_code',
      code: target.searchParams.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: CALLBACK,
    });
    expect(claimsOf(String(body['access_token']))).toMatchObject({
      iss: saml.issuer,
      client_id: 'web',
      idp: 'acme',
      email: 'alice@acme.test',
      email_verified: true,
      name: 'Person alice',
      groups: ['ops', 'staff'],
    });
    expect(claimsOf(String(body['id_token']))).toMatchObject({
      aud: 'web',
      nonce: 'n-1',
      acr: 'urn:oasis:names:tc:SAML:2.0:ac:classes:X509',
      auth_time: expect.any(Number),
    });
  });

  it('D8: ends with tokens in the fragment for a client that asked for no code', async () => {
    const target = await saml.targetOf();
    expect(target.search).toBe('?tenant=1');
    const fragment = fragmentOf(target);
    expect([...fragment.keys()]).toEqual([
      'access_token',
      'token_type',
      'expires_in',
      'refresh_token',
      'scope',
      'state',
    ]);
    expect([fragment.get('state'), fragment.get('scope')]).toEqual(['client-state', 'openid profile email']);
  });

  it('D8 D39: ends with JSON for whom named no target', async () => {
    const { browser, complete } = await saml.arrived();
    const answer = await browser.request(complete);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      ...NO_STORE,
      'content-type': 'application/json',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(claimsOf(((await answer.json()) as { access_token: string }).access_token)).toMatchObject({ idp: 'acme' });
  });

  it('D46: knows a person by the whole NameID, and again the next time', async () => {
    const sub = async (nameId: NonNullable<ResponseOptions['assertion']>['nameId']) => {
      const target = await saml.targetOf({ login: 'carol', answer: { assertion: { nameId, attributes: {} } } });
      return claimsOf(fragmentOf(target).get('access_token') ?? '')['sub'];
    };
    const first = await sub({ value: 'carol' });
    expect(await sub({ value: 'carol' })).toBe(first);
    expect(await sub({ value: 'Carol' })).not.toBe(first);
    expect(await sub({ value: 'carol', nameQualifier: 'q' })).not.toBe(first);
  });

  it('remembers what a logout will name the session by', async () => {
    const target = await saml.targetOf({ answer: { assertion: { authn: { sessionIndex: '_index-7' } } } });
    const { sid } = claimsOf(fragmentOf(target).get('access_token') ?? '');
    const { rows } = await saml.database.query(`SELECT * FROM saml_sessions WHERE session_id = $1`, [sid]);
    expect(rows).toMatchObject([
      {
        provider_id: 'acme',
        idp_entity_id: saml.idp.entityId,
        session_indexes: ['_index-7'],
        name_id: { value: 'alice' },
      },
    ]);
  });

  it('D40: begins no session that outlives the one at the IdP', async () => {
    const sessionNotOnOrAfter = new Date(Date.now() + 3_600_000);
    const target = await saml.targetOf({ answer: { assertion: { authn: { sessionNotOnOrAfter } } } });
    const { sid } = claimsOf(fragmentOf(target).get('access_token') ?? '');
    const { rows } = await saml.database.query(`SELECT expires_at FROM sessions WHERE id = $1`, [sid]);
    expect(rows).toEqual([{ expires_at: sessionNotOnOrAfter }]);
  });
});

describe('SAML bindings §3.5 D38 a request by form', () => {
  it('is a page that sends itself to the IdP and runs nothing else', async () => {
    const page = await new Browser().request(saml.loginUrl('posted', CLIENT));
    const html = await page.text();
    const policy = page.headers.get('content-security-policy') ?? '';
    // Chrome would hold it against the redirects behind the form, which are the IdP's.
    expect(policy).not.toContain('form-action');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(page.headers.get('cache-control')).toBe('no-store');
    const [, script = ''] = /<script>(.*?)<\/script>/s.exec(html) ?? [];
    const hash = createHash('sha256').update(script).digest('base64');
    expect(policy).toContain(`script-src 'sha256-${hash}';`);
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).toMatch(/<noscript>.*<button>/s);
    const { action, fields } = formOf(html);
    expect([action, Object.keys(fields)]).toEqual([SSO, ['SAMLRequest', 'RelayState']]);
  });

  it('ends like one by redirect', async () => {
    const target = await saml.targetOf({ id: 'posted', login: 'dora' });
    expect(claimsOf(fragmentOf(target).get('access_token') ?? '')).toMatchObject({ idp: 'posted' });
  });
});

describe('D51 the two ways to begin', () => {
  it('/oauth2/authorize takes ids of SAML providers too', async () => {
    const browser = new Browser();
    const url = testAuthorizeUrl(saml.issuer, { idp: 'acme', ...CLIENT, response_type: 'code' });
    const asked = await beginSaml(browser, url);
    const ticket = await ticketOf(await saml.post(saml.answer(asked, 'alice'), asked.relayState));
    const target = await locationOf(await browser.request(ticket));
    expect(target.searchParams.get('code')).toMatch(/^gth_ac_/);
  });

  it('D9: a code needs a challenge, tokens in the fragment or as JSON need none', async () => {
    for (const parameters of [
      { ...CLIENT, response_type: 'code' },
      { ...CLIENT, response_type: 'code', code_challenge: 'short' },
      { ...CLIENT, response_type: 'code', code_challenge: pkcePair().challenge, code_challenge_method: 'plain' },
      { ...CLIENT, response_type: 'token' },
      { ...CLIENT, scope: 'profile' },
    ]) {
      const { status, body } = await send('GET', saml.loginUrl('acme', parameters), { headers: API });
      expect([status, typeof body['error']]).toEqual([400, 'string']);
    }
    for (const parameters of [CLIENT, {}])
      expect((await send('GET', saml.loginUrl('acme', parameters))).status).toBe(302);
  });

  it('D55: the chooser lists both kinds, and those that are on', async () => {
    const url = testAuthorizeUrl(saml.issuer, CLIENT);
    url.searchParams.delete('idp');
    const html = await (await new Browser().request(url)).text();
    const ids = [...html.matchAll(/idp=(\w+)/g)].map(([, id]) => id);
    expect(ids).toEqual(['acme', 'posted', 'retired', 'strong', 'down', 'portal']);
    expect(html).toContain('Acme &amp; &lt;co&gt;');
  });
});

describe('D7 R18 where a login may end', () => {
  const begins = [
    (parameters: Record<string, string>) => saml.loginUrl('acme', parameters),
    (parameters: Record<string, string>) => testAuthorizeUrl(saml.issuer, { idp: 'acme', ...parameters }),
  ];
  it.each([
    'https://evil.example/',
    'https://app.example/callback',
    'https://app.example/callback?tenant=1&x=1',
    'https://app.example/callback?tenant=1#',
    'https://app.example@evil.example/callback?tenant=1',
    'https://APP.example/callback?tenant=1',
    'http://127.0.0.1:9001/native',
    'javascript:alert(1)',
  ])('is not %s, at either door', async (client_callback) => {
    for (const begin of begins) {
      const { status, headers, body } = await send('GET', begin({ client_callback }), { headers: API });
      expect([status, headers.location, headers['set-cookie'], body['error']]).toEqual([
        400,
        undefined,
        undefined,
        'invalid_request',
      ]);
    }
  });

  it('RFC 8252 §7.3: any port of a loopback literal, for a code alone', async () => {
    const client_callback = 'http://127.0.0.1:54321/native';
    const code = { client_callback, response_type: 'code', code_challenge: pkcePair().challenge };
    for (const begin of begins) expect((await send('GET', begin(code))).status).toBe(302);
  });
});

describe('D10 R19 R20 R22 one browser, one login', () => {
  it('the answer of the IdP makes no token and no cookie, only a ticket', async () => {
    const asked = await beginSaml(new Browser(), saml.loginUrl('acme', CLIENT));
    const answer = await saml.post(saml.answer(asked, 'alice'), asked.relayState);
    expect([answer.status, answer.headers.getSetCookie(), await answer.text()]).toEqual([303, [], '']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('location')).toMatch(new RegExp(`^${saml.issuer}/saml/complete\\?ticket=[\\w-]{43}$`));
  });

  it('a ticket works once', async () => {
    const { browser, complete } = await saml.arrived({ parameters: CLIENT });
    expect((await browser.request(complete)).status).toBe(302);
    await refused(await browser.request(complete));
  });

  it('a ticket works for one of twenty who come at once', async () => {
    const { browser, complete } = await saml.arrived({ parameters: CLIENT });
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await browser.request(complete)).status),
    );
    expect(statuses.toSorted()).toEqual([302, ...Array.from({ length: 19 }, () => 400)]);
  });

  it('a ticket works in the browser that began, and in no other: nobody can be signed in as somebody else', async () => {
    const other = new Browser();
    await other.request(saml.loginUrl('acme', CLIENT));
    for (const victim of [new Browser(), other]) {
      const { browser, complete } = await saml.arrived({ parameters: CLIENT, login: 'mallory' });
      const page = await refused(await victim.request(complete));
      // The log has every refusal; the audit one row a minute for a provider, check and address.
      expect(await saml.logOf(referenceIn(page))).toContain('"check":"browser"');
      await refused(await browser.request(complete));
    }
  });

  it.each(['', 'x', 'x'.repeat(43), '*'.repeat(43)])('a ticket must be ours: "%s"', async (ticket) => {
    await refused(await new Browser().request(`${saml.issuer}/saml/complete?ticket=${ticket}`));
  });

  it('RelayState works once, however often the same answer is posted', async () => {
    const { asked, message } = await saml.arrived({ parameters: CLIENT });
    await refused(await saml.post(message, asked.relayState));
    const twenty = await beginSaml(new Browser(), saml.loginUrl('acme', CLIENT));
    const { value } = saml.answer(twenty, 'alice');
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await saml.post({ value }, twenty.relayState)).status),
    );
    expect(statuses.toSorted()).toEqual([303, ...Array.from({ length: 19 }, () => 400)]);
  });

  it('a cookie is left that other sites cannot use', async () => {
    const [cookie = ''] = (await fetch(saml.loginUrl('acme'), { redirect: 'manual' })).headers.getSetCookie();
    expect(cookie).toMatch(/^gatehouse-browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
  });
});

describe('D23 whose answer it is', () => {
  /** Posts an answer of any IdP for a login at `acme`, and tells what came of it. */
  async function outcomeOf(make: (asked: AskedIdp) => { value: string }) {
    const browser = new Browser();
    const asked = await beginSaml(browser, saml.loginUrl('acme', CLIENT));
    const ticket = await ticketOf(await saml.post(make(asked), asked.relayState));
    const fragment = fragmentOf(await locationOf(await browser.request(ticket)));
    const line = await saml.logOf(referenceIn(fragment.get('error_description')));
    return { error: fragment.get('error'), state: fragment.get('state'), check: /"check":"([^"]+)"/.exec(line)?.[1] };
  }

  it.each([
    ['another configured IdP', (asked: AskedIdp) => saml.answer(asked, 'alice', {}, 'portal')],
    ['the right IdP for another provider of ours', (asked: AskedIdp) => saml.answer(asked, 'alice', {}, 'posted')],
    ['the right IdP to another request', (asked: AskedIdp) => saml.answer({ ...asked, requestId: '_other' }, 'alice')],
    ['the right IdP to no request', () => saml.answer(undefined, 'alice')],
  ])('is refused when it is of %s', async (_what, make) => {
    const { error, state } = await outcomeOf(make);
    expect([['server_error', 'access_denied'].includes(error ?? ''), state]).toEqual([true, 'client-state']);
  });

  it('names the check that failed', async () => {
    expect(await outcomeOf((asked) => saml.answer(asked, 'alice', {}, 'posted'))).toMatchObject({ check: 'audience' });
    expect(await outcomeOf((asked) => saml.answer({ ...asked, requestId: '_x' }, 'a'))).toMatchObject({
      check: 'in-response-to',
    });
  });

  it.each([
    ['no RelayState', undefined],
    ['a RelayState of nobody', 'x'.repeat(43)],
    ['a RelayState of another form', 'https://app.example/deep/link'],
  ])('an answer to a request needs the RelayState of that request: %s', async (_what, relayState) => {
    const asked = await beginSaml(new Browser(), saml.loginUrl('acme', CLIENT));
    const page = await refused(await saml.post(saml.answer(asked, 'alice'), relayState));
    expect(await saml.logOf(referenceIn(page))).toContain('"check":"in-response-to"');
  });

  it('R10: an assertion that was used is no good for another login', async () => {
    const first = await saml.arrived({ parameters: CLIENT });
    const browser = new Browser();
    const asked = await beginSaml(browser, saml.loginUrl('acme', CLIENT));
    const ticket = await ticketOf(await saml.post(first.message, asked.relayState));
    const fragment = fragmentOf(await locationOf(await browser.request(ticket)));
    expect(fragment.get('error')).toBe('access_denied');
    expect((await first.browser.request(first.complete)).status).toBe(302);
  });
});
