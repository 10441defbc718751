import { createHash } from 'node:crypto';
import pg from 'pg';
import { Browser } from '../harness/browser.js';
import { freePort } from '../harness/gatehouse.js';
import { SigningIdp, type ResponseOptions } from '../harness/saml-idp.js';
import { beginSaml, formOf, postToAcs, requestTag, ticketOf, type AskedIdp } from '../harness/saml-login.js';
import { claimsOf, pkcePair, testAuthorizeUrl } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { form, NO_STORE, send } from './http.js';
import { locationOf } from './upstream.js';

const CALLBACK = 'https://app.example/callback?tenant=1';
const PORTAL = 'https://portal.example/landing';
const SSO = 'https://idp.test/sso';

let installation: Installation;
let database: pg.Client;
let issuer: string;
/** Serves acme, posted, retired and off; portal has its own. */
let idp: SigningIdp;
let portal: SigningIdp;

beforeAll(async () => {
  idp = await SigningIdp.create({ entityId: 'https://idp.test/metadata' });
  portal = await SigningIdp.create({ entityId: 'https://portal.test/metadata' });
  const metadata = JSON.stringify(idp.metadata({ ssoUrl: SSO }));
  installation = await startInstallation({
    yaml: `
test_provider: false
client_callbacks: [{ client_id: web, url: "${CALLBACK}" }, "${PORTAL}", "http://127.0.0.1:9000/native"]
saml_providers:
  - { id: acme, name: "Acme & <co>", metadata_xml: ${metadata}, verified_email_domains: [acme.test] }
  - { id: posted, name: Posted, metadata_xml: ${metadata}, request_binding: post }
  - { id: retired, name: Retired, metadata_xml: ${metadata} }
  - { id: off, name: Off, metadata_xml: ${metadata}, enabled: false }
  - { id: down, name: Down, metadata_url: "http://localhost:${await freePort()}/metadata" }
  - id: portal
    name: Portal
    metadata_xml: ${JSON.stringify(portal.metadata({ ssoUrl: 'https://portal.test/sso' }))}
    allow_idp_initiated: true
    idp_initiated_callback: "${PORTAL}"
`,
  });
  issuer = installation.server.publicUrl;
  database = new pg.Client({ connectionString: installation.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await installation.stop();
});

const API = { accept: 'application/json' };
const person = (login: string) => ({
  mail: `${login}@acme.test`,
  displayName: `Person ${login}`,
  groups: ['staff', 'ops'],
});

function loginUrl(id: string, parameters: Record<string, string> = {}): URL {
  const url = new URL(`${issuer}/saml/${id}/login`);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}

/** A good answer of an IdP to what it was asked; any part may be made wrong. */
function answerTo({ requestId }: AskedIdp, login: string, changes: Partial<ResponseOptions> = {}, id = 'acme') {
  const { assertion, ...rest } = changes;
  return (id === 'portal' ? portal : idp).response({
    now: new Date(),
    acsUrl: `${issuer}/saml/acs`,
    audience: `${issuer}/saml/${id}/metadata`,
    inResponseTo: requestId,
    ...rest,
    ...(assertion === null ? { assertion } : { assertion: { nameId: login, attributes: person(login), ...assertion } }),
  });
}

interface Login {
  readonly id?: string;
  readonly browser?: Browser;
  readonly parameters?: Record<string, string>;
  readonly login?: string;
  readonly answer?: Partial<ResponseOptions>;
}

/** A login up to the ticket; `complete` is where the browser would go next. */
async function arrived({ id = 'acme', parameters = {}, login = 'alice', answer = {}, ...rest }: Login = {}) {
  const browser = rest.browser ?? new Browser();
  const asked = await beginSaml(browser, loginUrl(id, parameters));
  const message = answerTo(asked, login, answer, id);
  const complete = await ticketOf(await postToAcs(issuer, message.value, asked.relayState));
  return { browser, asked, message, complete };
}

const CLIENT = { client_callback: CALLBACK, state: 'client-state' };

/** A whole login in one browser, up to the client. */
async function targetOf(login: Login = {}): Promise<URL> {
  const { browser, complete } = await arrived({ parameters: CLIENT, ...login });
  return locationOf(await browser.request(complete));
}
const fragmentOf = (target: URL) => new URLSearchParams(target.hash.slice(1));

async function refused(response: Response, status = 400): Promise<string> {
  const text = await response.text();
  expect([response.status, response.headers.get('location'), text.includes('gth_')]).toEqual([status, null, false]);
  expect(response.headers.get('cache-control')).toBe('no-store');
  return text;
}

/** Waits until the audit has a refusal of this reference: it is written apart from the answer. */
async function auditOf(reference: string): Promise<Record<string, unknown>> {
  for (;;) {
    const { rows } = await database.query<{ details: Record<string, unknown> }>(
      `SELECT details FROM audit_events WHERE kind = 'saml.refused' AND details->>'reference' = $1`,
      [reference],
    );
    if (rows[0] !== undefined) return rows[0].details;
  }
}
/** Waits until the log says why the response of this reference was refused, and answers that line. */
async function logOf(reference: string): Promise<string> {
  for (;;) {
    const lines = installation.server.log().split('\n');
    const line = lines.find((text) => text.includes(`"${reference}"`) && text.includes('was refused'));
    if (line !== undefined) return line;
    await new Promise(setImmediate);
  }
}
const referenceIn = (text: string | null) => /reference (?:<code>)?([\w-]+)/.exec(text ?? '')?.[1] ?? '';

describe('SAML profiles §4.1 a sign-in at an identity provider', () => {
  it('ends with a code at the client, and the code with tokens that say who it was', async () => {
    const { verifier, challenge } = pkcePair();
    const authn = { authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:X509', sessionIndex: '_s1' };
    const target = await targetOf({
      parameters: { ...CLIENT, response_type: 'code', code_challenge: challenge, nonce: 'n-1' },
      answer: { assertion: { authn } },
    });
    expect(target.origin + target.pathname).toBe('https://app.example/callback');
    expect([...target.searchParams.keys()]).toEqual(['tenant', 'code', 'state', 'iss']);
    expect(target.searchParams.get('state')).toBe('client-state');
    const { body } = await form(`${issuer}/oauth2/token`, {
      grant_type: 'authorization_code',
      code: target.searchParams.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: CALLBACK,
    });
    expect(claimsOf(String(body['access_token']))).toMatchObject({
      iss: issuer,
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
    const target = await targetOf();
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
    const { browser, complete } = await arrived();
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
      const target = await targetOf({ login: 'carol', answer: { assertion: { nameId, attributes: {} } } });
      return claimsOf(fragmentOf(target).get('access_token') ?? '')['sub'];
    };
    const first = await sub({ value: 'carol' });
    expect(await sub({ value: 'carol' })).toBe(first);
    expect(await sub({ value: 'Carol' })).not.toBe(first);
    expect(await sub({ value: 'carol', nameQualifier: 'q' })).not.toBe(first);
  });

  it('remembers what a logout will name the session by', async () => {
    const target = await targetOf({ answer: { assertion: { authn: { sessionIndex: '_index-7' } } } });
    const { sid } = claimsOf(fragmentOf(target).get('access_token') ?? '');
    const { rows } = await database.query(`SELECT * FROM saml_sessions WHERE session_id = $1`, [sid]);
    expect(rows).toMatchObject([
      { provider_id: 'acme', idp_entity_id: idp.entityId, session_indexes: ['_index-7'], name_id: { value: 'alice' } },
    ]);
  });

  it('D40: begins no session that outlives the one at the IdP', async () => {
    const sessionNotOnOrAfter = new Date(Date.now() + 3_600_000);
    const target = await targetOf({ answer: { assertion: { authn: { sessionNotOnOrAfter } } } });
    const { sid } = claimsOf(fragmentOf(target).get('access_token') ?? '');
    const { rows } = await database.query(`SELECT expires_at FROM sessions WHERE id = $1`, [sid]);
    expect(rows).toEqual([{ expires_at: sessionNotOnOrAfter }]);
  });
});

describe('SAML bindings §3.5 D38 a request by form', () => {
  it('is a page that can send itself to the IdP and do nothing else', async () => {
    const page = await new Browser().request(loginUrl('posted', CLIENT));
    const html = await page.text();
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain(`form-action ${SSO};`);
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
    const target = await targetOf({ id: 'posted', login: 'dora' });
    expect(claimsOf(fragmentOf(target).get('access_token') ?? '')).toMatchObject({ idp: 'posted' });
  });
});

describe('D51 the two ways to begin', () => {
  it('/oauth2/authorize takes ids of SAML providers too', async () => {
    const browser = new Browser();
    const url = testAuthorizeUrl(issuer, { idp: 'acme', ...CLIENT, response_type: 'code' });
    const asked = await beginSaml(browser, url);
    const ticket = await ticketOf(await postToAcs(issuer, answerTo(asked, 'alice').value, asked.relayState));
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
      const { status, body } = await send('GET', loginUrl('acme', parameters), { headers: API });
      expect([status, typeof body['error']]).toEqual([400, 'string']);
    }
    for (const parameters of [CLIENT, {}]) expect((await send('GET', loginUrl('acme', parameters))).status).toBe(302);
  });

  it('D55: the chooser lists both kinds, and those that are on', async () => {
    const url = testAuthorizeUrl(issuer, CLIENT);
    url.searchParams.delete('idp');
    const html = await (await new Browser().request(url)).text();
    const ids = [...html.matchAll(/idp=(\w+)/g)].map(([, id]) => id);
    expect(ids).toEqual(['acme', 'posted', 'retired', 'down', 'portal']);
    expect(html).toContain('Acme &amp; &lt;co&gt;');
  });
});

describe('D7 R18 where a login may end', () => {
  const begins = [
    (parameters: Record<string, string>) => loginUrl('acme', parameters),
    (parameters: Record<string, string>) => testAuthorizeUrl(issuer, { idp: 'acme', ...parameters }),
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
    const asked = await beginSaml(new Browser(), loginUrl('acme', CLIENT));
    const answer = await postToAcs(issuer, answerTo(asked, 'alice').value, asked.relayState);
    expect([answer.status, answer.headers.getSetCookie(), await answer.text()]).toEqual([303, [], '']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('location')).toMatch(new RegExp(`^${issuer}/saml/complete\\?ticket=[\\w-]{43}$`));
  });

  it('a ticket works once', async () => {
    const { browser, complete } = await arrived({ parameters: CLIENT });
    expect((await browser.request(complete)).status).toBe(302);
    await refused(await browser.request(complete));
  });

  it('a ticket works for one of twenty who come at once', async () => {
    const { browser, complete } = await arrived({ parameters: CLIENT });
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await browser.request(complete)).status),
    );
    expect(statuses.toSorted()).toEqual([302, ...Array.from({ length: 19 }, () => 400)]);
  });

  it('a ticket works in the browser that began, and in no other: nobody can be signed in as somebody else', async () => {
    const other = new Browser();
    await other.request(loginUrl('acme', CLIENT));
    for (const victim of [new Browser(), other]) {
      const { browser, complete } = await arrived({ parameters: CLIENT, login: 'mallory' });
      const page = await refused(await victim.request(complete));
      expect((await auditOf(referenceIn(page)))['check']).toBe('browser');
      await refused(await browser.request(complete));
    }
  });

  it.each(['', 'x', 'x'.repeat(43), '*'.repeat(43)])('a ticket must be ours: "%s"', async (ticket) => {
    await refused(await new Browser().request(`${issuer}/saml/complete?ticket=${ticket}`));
  });

  it('RelayState works once, however often the same answer is posted', async () => {
    const { asked, message } = await arrived({ parameters: CLIENT });
    await refused(await postToAcs(issuer, message.value, asked.relayState));
    const twenty = await beginSaml(new Browser(), loginUrl('acme', CLIENT));
    const { value } = answerTo(twenty, 'alice');
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await postToAcs(issuer, value, twenty.relayState)).status),
    );
    expect(statuses.toSorted()).toEqual([303, ...Array.from({ length: 19 }, () => 400)]);
  });

  it('a cookie is left that other sites cannot use', async () => {
    const [cookie = ''] = (await fetch(loginUrl('acme'), { redirect: 'manual' })).headers.getSetCookie();
    expect(cookie).toMatch(/^gatehouse-browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
  });
});

describe('D23 whose answer it is', () => {
  /** Posts an answer of any IdP for a login at `acme`, and tells what came of it. */
  async function outcomeOf(make: (asked: AskedIdp) => { value: string }) {
    const browser = new Browser();
    const asked = await beginSaml(browser, loginUrl('acme', CLIENT));
    const ticket = await ticketOf(await postToAcs(issuer, make(asked).value, asked.relayState));
    const fragment = fragmentOf(await locationOf(await browser.request(ticket)));
    const audited = await auditOf(referenceIn(fragment.get('error_description')));
    return { error: fragment.get('error'), state: fragment.get('state'), check: audited['check'] };
  }

  it.each([
    ['another configured IdP', (asked: AskedIdp) => answerTo(asked, 'alice', {}, 'portal')],
    ['the right IdP for another provider of ours', (asked: AskedIdp) => answerTo(asked, 'alice', {}, 'posted')],
    ['the right IdP to another request', (asked: AskedIdp) => answerTo({ ...asked, requestId: '_other' }, 'alice')],
    [
      'the right IdP to no request',
      (asked: AskedIdp) => {
        const { inResponseTo: _, ...unsolicited } = optionsOf(asked);
        return idp.response(unsolicited);
      },
    ],
  ])('is refused when it is of %s', async (_what, make) => {
    const { error, state } = await outcomeOf(make);
    expect([['server_error', 'access_denied'].includes(error ?? ''), state]).toEqual([true, 'client-state']);
  });

  it('names the check that failed', async () => {
    expect(await outcomeOf((asked) => answerTo(asked, 'alice', {}, 'posted'))).toMatchObject({ check: 'audience' });
    expect(await outcomeOf((asked) => answerTo({ ...asked, requestId: '_x' }, 'a'))).toMatchObject({
      check: 'in-response-to',
    });
  });

  it.each([
    ['no RelayState', undefined],
    ['a RelayState of nobody', 'x'.repeat(43)],
    ['a RelayState of another form', 'https://app.example/deep/link'],
  ])('an answer to a request needs the RelayState of that request: %s', async (_what, relayState) => {
    const asked = await beginSaml(new Browser(), loginUrl('acme', CLIENT));
    const page = await refused(await postToAcs(issuer, answerTo(asked, 'alice').value, relayState));
    expect(await logOf(referenceIn(page))).toContain('"check":"in-response-to"');
  });

  it('R10: an assertion that was used is no good for another login', async () => {
    const first = await arrived({ parameters: CLIENT });
    const browser = new Browser();
    const asked = await beginSaml(browser, loginUrl('acme', CLIENT));
    const ticket = await ticketOf(await postToAcs(issuer, first.message.value, asked.relayState));
    const fragment = fragmentOf(await locationOf(await browser.request(ticket)));
    expect(fragment.get('error')).toBe('access_denied');
    expect((await first.browser.request(first.complete)).status).toBe(302);
  });
});

const optionsOf = ({ requestId }: AskedIdp): ResponseOptions => ({
  now: new Date(),
  acsUrl: `${issuer}/saml/acs`,
  audience: `${issuer}/saml/acme/metadata`,
  inResponseTo: requestId,
  assertion: { nameId: 'alice' },
});

describe('D34 R31 a login that is refused', () => {
  const wrong: [string, Partial<ResponseOptions>, string][] = [
    ['another audience', { audience: 'https://stranger.example/secret-words' }, 'audience'],
    ['another recipient', { acsUrl: 'https://stranger.example/secret-words' }, 'destination'],
    ['an old assertion', { now: new Date(Date.now() - 86_400_000) }, 'issue-instant'],
    ['no signature', { sign: 'none' }, 'signature-present'],
    ['a NameID that is empty', { assertion: { nameId: '' } }, 'name-id'],
  ];

  it.each(wrong)(
    'with %s goes to the client without a word of the IdP, and its reason to the operator',
    async (_what, answer, check) => {
      const target = await targetOf({ answer });
      expect(target.href).not.toMatch(/secret-words|access_token/);
      const fragment = fragmentOf(target);
      expect([fragment.get('error'), fragment.get('state'), fragment.get('iss')]).toEqual([
        'server_error',
        'client-state',
        issuer,
      ]);
      const reference = referenceIn(fragment.get('error_description'));
      const audited = await auditOf(reference);
      expect(audited).toMatchObject({ check, message: 'response' });
      expect(audited['verdicts']).toEqual(
        expect.arrayContaining([
          { check, ok: false, expected: expect.stringMatching(/./), found: expect.stringMatching(/./) },
        ]),
      );
      expect(await logOf(reference)).toContain(`"check":"${check}"`);
    },
  );

  it('is diagnosed by name: audience, expected and found', async () => {
    const fragment = fragmentOf(await targetOf({ answer: { audience: 'https://wrong.example/sp' } }));
    const line = await logOf(referenceIn(fragment.get('error_description')));
    expect(line).toContain('The assertion is for another service provider');
    expect(line).toContain(`expected Audience \\"${issuer}/saml/acme/metadata\\"`);
    expect(line).toContain('found \\"https://wrong.example/sp\\"');
  });

  it('is a page with the reference where no client waits, and JSON for others', async () => {
    const answer = { audience: 'https://stranger.example/' };
    const { browser, complete } = await arrived({ answer });
    const page = await refused(await browser.request(complete), 502);
    expect((await auditOf(referenceIn(page)))['check']).toBe('audience');
    expect(page).not.toContain('stranger');
    const other = await arrived({ answer });
    const json = await other.browser.request(other.complete, { headers: API });
    expect([json.status, ((await json.json()) as { error: string }).error]).toEqual([502, 'server_error']);
  });

  it.each([
    ['AuthnFailed', 'access_denied'],
    ['RequestDenied', 'access_denied'],
    ['NoPassive', 'login_required'],
    ['UnsupportedBinding', 'server_error'],
  ])('by the IdP itself with %s is %s', async (code, error) => {
    const urn = 'urn:oasis:names:tc:SAML:2.0:status:';
    const response = { status: [`${urn}Responder`, `${urn}${code}`], statusMessage: 'secret-words' };
    const target = await targetOf({ answer: { assertion: null, response, sign: 'response' } });
    expect(fragmentOf(target).get('error')).toBe(error);
    expect(target.href).not.toContain('secret-words');
  });

  it('R12 D17: the address of somebody who came by another provider takes nothing over', async () => {
    await targetOf({ login: 'erin' });
    const { browser, complete } = await arrived({ id: 'posted', login: 'erin', parameters: CLIENT });
    const page = await refused(await browser.request(complete), 409);
    expect(page).toContain('<code>account_conflict</code>');
  });
});

describe('R11 a provider that is off', () => {
  it('begins nothing, and says so; one that never was is unknown', async () => {
    const off = await refused(await new Browser().request(loginUrl('off', CLIENT)), 503);
    expect(off).toContain('not available');
    await refused(await new Browser().request(loginUrl('nobody', CLIENT)), 404);
    const authorize = await send('GET', testAuthorizeUrl(issuer, { idp: 'off', ...CLIENT }), { headers: API });
    expect([authorize.status, authorize.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('takes no answer, solicited or not', async () => {
    const { value } = answerTo({ ...(await beginSaml(new Browser(), loginUrl('acme'))) }, 'alice', {}, 'off');
    await refused(await postToAcs(issuer, value, undefined));
  });

  it('ends a login that was under way', async () => {
    const { browser, complete } = await arrived({ id: 'retired', parameters: CLIENT });
    await database.query(`UPDATE providers SET enabled = false WHERE id = 'retired'`);
    const fragment = fragmentOf(await locationOf(await browser.request(complete)));
    expect([fragment.get('error'), fragment.has('access_token')]).toEqual(['access_denied', false]);
  });

  it('whose metadata never came is not available yet', async () => {
    const { status, headers, body } = await send('GET', loginUrl('down', CLIENT), { headers: API });
    expect([status, body['error']]).toEqual([503, 'temporarily_unavailable']);
    expect(headers['retry-after']).toBeDefined();
  });
});

describe('D32 how the person authenticates', () => {
  const minutesAgo = (minutes: number) => ({ authnInstant: new Date(Date.now() - minutes * 60_000) });
  const errorOf = async (parameters: Record<string, string>, authn: object) =>
    fragmentOf(await targetOf({ parameters: { ...CLIENT, ...parameters }, answer: { assertion: { authn } } })).get(
      'error',
    );

  it('prompt=login is ForceAuthn, and an older authentication is refused', async () => {
    const asked = await beginSaml(new Browser(), loginUrl('acme', { prompt: 'login' }));
    expect(requestTag(asked)).toContain('ForceAuthn="true"');
    expect(await errorOf({ prompt: 'login' }, minutesAgo(10))).toBe('access_denied');
    expect(await errorOf({ prompt: 'login' }, minutesAgo(0))).toBeNull();
  });

  it('max_age is ForceAuthn, and an older authentication is refused', async () => {
    const asked = await beginSaml(new Browser(), loginUrl('acme', { max_age: '60' }));
    expect(requestTag(asked)).toContain('ForceAuthn="true"');
    expect(await errorOf({ max_age: '60' }, minutesAgo(10))).toBe('access_denied');
    expect(await errorOf({ max_age: '3600' }, minutesAgo(10))).toBeNull();
  });

  it('prompt=none is IsPassive', async () => {
    const asked = await beginSaml(new Browser(), loginUrl('acme', { prompt: 'none' }));
    expect(requestTag(asked)).toContain('IsPassive="true"');
  });

  it('acr_values are asked for, and another context is refused', async () => {
    const acr_values = 'urn:oasis:names:tc:SAML:2.0:ac:classes:X509 urn:example:mfa';
    const { xml } = await beginSaml(new Browser(), loginUrl('acme', { acr_values }));
    for (const value of acr_values.split(' ')) expect(xml).toContain(`>${value}</`);
    expect(await errorOf({ acr_values }, { authnContextClassRef: 'urn:example:password' })).toBe('access_denied');
    expect(await errorOf({ acr_values }, { authnContextClassRef: 'urn:example:mfa' })).toBeNull();
    const bad = await send('GET', loginUrl('acme', { acr_values: 'a\u0000b' }), { headers: API });
    expect(bad.status).toBe(400);
  });
});

describe('D36 a login that begins at the IdP', () => {
  /** A portal's answer that nobody asked for. */
  const sent = (changes: Partial<ResponseOptions> = {}) => {
    const { inResponseTo: _, ...options } = optionsOf({ requestId: '' } as AskedIdp);
    return portal.response({ ...options, audience: `${issuer}/saml/portal/metadata`, ...changes });
  };
  const landed = async (relayState?: string) => ticketOf(await postToAcs(issuer, sent().value, relayState));

  it('creates nothing: it begins an ordinary login in that browser, which ends at the configured callback', async () => {
    const count = async () => (await database.query(`SELECT 1 FROM sessions`)).rowCount;
    const before = await count();
    const browser = new Browser();
    const asked = await beginSaml(browser, await landed());
    expect(await count()).toBe(before);
    expect([new URL(asked.destination).host, asked.relayState.length]).toEqual(['portal.test', 43]);
    const { value } = answerTo(asked, 'paula', {}, 'portal');
    const target = await locationOf(
      await browser.request(await ticketOf(await postToAcs(issuer, value, asked.relayState))),
    );
    expect(target.origin + target.pathname).toBe(PORTAL);
    expect(fragmentOf(target).get('access_token')).toMatch(/^ey/);
    expect(await count()).toBe((before ?? 0) + 1);
  });

  it('ends at the callback that RelayState names, where that is one of ours', async () => {
    for (const [relayState, host] of [
      [CALLBACK, 'app.example'],
      ['https://evil.example/', 'portal.example'],
      ['/relative', 'portal.example'],
    ] as const) {
      const browser = new Browser();
      const asked = await beginSaml(browser, await landed(relayState));
      const { value } = answerTo(asked, 'paula', {}, 'portal');
      const ticket = await ticketOf(await postToAcs(issuer, value, asked.relayState));
      expect((await locationOf(await browser.request(ticket))).host).toBe(host);
    }
  });

  it('goes round once: the second within a minute in one browser is an error', async () => {
    const browser = new Browser();
    await beginSaml(browser, await landed());
    await refused(await browser.request(await landed()));
    await beginSaml(new Browser(), await landed());
  });

  it('R10: works once for one message', async () => {
    const { value } = sent();
    await ticketOf(await postToAcs(issuer, value, undefined));
    await refused(await postToAcs(issuer, value, undefined), 403);
  });

  it('is refused where the provider does not allow it', async () => {
    const { inResponseTo: _, ...options } = optionsOf({ requestId: '' } as AskedIdp);
    const page = await refused(await postToAcs(issuer, idp.response(options).value, undefined), 502);
    expect((await auditOf(referenceIn(page)))['check']).toBe('unsolicited');
  });

  it.each([
    ['unsigned', { sign: 'none' as const }],
    ['for somebody else', { audience: 'https://stranger.example' }],
    ['made yesterday', { now: new Date(Date.now() - 86_400_000) }],
  ])('is refused when it is %s', async (_what, changes) => {
    await refused(await postToAcs(issuer, sent(changes).value, undefined), 502);
  });

  it('is refused from a stranger', async () => {
    const stranger = await SigningIdp.create({ entityId: 'https://stranger.test/metadata' });
    const { inResponseTo: _, ...options } = optionsOf({ requestId: '' } as AskedIdp);
    const page = await refused(await postToAcs(issuer, stranger.response(options).value, undefined), 502);
    expect((await auditOf(referenceIn(page)))['check']).toBe('provider');
  });
});

describe('R13 what is posted', () => {
  it.each([
    ['nothing', ''],
    ['no SAMLResponse', 'RelayState=x'],
    ['SAMLResponse twice', 'SAMLResponse=x&SAMLResponse=y'],
    ['RelayState twice', 'SAMLResponse=x&RelayState=a&RelayState=b'],
    ['a request', 'SAMLRequest=x'],
  ])('is 400 for %s', async (_what, body) => {
    const headers = { ...API, 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await send('POST', `${issuer}/saml/acs`, { headers, body });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  it.each(['not base64!', Buffer.from('<not-xml').toString('base64'), Buffer.from('<x/>').toString('base64')])(
    'is refused when it is no response: %s',
    async (value) => {
      await refused(await postToAcs(issuer, value, undefined), 502);
    },
  );

  it('may be as large as the largest XML that is looked at, and no larger', async () => {
    const sized = (bytes: number) => postToAcs(issuer, Buffer.alloc(bytes, 'x').toString('base64'), undefined);
    expect((await sized(256 * 1024)).status).toBe(502);
    expect((await sized(400 * 1024)).status).toBe(413);
  });

  it('D38: is never shared with a script of another origin', async () => {
    const preflight = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    for (const path of ['/saml/acs', '/saml/complete', '/saml/acme/login']) {
      const { headers } = await send('OPTIONS', `${issuer}${path}`, { headers: preflight });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});
