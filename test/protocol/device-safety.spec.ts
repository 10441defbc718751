import { applicationUrl, walk } from '../harness/application.js';
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
} from '../harness/device.js';
import { newDpopKey } from '../harness/dpop-key.js';
import { startGatehouse } from '../harness/gatehouse.js';
import { freshDatabase } from '../harness/postgres.js';
import { startRedis } from '../harness/redis-server.js';
import { bearer, claimsOf, signInAsTest } from '../harness/sign-in.js';
import { DeviceSuite, kiosk, locked, printer, refusal, screen, SECRET, SPA, YAML } from './device-suite.js';
import { basic, form, send } from './http.js';

let suite: DeviceSuite;
let server: string;

beforeAll(async () => {
  suite = await DeviceSuite.start();
  server = suite.server;
});
afterAll(() => suite.stop());

describe('RFC 8628 §5.1 guessing', () => {
  it('ends after ten wrong codes of one address, for a right one too', async () => {
    const guarded = await startGatehouse({
      databaseUrl: suite.installation.databaseUrl,
      redisUrl: suite.installation.redisUrl,
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
    const person = await suite.browserOf('mona');
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
    const page = await typeCode(await suite.browserOf('nils'), await beginDevice(server, screen));
    expect(page.html).toContain('Lobby &lt;b&gt;screen&lt;/b&gt;');
    expect(page.html).not.toContain('<b>');
  });

  it('keeps who allowed whose device what, and from where it asked', async () => {
    const codes = await beginDevice(server, printer);
    await answerDevice(await suite.browserOf('olga'), codes, 'deny');
    const allowed = await beginDevice(server, printer);
    await answerDevice(await suite.browserOf('olga'), allowed);
    const recorded = () =>
      suite.rows(
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
    const [consent] = await suite.rows(
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
    const victim = await suite.browserOf('paul');
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
    expect((await open(await suite.browserOf('quin'), link)).status).toBe(400);
    const asked = await open(browser, link);
    expect(asked.url.pathname).toBe('/oauth2/consent');
    expect((await submit(await suite.browserOf('rosa'), asked, { decision: 'allow' })).status).toBe(400);
    expect(await refusal(pollDevice(server, screen, codes.device_code))).toEqual([400, 'authorization_pending']);
  });

  it('R22 the first answer counts, of two people and of two pages', async () => {
    const codes = await beginDevice(server, screen);
    const [first, second] = [await suite.browserOf('sara'), await suite.browserOf('theo')];
    const pages = [await typeCode(first, codes), await typeCode(second, codes)] as const;
    expect((await submit(second, pages[1], { decision: 'deny' })).status).toBe(200);
    const late = await submit(first, pages[0], { decision: 'allow' });
    expect([late.status, late.html]).toEqual([400, expect.stringContaining('used or too old')]);
    expect(await refusal(pollDevice(server, screen, codes.device_code))).toEqual([400, 'access_denied']);
    expect((await submit(first, pages[0], { decision: 'allow' })).status).toBe(400);
  });

  it('D38 no page may be framed, run script or send its form elsewhere', async () => {
    const codes = await beginDevice(server, screen);
    const browser = await suite.browserOf('ulla');
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
    const browser = await suite.browserOf('vera');
    const codes = await beginDevice(server, screen);
    await answerDevice(browser, codes);
    const { body } = await pollDevice(server, screen, codes.device_code);
    const out = await open(browser, `${server}/oauth2/logout`);
    await submit(browser, out, { decision: 'sign_out' });
    expect(await suite.isActive(body['access_token'])).toBe(false);
    const refresh = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
    expect(await refusal(asDevice(`${server}/oauth2/token`, screen, refresh))).toEqual([400, 'invalid_grant']);
  });

  it('is over where the person signed out before the device asked', async () => {
    const browser = await suite.browserOf('walt');
    const codes = await beginDevice(server, screen);
    await answerDevice(browser, codes);
    await submit(browser, await open(browser, `${server}/oauth2/logout`), { decision: 'sign_out' });
    expect(await refusal(pollDevice(server, screen, codes.device_code))).toEqual([400, 'invalid_grant']);
  });

  it('is over where the consent was withdrawn, before the device asked and after', async () => {
    const [early, late] = [await beginDevice(server, screen), await beginDevice(server, screen)];
    const browser = await suite.browserOf('xena');
    await answerDevice(browser, early);
    await answerDevice(browser, late);
    const { body } = await pollDevice(server, screen, early.device_code);
    const { access_token: own } = await signInAsTest(server, 'xena');
    const listed = await send('GET', `${server}/users/me/applications`, { headers: bearer(own) });
    const allowed = JSON.parse(listed.text) as { id: string; name: string }[];
    const id = allowed.find(({ name }) => name.startsWith('Lobby'))?.id;
    expect((await send('DELETE', `${server}/users/me/applications/${id}`, { headers: bearer(own) })).status).toBe(204);
    expect(await suite.isActive(body['access_token'])).toBe(false);
    expect(await refusal(pollDevice(server, screen, late.device_code))).toEqual([400, 'invalid_grant']);
  });

  it('D30 its tokens do not open what is the person’s own', async () => {
    const codes = await beginDevice(server, screen);
    await answerDevice(await suite.browserOf('yves'), codes);
    const { body } = await pollDevice(server, screen, codes.device_code);
    const headers = bearer(String(body['access_token']));
    expect((await send('GET', `${server}/client-credentials`, { headers })).status).toBe(403);
  });
});

describe('RFC 9449 §5 a device with a key', () => {
  it('§5.2 gets nothing without a proof where it is registered so, which uses nothing up', async () => {
    const codes = await beginDevice(server, locked);
    await answerDevice(await suite.browserOf('zora'), codes);
    const bare = [400, 'invalid_dpop_proof'];
    expect(await refusal(pollDevice(server, locked, codes.device_code))).toEqual(bare);
    const key = await newDpopKey();
    const grant = { client_id: 'locked', grant_type: DEVICE_CODE_GRANT, device_code: codes.device_code };
    const proof = await key.prove('POST', `${server}/oauth2/token`);
    const { status, body } = await form(`${suite.other.url}/oauth2/token`, grant, { dpop: proof });
    expect([status, body['token_type']]).toEqual([200, 'DPoP']);
    expect(claimsOf(String(body['access_token']))['cnf']).toEqual({ jkt: key.jkt });
    const refresh = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
    expect(await refusal(asDevice(`${server}/oauth2/token`, locked, refresh))).toEqual(bare);
  });
});

describe('RFC 6749 §5.2 what an application is registered for', () => {
  it('a device’s application gets no code, though it has a target', async () => {
    const { answer } = await walk(new Browser(), applicationUrl(server, kiosk), kiosk.redirectUri);
    expect(answer.searchParams.get('error')).toBe('unauthorized_client');
    const pushed = { redirect_uri: kiosk.redirectUri, response_type: 'code', scope: 'openid' };
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
    const stored = await suite.redis(async (client) => {
      const names = await client.keys('*');
      const values = await Promise.all(names.map(async (name) => client.get(name).catch(() => '')));
      return [...names, ...values].join('\n');
    });
    expect(stored).toContain(codes.user_code.replace('-', ''));
    for (const secret of [codes.device_code, SECRET]) {
      expect(stored).not.toContain(secret);
      expect(await suite.installation.server.logged()).not.toContain(secret);
    }
  });
});
