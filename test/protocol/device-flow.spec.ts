import { asserting } from '../harness/application-key.js';
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
import { bearer, claimsOf } from '../harness/sign-in.js';
import { API, blue, DeviceSuite, printer, refusal, robotKey, screen, SECRET, wiki } from './device-suite.js';
import { basic, form, machineOf, NO_STORE, send } from './http.js';

let suite: DeviceSuite;
let server: string;

beforeAll(async () => {
  suite = await DeviceSuite.start();
  server = suite.server;
});
afterAll(() => suite.stop());

const CODE = /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/;
const begin = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  form(`${server}/oauth2/device_authorization`, fields, headers);

describe('RFC 8628 §3.1 the device asks', () => {
  it('authenticated as at the token endpoint: by secret, by key, or by its name alone where it is public', async () => {
    const asked = { scope: 'openid' };
    expect((await begin(asked, basic('printer', SECRET))).status).toBe(200);
    expect((await begin({ ...asked, client_id: 'printer', client_secret: SECRET })).status).toBe(200);
    const aud = suite.installation.server.publicUrl;
    expect((await begin({ ...asked, ...(await asserting('robot', robotKey, { aud })) })).status).toBe(200);
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
    const { publicUrl } = suite.installation.server;
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
    const { status, headers, body } = await pollDevice(suite.other.url, screen, codes.device_code);
    expect([status, headers.get('cache-control'), headers.get('pragma')]).toEqual([200, 'no-store', 'no-cache']);
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'openid profile email offline_access' });
    const { publicUrl } = suite.installation.server;
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
    const browser = await suite.browserOf('bob');
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
    const codes = await beginDevice(suite.other.url, screen);
    await answerDevice(await suite.browserOf('carl'), codes);
    expect((await pollDevice(suite.other.url, screen, codes.device_code)).status).toBe(200);
  });

  it('signs in at a provider of the application’s organization, whoever he is elsewhere (R27)', async () => {
    const codes = await beginDevice(server, blue);
    const browser = await suite.browserOf('dora');
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
    const browser = await suite.browserOf('erin');
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
    await answerDevice(await suite.browserOf('fred'), codes);
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
    await answerDevice(await suite.browserOf('gina'), codes);
    const { body } = await pollDevice(server, screen, codes.device_code);
    for (const at of [server, suite.other.url])
      expect(await refusal(pollDevice(at, screen, codes.device_code))).toEqual([400, 'invalid_grant']);
    expect(await suite.isActive(body['access_token'])).toBe(true);
  });

  it('R22 gets tokens once where polls race at two instances', async () => {
    for (let round = 0; round < 5; round++) {
      const codes = await beginDevice(server, screen);
      await answerDevice(await suite.browserOf('hugo'), codes);
      const polls = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          pollDevice(index % 2 === 0 ? server : suite.other.url, screen, codes.device_code),
        ),
      );
      const granted = polls.filter(({ status }) => status === 200);
      expect(granted).toHaveLength(1);
      expect(new Set(polls.filter(({ status }) => status !== 200).map(({ body }) => body['error']))).toEqual(
        new Set(['invalid_grant']),
      );
      expect(await suite.isActive(granted[0]?.body['access_token'])).toBe(true);
    }
  });

  it('for an API (RFC 8707): the one asked for at the beginning, which a wrong name does not use up', async () => {
    const codes = await beginDevice(server, screen, { resource: API });
    await answerDevice(await suite.browserOf('iris'), codes);
    const elsewhere = { resource: 'https://other.example/' };
    expect(await refusal(pollDevice(server, screen, codes.device_code, elsewhere))).toEqual([400, 'invalid_target']);
    const { body } = await pollDevice(server, screen, codes.device_code, { resource: API });
    expect(claimsOf(String(body['access_token']))['aud']).toContain(API);
  });

  it('a refresh token comes where it was registered for one, and is good (D13)', async () => {
    const browser = await suite.browserOf('jane');
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
    const slowed = await pollDevice(suite.other.url, screen, code);
    expect([slowed.status, slowed.body]).toMatchObject([
      400,
      { error: 'slow_down', error_description: expect.stringContaining('10 seconds') },
    ]);
    expect((await pollDevice(server, screen, code)).body['error_description']).toContain('15 seconds');
  });

  it('access_denied where the person refused, and goes on to be told so', async () => {
    const codes = await beginDevice(server, screen);
    const done = await answerDevice(await suite.browserOf('karl'), codes, 'deny');
    expect(done.html).toContain('Your device was not signed in');
    for (const at of [server, suite.other.url, server])
      expect(await refusal(pollDevice(at, screen, codes.device_code))).toEqual([400, 'access_denied']);
  });

  it('expired_token after the end, and the person cannot answer any more', async () => {
    const codes = await beginDevice(server, screen);
    const browser = await suite.browserOf('lena');
    const asked = await typeCode(browser, codes);
    await suite.redis(async (client) => {
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
        device_authorization_endpoint: `${suite.installation.server.publicUrl}/oauth2/device_authorization`,
        grant_types_supported: expect.arrayContaining([DEVICE_CODE_GRANT]),
      });
    }
  });
});
