import { Browser } from '../harness/browser.js';
import { type ResponseOptions } from '../harness/saml-idp.js';
import { beginSaml, requestTag } from '../harness/saml-login.js';
import { testAuthorizeUrl } from '../harness/sign-in.js';
import { send } from './http.js';
import { API, CLIENT, referenceIn, refused, SamlSuite } from './saml-suite.js';
import { locationOf } from './upstream.js';

const saml = new SamlSuite();
beforeAll(() => saml.start());
afterAll(() => saml.stop());

const fragmentOf = (target: URL) => new URLSearchParams(target.hash.slice(1));

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
      const target = await saml.targetOf({ answer });
      expect(target.href).not.toMatch(/secret-words|access_token/);
      const fragment = fragmentOf(target);
      expect([fragment.get('error'), fragment.get('state'), fragment.get('iss')]).toEqual([
        'server_error',
        'client-state',
        saml.issuer,
      ]);
      const reference = referenceIn(fragment.get('error_description'));
      const audited = await saml.auditOf(reference);
      expect(audited).toMatchObject({ check, message: 'response' });
      expect(audited['verdicts']).toEqual(
        expect.arrayContaining([
          { check, ok: false, expected: expect.stringMatching(/./), found: expect.stringMatching(/./) },
        ]),
      );
      expect(await saml.logOf(reference)).toContain(`"check":"${check}"`);
    },
  );

  it('is diagnosed by name: audience, expected and found', async () => {
    const fragment = await saml.fragmentOf({ answer: { audience: 'https://wrong.example/sp' } });
    const line = await saml.logOf(referenceIn(fragment.get('error_description')));
    expect(line).toContain('The assertion is for another service provider');
    expect(line).toContain(`expected Audience \\"${saml.issuer}/saml/acme/metadata\\"`);
    expect(line).toContain('found \\"https://wrong.example/sp\\"');
  });

  it('is a page with the reference where no client waits, and JSON for others', async () => {
    const answer = { audience: 'https://stranger.example/' };
    // Not acme: the audit has one row a minute for a provider and check, and that one has been.
    const answerOfPosted = { id: 'posted', answer };
    const { browser, complete } = await saml.arrived(answerOfPosted);
    const page = await refused(await browser.request(complete), 502);
    expect((await saml.auditOf(referenceIn(page)))['check']).toBe('audience');
    expect(page).not.toContain('stranger');
    const other = await saml.arrived(answerOfPosted);
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
    // Many identity providers do not sign a refusal; it can only refuse.
    for (const sign of ['response', 'none'] as const) {
      const target = await saml.targetOf({ answer: { assertion: null, response, sign } });
      expect(fragmentOf(target).get('error')).toBe(error);
      expect(target.href).not.toContain('secret-words');
    }
  });

  it('R12 D17: the address of somebody who came by another provider takes nothing over', async () => {
    await saml.targetOf({ login: 'erin' });
    const { browser, complete } = await saml.arrived({ id: 'posted', login: 'erin', parameters: CLIENT });
    const page = await refused(await browser.request(complete), 409);
    expect(page).toContain('<code>account_conflict</code>');
  });
});

describe('R11 a provider that is off', () => {
  it('begins nothing, and says so; one that never was is unknown', async () => {
    const off = await refused(await new Browser().request(saml.loginUrl('off', CLIENT)), 503);
    expect(off).toContain('not available');
    await refused(await new Browser().request(saml.loginUrl('nobody', CLIENT)), 404);
    const authorize = await send('GET', testAuthorizeUrl(saml.issuer, { idp: 'off', ...CLIENT }), { headers: API });
    expect([authorize.status, authorize.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('takes no answer, though it may begin logins itself', async () => {
    const page = await refused(await saml.post(saml.answer(undefined, 'paula', {}, 'off'), undefined), 400);
    expect(await saml.logOf(referenceIn(page))).toContain('"check":"audience"');
  });

  it('ends a login that was under way', async () => {
    const { browser, complete } = await saml.arrived({ id: 'retired', parameters: CLIENT });
    await saml.database.query(`UPDATE providers SET enabled = false WHERE id = 'retired'`);
    const fragment = fragmentOf(await locationOf(await browser.request(complete)));
    expect([fragment.get('error'), fragment.has('access_token')]).toEqual(['access_denied', false]);
  });

  it('whose metadata never came is not available yet', async () => {
    const { status, headers, body } = await send('GET', saml.loginUrl('down', CLIENT), { headers: API });
    expect([status, body['error']]).toEqual([503, 'temporarily_unavailable']);
    expect(headers['retry-after']).toBeDefined();
  });
});

describe('D32 how the person authenticates', () => {
  const minutesAgo = (minutes: number) => ({ authnInstant: new Date(Date.now() - minutes * 60_000) });
  const errorOf = async (parameters: Record<string, string>, authn: object) =>
    (await saml.fragmentOf({ parameters: { ...CLIENT, ...parameters }, answer: { assertion: { authn } } })).get(
      'error',
    );

  it('prompt=login is ForceAuthn, and an older authentication is refused', async () => {
    const asked = await beginSaml(new Browser(), saml.loginUrl('acme', { prompt: 'login' }));
    expect(requestTag(asked)).toContain('ForceAuthn="true"');
    expect(await errorOf({ prompt: 'login' }, minutesAgo(10))).toBe('access_denied');
    expect(await errorOf({ prompt: 'login' }, minutesAgo(0))).toBeNull();
  });

  it('max_age is ForceAuthn, and an older authentication is refused', async () => {
    const asked = await beginSaml(new Browser(), saml.loginUrl('acme', { max_age: '60' }));
    expect(requestTag(asked)).toContain('ForceAuthn="true"');
    expect(await errorOf({ max_age: '60' }, minutesAgo(10))).toBe('access_denied');
    expect(await errorOf({ max_age: '3600' }, minutesAgo(10))).toBeNull();
  });

  it('prompt=none is IsPassive', async () => {
    const asked = await beginSaml(new Browser(), saml.loginUrl('acme', { prompt: 'none' }));
    expect(requestTag(asked)).toContain('IsPassive="true"');
  });

  it('acr_values are asked for, and another context is refused', async () => {
    const acr_values = 'urn:oasis:names:tc:SAML:2.0:ac:classes:X509 urn:example:mfa';
    const { xml } = await beginSaml(new Browser(), saml.loginUrl('acme', { acr_values }));
    for (const value of acr_values.split(' ')) expect(xml).toContain(`>${value}</`);
    expect(await errorOf({ acr_values }, { authnContextClassRef: 'urn:example:password' })).toBe('access_denied');
    expect(await errorOf({ acr_values }, { authnContextClassRef: 'urn:example:mfa' })).toBeNull();
    const bad = await send('GET', saml.loginUrl('acme', { acr_values: 'a\u0000b' }), { headers: API });
    expect(bad.status).toBe(400);
  });

  it('acr_values narrow what the administrator asks for, and never switch it off', async () => {
    const login = async (acr_values: string | undefined, authnContextClassRef: string) => {
      const parameters = { ...CLIENT, ...(acr_values === undefined ? {} : { acr_values }) };
      const answer = { assertion: { authn: { authnContextClassRef } } };
      return (await saml.fragmentOf({ id: 'strong', login: 'sybil', parameters, answer })).get('error');
    };
    expect(await login(undefined, 'urn:passkey')).toBeNull();
    expect(await login(undefined, 'urn:password')).toBe('access_denied');
    expect(await login('urn:password urn:passkey', 'urn:passkey')).toBeNull();
    expect(await login('urn:password urn:passkey', 'urn:password')).toBe('access_denied');
    expect(await login('urn:passkey', 'urn:mfa')).toBe('access_denied');
    const { xml } = await beginSaml(new Browser(), saml.loginUrl('strong', { acr_values: 'urn:password urn:passkey' }));
    expect(xml).toContain('>urn:passkey</');
    expect(xml).not.toContain('urn:password');

    for (const url of [
      saml.loginUrl('strong', { ...CLIENT, acr_values: 'urn:password' }),
      testAuthorizeUrl(saml.issuer, { idp: 'strong', ...CLIENT, acr_values: 'urn:password' }),
    ]) {
      const { status, headers, body } = await send('GET', url, { headers: API });
      expect([status, body['error'], headers['location']]).toEqual([400, 'invalid_request', undefined]);
      expect(body['error_description']).toContain('acr_values');
    }
  });
});

describe('D25 SAML core §3.7.3.1 a logout that came first', () => {
  it('ends an assertion from before it, and none from after it', async () => {
    await saml.targetOf({ login: 'hugo' });
    const { rows } = await saml.database.query<{ issued_at: Date }>(
      `INSERT INTO saml_logouts (provider_id, subject, session_indexes, issued_at, until)
       SELECT provider_id, subject, '{}', now(), now() + interval '5 minutes' FROM saml_sessions
       WHERE name_id->>'value' = 'hugo' RETURNING issued_at`,
    );
    const issuedAt = rows[0]?.issued_at.getTime() ?? NaN;
    const loginAt = async (ms: number) => {
      const authn = { authnInstant: new Date(issuedAt + ms) };
      return await saml.fragmentOf({ login: 'hugo', answer: { assertion: { authn } } });
    };
    const before = await loginAt(-1000);
    expect([before.get('error'), before.has('access_token')]).toEqual(['access_denied', false]);
    expect((await loginAt(1000)).has('access_token')).toBe(true);
    const audited = await saml.database.query(
      `SELECT 1 FROM audit_events WHERE kind = 'saml.refused' AND details->>'check' = 'logged-out'`,
    );
    expect(audited.rowCount).toBe(1);
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
    const answer = await send('POST', `${saml.issuer}/saml/acs`, { headers, body });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  it.each(['not base64!', Buffer.from('<not-xml').toString('base64'), Buffer.from('<x/>').toString('base64')])(
    'is refused when it is no response: %s',
    async (value) => {
      await refused(await saml.post({ value }, undefined), 400);
    },
  );

  it('may be as large as the largest XML that is looked at, and no larger', async () => {
    const sized = (bytes: number) => saml.post({ value: Buffer.alloc(bytes, 'x').toString('base64') }, undefined);
    expect((await sized(256 * 1024)).status).toBe(400);
    expect((await sized(400 * 1024)).status).toBe(413);
  });

  it('D38: is never shared with a script of another origin', async () => {
    const preflight = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    for (const path of ['/saml/acs', '/saml/complete', '/saml/acme/login']) {
      const { headers } = await send('OPTIONS', `${saml.issuer}${path}`, { headers: preflight });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});
