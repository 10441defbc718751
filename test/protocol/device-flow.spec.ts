import { Redis } from 'ioredis';
import { Client } from 'pg';
import { asserting, newApplicationKey } from '../harness/application-key.js';
import { applicationUrl, walk, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import {
  answerDevice,
  asDevice,
  beginDevice,
  DEVICE_CODE_GRANT,
  open,
  pollDevice,
  submit,
  typeCode,
  type TestDevice,
} from '../harness/device.js';
import { startGatehouse, type Gatehouse } from '../harness/gatehouse.js';
import { freshDatabase } from '../harness/postgres.js';
import { startRedis } from '../harness/redis-server.js';
import { bearer, claimsOf, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, machineOf, send, NO_STORE } from './http.js';

const SECRET = 'a-secret-of-these-applications-with-enough-characters';
const API = 'https://api.example/';
const key = newApplicationKey('one');
const wiki: TestApplication = { clientId: 'wiki', clientSecret: SECRET, redirectUri: 'https://wiki.example/callback' };
const screen: TestDevice = { clientId: 'screen', clientSecret: undefined };
const printer: TestDevice = { clientId: 'printer', clientSecret: SECRET };
const blue: TestDevice = { clientId: 'blue-screen', clientSecret: undefined };
const SPA = 'http://localhost:4999/callback';
const GRANTS = `grant_types: [refresh_token, '${DEVICE_CODE_GRANT}']`;
const YAML = `
organizations: [{ name: blue }]
oauth_providers:
  - { id: acme, type: oidc, issuer: 'http://localhost:9/', name: Acme, client_id: x, client_secret: not-used-here,
      organization: blue }
client_callbacks: [{ client_id: spa, url: '${SPA}' }]
applications:
  - { client_id: screen, name: "Lobby <b>screen</b>", ${GRANTS}, resources: ['${API}'] }
  - { client_id: printer, client_secret: ${SECRET}, name: Printer, grant_types: ['${DEVICE_CODE_GRANT}'], consent: skip }
  - { client_id: robot, name: Robot, ${GRANTS}, jwks: ${key.jwks} }
  - { client_id: blue-screen, name: Blue, ${GRANTS}, organization: blue }
  - { client_id: wiki, client_secret: ${SECRET}, name: Wiki, redirect_uris: [${wiki.redirectUri}], consent: skip }
  - { client_id: kiosk, client_secret: ${SECRET}, name: Kiosk, redirect_uris: ['https://kiosk.example/'], ${GRANTS} }
`;
const CODE = /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/;

let installation: Installation;
let server: string;
/** The other instance behind the same address. */
let other: Gatehouse;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
  server = installation.server.url;
  const { databaseUrl, redisUrl } = installation;
  other = await startGatehouse({ databaseUrl, redisUrl, yaml: YAML, publicUrl: server });
});
afterAll(async () => {
  await other.stop();
  await installation.stop();
});

const redis = async <T>(step: (client: Redis) => Promise<T>): Promise<T> => {
  const client = new Redis(installation.redisUrl.replace('unix://', ''));
  return step(client).finally(() => client.disconnect());
};

async function rows(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: installation.databaseUrl });
  await client.connect();
  return client.query(sql, values).then(
    ({ rows: found }) => client.end().then(() => found as Record<string, unknown>[]),
    (error: unknown) => client.end().then(() => Promise.reject(error as Error)),
  );
}

/** A browser in which somebody is signed in already, by an application that asks nothing. */
async function browserOf(person: string): Promise<Browser> {
  const browser = new Browser();
  await walk(browser, applicationUrl(server, wiki, { login_hint: person }), wiki.redirectUri);
  return browser;
}

const begin = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  form(`${server}/oauth2/device_authorization`, fields, headers);
const refusal = async (answer: Promise<{ status: number; body: Record<string, unknown> }>) => {
  const { status, body } = await answer;
  return [status, body['error']];
};
const isActive = async (token: unknown) =>
  (await form(`${server}/oauth2/introspect`, { token: String(token) })).body['active'];

describe('RFC 8628 §3.1 the device asks', () => {
  it('authenticated as at the token endpoint: by secret, by key, or by its name alone where it is public', async () => {
    const asked = { scope: 'openid' };
    expect((await begin(asked, basic('printer', SECRET))).status).toBe(200);
    expect((await begin({ ...asked, client_id: 'printer', client_secret: SECRET })).status).toBe(200);
    const aud = installation.server.publicUrl;
    expect((await begin({ ...asked, ...(await asserting('robot', key, { aud })) })).status).toBe(200);
    expect((await begin({ ...asked, client_id: 'screen' })).status).toBe(200);
  });

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['no client', {}, {}],
    ['an unknown one', { client_id: 'nobody' }, {}],
    ['a confidential one without its secret', { client_id: 'printer' }, {}],
    ['one with a key without an assertion', { client_id: 'robot' }, {}],
    ['a wrong secret', {}, basic('printer', 'wrong')],
  ])('refuses %s', async (_what, fields, headers) => {
    expect(await refusal(begin({ scope: 'openid', ...fields }, headers))).toEqual([401, 'invalid_client']);
  });

  it('registered for it: no other application, no first-party client, no machine', async () => {
    const asked = { scope: 'openid' };
    const unauthorized = [400, 'unauthorized_client'];
    expect(await refusal(begin(asked, basic('wiki', SECRET)))).toEqual(unauthorized);
    expect(await refusal(begin({ ...asked, client_id: 'spa' }))).toEqual(unauthorized);
    const { clientId, secret } = await machineOf(server, 'owner');
    expect(await refusal(begin(asked, basic(clientId, secret)))).toEqual(unauthorized);
  });

  it('for scopes and APIs as at /oauth2/authorize (D31, RFC 8707)', async () => {
    const screens = (fields: Record<string, string>) => begin({ client_id: 'screen', ...fields });
    expect(await refusal(screens({}))).toEqual([400, 'invalid_scope']);
    expect(await refusal(screens({ scope: 'write:world' }))).toEqual([400, 'invalid_scope']);
    expect(await refusal(screens({ scope: 'openid "' }))).toEqual([400, 'invalid_scope']);
    const elsewhere = { scope: 'openid', resource: 'https://other.example/' };
    expect(await refusal(screens(elsewhere))).toEqual([400, 'invalid_target']);
    expect((await screens({ scope: 'openid write:world', resource: API })).status).toBe(200);
  });

  it('an empty parameter MUST count as omitted, an unknown one MUST be ignored, none MUST come twice', async () => {
    const asked = { client_id: 'screen', scope: 'openid' };
    expect((await begin({ ...asked, resource: '', client_secret: '', unheard_of: 'x' })).status).toBe(200);
    const twice = [...Object.entries(asked), ['scope', 'openid'] as const];
    const answer = form(`${server}/oauth2/device_authorization`, twice);
    expect(await refusal(answer)).toEqual([400, 'invalid_request']);
    expect((await send('GET', `${server}/oauth2/device_authorization`)).status).toBe(405);
  });
});

describe('RFC 8628 §3.2 the answer', () => {
  it('has two codes, where to go, for how long, and how often to ask; nobody keeps it', async () => {
    const { status, headers, body } = await begin({ client_id: 'screen', scope: 'openid' });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ ...NO_STORE, 'content-type': 'application/json' });
    const { publicUrl } = installation.server;
    expect(body).toEqual({
      device_code: expect.stringMatching(/^gth_dc_[A-Za-z0-9_-]{49}$/),
      user_code: expect.stringMatching(CODE),
      verification_uri: `${publicUrl}/device`,
      verification_uri_complete: `${publicUrl}/device?user_code=${String(body['user_code'])}`,
      expires_in: 600,
      interval: 5,
    });
  });
});

describe('RFC 8628 §3.3 the person answers', () => {
  it('types the code, signs in, is asked, and goes back to the device, which gets what a code would get it', async () => {
    const codes = await beginDevice(server, screen, { scope: 'openid profile email offline_access' });
    expect(await refusal(pollDevice(server, screen, codes.device_code))).toEqual([400, 'authorization_pending']);
    const browser = new Browser();
    const done = await answerDevice(browser, codes);
    expect([done.status, done.html]).toEqual([200, expect.stringContaining('You can go back to your device')]);
    // Slower than the interval or not: slow_down is for those who are not answered.
    const { status, headers, body } = await pollDevice(other.url, screen, codes.device_code);
    expect([status, headers.get('cache-control'), headers.get('pragma')]).toEqual([200, 'no-store', 'no-cache']);
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'openid profile email offline_access' });
    const { publicUrl } = installation.server;
    const access = claimsOf(String(body['access_token']));
    expect(access).toMatchObject({ iss: publicUrl, aud: publicUrl, client_id: 'screen', idp: 'test' });
    const id = claimsOf(String(body['id_token']));
    expect(id).toMatchObject({ iss: publicUrl, aud: 'screen', sub: access['sub'], at_hash: expect.any(String) });
    expect(Math.abs(Date.now() / 1000 - Number(id['auth_time']))).toBeLessThan(600);
    expect(id).not.toHaveProperty('nonce');
    const userinfo = await send('GET', `${server}/oauth2/userinfo`, { headers: bearer(String(body['access_token'])) });
    expect(userinfo.body).toMatchObject({ sub: access['sub'], email: id['email'] });
  });

  it('is not asked to sign in again where he is signed in; case and dashes of the code do not matter', async () => {
    const browser = await browserOf('bob');
    const codes = await beginDevice(server, screen);
    const typed = codes.user_code.replace('-', ' ').toLowerCase();
    const page = await submit(browser, await open(browser, codes.verification_uri), { user_code: typed });
    expect([page.url.pathname, page.status]).toEqual(['/oauth2/consent', 200]);
    expect(page.html).toContain('bob@test.tmi');
    await submit(browser, page, { decision: 'allow' });
    const { body } = await pollDevice(server, screen, codes.device_code);
    expect(claimsOf(String(body['id_token']))['email']).toBe('bob@test.tmi');
  });

  it('may answer at another instance than the one that the device asked', async () => {
    const codes = await beginDevice(other.url, screen);
    await answerDevice(await browserOf('carl'), codes);
    expect((await pollDevice(other.url, screen, codes.device_code)).status).toBe(200);
  });

  it('signs in at a provider of the application’s organization, whoever he is elsewhere (R27)', async () => {
    const codes = await beginDevice(server, blue);
    const browser = await browserOf('dora');
    const page = await submit(browser, await open(browser, codes.verification_uri), { user_code: codes.user_code });
    expect([page.url.pathname, page.status]).toEqual(['/device', 200]);
    expect(page.html).toContain('idp=acme');
    expect(page.html).not.toContain('idp=test');
    const link = String(/<a href="([^"]+)">/.exec(page.html)?.[1]).replaceAll('&amp;', '&');
    const forced = await open(browser, link.replace('idp=acme', 'idp=test'));
    expect(forced.status).toBe(400);
    expect(await refusal(pollDevice(server, blue, codes.device_code))).toEqual([400, 'authorization_pending']);
  });

  it('is told of a wrong code, and may correct it', async () => {
    const browser = new Browser();
    const start = await open(browser, `${server}/device`);
    for (const typed of ['BCDF-GHJ', '', 'BCDF-GHJK']) {
      const page = await submit(browser, start, { user_code: typed });
      expect([page.status, page.url.pathname]).toEqual([400, '/device']);
      expect(page.html).toMatch(/role="alert" id="fault">[^<]*(no code of a device|No device shows this code)/);
      expect(page.html).toContain(`value="${typed}"`);
      const { user_code: code } = await beginDevice(server, screen);
      expect((await submit(browser, page, { user_code: code })).html).toContain('Sign in for your device');
    }
  });
});

describe('RFC 8628 §3.3.1 the link with the code', () => {
  it('fills the field in, and nothing happens until the person has compared and sent it', async () => {
    const codes = await beginDevice(server, screen);
    const browser = await browserOf('erin');
    const page = await open(browser, codes.verification_uri_complete);
    expect(page.html).toContain(`name="user_code" value="${codes.user_code}"`);
    expect(page.html).toContain('in front of you');
    expect(page.html).not.toContain('Lobby');
    expect(await refusal(pollDevice(server, screen, codes.device_code))).toEqual([400, 'authorization_pending']);
    const asked = await submit(browser, page, { user_code: codes.user_code });
    expect(asked.html).toContain(codes.user_code);
    await submit(browser, asked, { decision: 'allow' });
    expect((await pollDevice(server, screen, codes.device_code)).status).toBe(200);
  });

  it('shows whatever it holds as text', async () => {
    const query = new URLSearchParams({ user_code: '"><script>alert(1)</script>' });
    const page = await open(new Browser(), `${server}/device?${query.toString()}`);
    expect(page.html).toContain('value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"');
    expect(page.html).not.toContain('<script');
  });
});

describe('RFC 8628 §3.4 the device polls', () => {
  it('MUST authenticate where it can, and names itself where it cannot', async () => {
    const { device_code: code } = await beginDevice(server, printer);
    const poll = (fields: Record<string, string>, headers = {}) =>
      form(`${server}/oauth2/token`, { grant_type: DEVICE_CODE_GRANT, device_code: code, ...fields }, headers);
    expect(await refusal(poll({}))).toEqual([401, 'invalid_client']);
    expect(await refusal(poll({ client_id: 'printer' }))).toEqual([401, 'invalid_client']);
    expect(await refusal(poll({}, basic('printer', 'wrong')))).toEqual([401, 'invalid_client']);
    expect(await refusal(poll({}, basic('printer', SECRET)))).toEqual([400, 'authorization_pending']);
  });

  it('refuses another client’s code, and who is not registered for it', async () => {
    const codes = await beginDevice(server, screen);
    await answerDevice(await browserOf('fred'), codes);
    expect(await refusal(pollDevice(server, printer, codes.device_code))).toEqual([400, 'invalid_grant']);
    expect(await refusal(pollDevice(server, wiki, codes.device_code))).toEqual([400, 'unauthorized_client']);
    expect((await pollDevice(server, screen, codes.device_code)).status).toBe(200);
  });

  it.each([
    ['no device_code', '', 'invalid_request'],
    ['one that is none', 'x', 'invalid_grant'],
    ['a user code in its place', 'BCDF-GHJK', 'invalid_grant'],
    ['one that nobody gave out', `gth_dc_${'A'.repeat(49)}`, 'invalid_grant'],
  ])('refuses %s', async (_what, code, error) => {
    expect(await refusal(pollDevice(server, screen, code))).toEqual([400, error]);
  });

  it('gets tokens once', async () => {
    const codes = await beginDevice(server, screen);
    await answerDevice(await browserOf('gina'), codes);
    const { body } = await pollDevice(server, screen, codes.device_code);
    for (const at of [server, other.url])
      expect(await refusal(pollDevice(at, screen, codes.device_code))).toEqual([400, 'invalid_grant']);
    expect(await isActive(body['access_token'])).toBe(true);
  });

  it('R22 gets tokens once where polls race at two instances', async () => {
    for (let round = 0; round < 5; round++) {
      const codes = await beginDevice(server, screen);
      await answerDevice(await browserOf('hugo'), codes);
      const polls = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          pollDevice(index % 2 === 0 ? server : other.url, screen, codes.device_code),
        ),
      );
      const granted = polls.filter(({ status }) => status === 200);
      expect(granted).toHaveLength(1);
      expect(new Set(polls.filter(({ status }) => status !== 200).map(({ body }) => body['error']))).toEqual(
        new Set(['invalid_grant']),
      );
      expect(await isActive(granted[0]?.body['access_token'])).toBe(true);
    }
  });

  it('for an API (RFC 8707): the one asked for at the beginning, which a wrong name does not use up', async () => {
    const codes = await beginDevice(server, screen, { resource: API });
    await answerDevice(await browserOf('iris'), codes);
    const elsewhere = { resource: 'https://other.example/' };
    expect(await refusal(pollDevice(server, screen, codes.device_code, elsewhere))).toEqual([400, 'invalid_target']);
    const { body } = await pollDevice(server, screen, codes.device_code, { resource: API });
    expect(claimsOf(String(body['access_token']))['aud']).toContain(API);
  });

  it('a refresh token comes where it was registered for one, and is good (D13)', async () => {
    const browser = await browserOf('jane');
    const codes = await beginDevice(server, screen);
    await answerDevice(browser, codes);
    const { body } = await pollDevice(server, screen, codes.device_code);
    const refresh = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
    const refreshed = await asDevice(`${server}/oauth2/token`, screen, refresh);
    expect([refreshed.status, claimsOf(String(refreshed.body['id_token']))['email']]).toEqual([200, 'jane@test.tmi']);
    const alone = await beginDevice(server, printer);
    await answerDevice(browser, alone);
    const { status, body: printed } = await pollDevice(server, printer, alone.device_code);
    expect(status).toBe(200);
    expect(printed).not.toHaveProperty('refresh_token');
  });
});

describe('RFC 8628 §3.5 what a poll is told', () => {
  it('authorization_pending, then slow_down where it comes too soon, at any instance', async () => {
    const { device_code: code } = await beginDevice(server, screen);
    expect(await refusal(pollDevice(server, screen, code))).toEqual([400, 'authorization_pending']);
    const slowed = await pollDevice(other.url, screen, code);
    expect([slowed.status, slowed.body]).toMatchObject([
      400,
      { error: 'slow_down', error_description: expect.stringContaining('10 seconds') },
    ]);
    expect((await pollDevice(server, screen, code)).body['error_description']).toContain('15 seconds');
  });

  it('access_denied where the person refused, and goes on to be told so', async () => {
    const codes = await beginDevice(server, screen);
    const done = await answerDevice(await browserOf('karl'), codes, 'deny');
    expect(done.html).toContain('Your device was not signed in');
    for (const at of [server, other.url, server])
      expect(await refusal(pollDevice(at, screen, codes.device_code))).toEqual([400, 'access_denied']);
  });

  it('expired_token after the end, and the person cannot answer any more', async () => {
    const codes = await beginDevice(server, screen);
    const browser = await browserOf('lena');
    const asked = await typeCode(browser, codes);
    await redis(async (client) => {
      for (const name of await client.keys('gth:device:*')) {
        const stored = String(await client.get(name));
        if (!stored.includes(codes.user_code.replace('-', ''))) continue;
        await client.set(name, stored.replace(/"expiresAt":\d+/, '"expiresAt":1'), 'KEEPTTL');
      }
    });
    expect(await refusal(pollDevice(server, screen, codes.device_code))).toEqual([400, 'expired_token']);
    const late = await submit(browser, asked, { decision: 'allow' });
    expect([late.status, late.html]).toEqual([400, expect.stringContaining('used or too old')]);
    expect(await refusal(pollDevice(server, screen, codes.device_code))).toEqual([400, 'expired_token']);
  });
});

describe('RFC 8628 §4', () => {
  it('is found by metadata', async () => {
    for (const document of ['oauth-authorization-server', 'openid-configuration']) {
      const { body } = await send('GET', `${server}/.well-known/${document}`);
      expect(body).toMatchObject({
        device_authorization_endpoint: `${installation.server.publicUrl}/oauth2/device_authorization`,
        grant_types_supported: expect.arrayContaining([DEVICE_CODE_GRANT]),
      });
    }
  });
});

describe('RFC 8628 §5.1 guessing', () => {
  it('ends after ten wrong codes of one address, for a right one too', async () => {
    const guarded = await startGatehouse({
      databaseUrl: installation.databaseUrl,
      redisUrl: installation.redisUrl,
      yaml: YAML,
      env: { GATEHOUSE_RATE_LIMITS: 'on' },
    });
    try {
      const browser = new Browser();
      const page = await open(browser, `${guarded.url}/device`);
      const { user_code: right } = await beginDevice(guarded.url, screen);
      // Mistyped ones are no guesses.
      for (let i = 0; i < 12; i++) expect((await submit(browser, page, { user_code: `BCD${i}` })).status).toBe(400);
      for (let i = 0; i < 10; i++) expect((await submit(browser, page, { user_code: 'BBBB-BBBB' })).status).toBe(400);
      const locked = await submit(browser, page, { user_code: right });
      expect([locked.status, locked.headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)]);
      expect(locked.html).toContain('Too many');
      // A new browser is the same address.
      const fresh = new Browser();
      const again = await open(fresh, `${guarded.url}/device`);
      expect((await submit(fresh, again, { user_code: right })).status).toBe(429);
    } finally {
      await guarded.stop();
    }
  });
});

describe('RFC 8628 §5.4 phishing from afar', () => {
  it('names the application and the code before the sign-in and before the consent, and asks for it always', async () => {
    const codes = await beginDevice(server, printer);
    const browser = new Browser();
    const before = await submit(browser, await open(browser, codes.verification_uri), { user_code: codes.user_code });
    for (const text of ['<strong>Printer</strong>', '<strong>default</strong>', codes.user_code, 'in front of you'])
      expect(before.html).toContain(text);
    // `consent: skip` answers for the organization, and cannot see whose device it is; nor does an earlier consent.
    const person = await browserOf('mona');
    for (let i = 0; i < 2; i++) {
      const next = i === 0 ? codes : await beginDevice(server, printer);
      const asked = await typeCode(person, next);
      expect(asked.url.pathname).toBe('/oauth2/consent');
      for (const text of ['<strong>Printer</strong>', next.user_code, 'in front of you', 'mona@test.tmi'])
        expect(asked.html).toContain(text);
      expect((await submit(person, asked, { decision: 'allow' })).status).toBe(200);
    }
  });

  it('names the application as text', async () => {
    const page = await typeCode(await browserOf('nils'), await beginDevice(server, screen));
    expect(page.html).toContain('Lobby &lt;b&gt;screen&lt;/b&gt;');
    expect(page.html).not.toContain('<b>');
  });

  it('keeps who allowed whose device what, and from where it asked', async () => {
    const codes = await beginDevice(server, printer);
    await answerDevice(await browserOf('olga'), codes, 'deny');
    const allowed = await beginDevice(server, printer);
    await answerDevice(await browserOf('olga'), allowed);
    const recorded = () =>
      rows(
        `SELECT kind, actor = subject AS own, details FROM audit_events
         WHERE kind LIKE 'device.%' AND subject = (SELECT id::text FROM users WHERE email = 'olga@test.tmi') ORDER BY id`,
      );
    let found = await recorded();
    // They are written beside the answer.
    while (found.length < 2) found = await recorded();
    const details = { application: expect.stringMatching(/^app_/), device_address: '127.0.0.1' };
    expect(found).toEqual([
      { kind: 'device.denied', own: true, details },
      { kind: 'device.allowed', own: true, details },
    ]);
    const [consent] = await rows(
      `SELECT count(*)::int AS n FROM audit_events
       WHERE kind = 'consent.granted' AND subject = (SELECT id::text FROM users WHERE email = 'olga@test.tmi')`,
    );
    expect(consent).toEqual({ n: 1 });
  });
});

describe('R19 R20 D38 other browsers and other sites', () => {
  it('the form is of the browser that got it', async () => {
    const { user_code: code, verification_uri: uri } = await beginDevice(server, screen);
    const page = await open(new Browser(), uri);
    const stranger = await submit(new Browser(), page, { user_code: code });
    expect([stranger.status, stranger.html]).toEqual([400, expect.stringContaining('another browser')]);
    const victim = await browserOf('paul');
    expect((await submit(victim, page, { user_code: code })).status).toBe(400);
    const bare = await form(`${server}/device`, { user_code: code }, { accept: 'application/json' });
    expect([bare.status, bare.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('what follows is of that browser as well', async () => {
    const codes = await beginDevice(server, screen);
    const browser = new Browser();
    const page = await submit(browser, await open(browser, codes.verification_uri), { user_code: codes.user_code });
    const link = String(/<a href="([^"]+idp=test)">/.exec(page.html)?.[1]).replaceAll('&amp;', '&');
    expect((await open(new Browser(), link)).status).toBe(400);
    expect((await open(await browserOf('quin'), link)).status).toBe(400);
    const asked = await open(browser, link);
    expect(asked.url.pathname).toBe('/oauth2/consent');
    expect((await submit(await browserOf('rosa'), asked, { decision: 'allow' })).status).toBe(400);
    expect(await refusal(pollDevice(server, screen, codes.device_code))).toEqual([400, 'authorization_pending']);
  });

  it('R22 the first answer counts, of two people and of two pages', async () => {
    const codes = await beginDevice(server, screen);
    const [first, second] = [await browserOf('sara'), await browserOf('theo')];
    const pages = [await typeCode(first, codes), await typeCode(second, codes)] as const;
    expect((await submit(second, pages[1], { decision: 'deny' })).status).toBe(200);
    const late = await submit(first, pages[0], { decision: 'allow' });
    expect([late.status, late.html]).toEqual([400, expect.stringContaining('used or too old')]);
    expect(await refusal(pollDevice(server, screen, codes.device_code))).toEqual([400, 'access_denied']);
    expect((await submit(first, pages[0], { decision: 'allow' })).status).toBe(400);
  });

  it('D38 no page may be framed, run script or send its form elsewhere', async () => {
    const codes = await beginDevice(server, screen);
    const browser = await browserOf('ulla');
    const page = await open(browser, codes.verification_uri);
    const asked = await typeCode(browser, codes);
    for (const { headers } of [page, asked, await submit(browser, asked, { decision: 'allow' })]) {
      const policy = String(headers.get('content-security-policy'));
      for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"])
        expect(policy).toContain(part);
      expect(policy).toMatch(/form-action '(?:self|none)'/);
      expect(policy).not.toMatch(/unsafe/);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
    const shared = await send('GET', `${server}/device`, { headers: { origin: new URL(SPA).origin } });
    expect(shared.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('D32 D20 the device’s session', () => {
  it('is the person’s session’s child: it ends with it', async () => {
    const browser = await browserOf('vera');
    const codes = await beginDevice(server, screen);
    await answerDevice(browser, codes);
    const { body } = await pollDevice(server, screen, codes.device_code);
    const out = await open(browser, `${server}/oauth2/logout`);
    await submit(browser, out, { decision: 'sign_out' });
    expect(await isActive(body['access_token'])).toBe(false);
    const refresh = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
    expect(await refusal(asDevice(`${server}/oauth2/token`, screen, refresh))).toEqual([400, 'invalid_grant']);
  });

  it('is over where the person signed out before the device asked', async () => {
    const browser = await browserOf('walt');
    const codes = await beginDevice(server, screen);
    await answerDevice(browser, codes);
    await submit(browser, await open(browser, `${server}/oauth2/logout`), { decision: 'sign_out' });
    expect(await refusal(pollDevice(server, screen, codes.device_code))).toEqual([400, 'invalid_grant']);
  });

  it('is over where the consent was withdrawn, before the device asked and after', async () => {
    const [early, late] = [await beginDevice(server, screen), await beginDevice(server, screen)];
    const browser = await browserOf('xena');
    await answerDevice(browser, early);
    await answerDevice(browser, late);
    const { body } = await pollDevice(server, screen, early.device_code);
    const { access_token: own } = await signInAsTest(server, 'xena');
    const listed = await send('GET', `${server}/users/me/applications`, { headers: bearer(own) });
    const allowed = JSON.parse(listed.text) as { id: string; name: string }[];
    const id = allowed.find(({ name }) => name.startsWith('Lobby'))?.id;
    expect((await send('DELETE', `${server}/users/me/applications/${id}`, { headers: bearer(own) })).status).toBe(204);
    expect(await isActive(body['access_token'])).toBe(false);
    expect(await refusal(pollDevice(server, screen, late.device_code))).toEqual([400, 'invalid_grant']);
  });

  it('D30 its tokens do not open what is the person’s own', async () => {
    const codes = await beginDevice(server, screen);
    await answerDevice(await browserOf('yves'), codes);
    const { body } = await pollDevice(server, screen, codes.device_code);
    const headers = bearer(String(body['access_token']));
    expect((await send('GET', `${server}/client-credentials`, { headers })).status).toBe(403);
  });
});

describe('RFC 6749 §5.2 what an application is registered for', () => {
  it('a device’s application gets no code, though it has a target', async () => {
    const url = applicationUrl(server, {
      clientId: 'kiosk',
      clientSecret: SECRET,
      redirectUri: 'https://kiosk.example/',
    });
    const { answer } = await walk(new Browser(), url, 'https://kiosk.example/');
    expect(answer.searchParams.get('error')).toBe('unauthorized_client');
    const pushed = { redirect_uri: 'https://kiosk.example/', response_type: 'code', scope: 'openid' };
    const answered = form(`${server}/oauth2/par`, pushed, basic('kiosk', SECRET));
    expect(await refusal(answered)).toEqual([400, 'unauthorized_client']);
  });
});

describe('D20 Redis gone', () => {
  it('says so, 503, at every step, and afterwards grants nothing of before', async () => {
    const [database, store] = [await freshDatabase(), await startRedis()];
    const lonely = await startGatehouse({ databaseUrl: database.url, redisUrl: store.url, yaml: YAML });
    try {
      const browser = new Browser();
      const [waiting, allowed] = [await beginDevice(lonely.url, screen), await beginDevice(lonely.url, screen)];
      await answerDevice(browser, allowed);
      const page = await open(browser, waiting.verification_uri);
      const asked = await typeCode(browser, waiting);
      await store.kill();
      const gone = [503, 'temporarily_unavailable'];
      const asking = asDevice(`${lonely.url}/oauth2/device_authorization`, screen, { scope: 'openid' });
      expect(await refusal(asking)).toEqual(gone);
      for (const { device_code: code } of [waiting, allowed])
        expect(await refusal(pollDevice(lonely.url, screen, code))).toEqual(gone);
      const typed = await submit(browser, page, { user_code: waiting.user_code });
      const answered = await submit(browser, asked, { decision: 'allow' });
      for (const { status, headers } of [typed, answered])
        expect([status, headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)]);
      await store.restart();
      let after = await pollDevice(lonely.url, screen, allowed.device_code);
      while (after.status === 503) after = await pollDevice(lonely.url, screen, allowed.device_code);
      expect([after.status, after.body['error']]).toEqual([400, 'invalid_grant']);
      const again = await submit(browser, page, { user_code: waiting.user_code });
      expect(again.html).toContain('No device shows this code');
    } finally {
      await lonely.stop();
      await store.stop();
      await database.drop();
    }
  });
});

describe('R31', () => {
  it('keeps neither the device code nor the secret in a log or in the store', async () => {
    const codes = await beginDevice(server, printer);
    await pollDevice(server, printer, codes.device_code);
    const stored = await redis(async (client) => {
      const names = await client.keys('*');
      const values = await Promise.all(names.map(async (name) => client.get(name).catch(() => '')));
      return [...names, ...values].join('\n');
    });
    expect(stored).toContain(codes.user_code.replace('-', ''));
    for (const secret of [codes.device_code, SECRET]) {
      expect(stored).not.toContain(secret);
      expect(await installation.server.logged()).not.toContain(secret);
    }
  });
});
