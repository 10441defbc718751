import { applicationUrl, signInto, walk, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { claimsOf } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { form } from './http.js';

const SECRET = 'a-secret-of-these-applications-with-enough-characters';
const wiki: TestApplication = {
  clientId: 'wiki',
  clientSecret: SECRET,
  redirectUri: 'https://wiki.example/callback',
};
const chat: TestApplication = { ...wiki, clientId: 'chat', redirectUri: 'https://chat.example/callback' };
const desk: TestApplication = { ...wiki, clientId: 'desk', redirectUri: 'https://desk.example/callback' };
const BYE = 'https://wiki.example/bye';
const YAML = `
applications:
  - { client_id: wiki, client_secret: ${SECRET}, name: Wiki, redirect_uris: [${wiki.redirectUri}], consent: skip,
      post_logout_redirect_uris: [${BYE}, 'https://wiki.example'] }
  - { client_id: chat, client_secret: ${SECRET}, name: Chat, redirect_uris: [${chat.redirectUri}], consent: skip }
  - { client_id: desk, client_secret: ${SECRET}, name: Desk, redirect_uris: [${desk.redirectUri}], consent: skip,
      frontchannel_logout_uri: 'https://desk.example/out?a=b' }
`;

let installation: Installation;
let server: string;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
  server = installation.server.url;
});
afterAll(() => installation.stop());

function logoutUrl(parameters: Readonly<Record<string, string>>): URL {
  const url = new URL('/oauth2/logout', server);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}

async function isActive(token: string): Promise<unknown> {
  return (await form(`${server}/oauth2/introspect`, { token })).body['active'];
}

async function isSignedIn(browser: Browser): Promise<boolean> {
  const { answer } = await walk(browser, applicationUrl(server, chat, { prompt: 'none' }), chat.redirectUri);
  return answer.searchParams.has('code');
}

/** Presses a button of the question. */
async function press(browser: Browser, html: string, decision: 'sign_out' | 'stay'): Promise<Response> {
  const ticket = String(/name="ticket" value="([^"]+)"/.exec(html)?.[1]);
  const body = new URLSearchParams({ ticket, decision });
  return browser.request(new URL('/oauth2/logout/answer', server), { method: 'POST', body });
}

describe('RP-Initiated Logout §2', () => {
  it('ends the session here and what every application got out of it, and leads back with state', async () => {
    const inWiki = await signInto(server, wiki, 'ann');
    const inChat = await signInto(server, chat, 'ann', {}, inWiki.browser);
    const hint = { id_token_hint: String(inWiki.id_token), post_logout_redirect_uri: BYE, state: 'x y' };
    const response = await inWiki.browser.request(logoutUrl(hint));
    expect(response.headers.get('location')).toBe(`${BYE}?state=x+y`);
    expect([await isActive(inWiki.access_token), await isActive(inChat.access_token)]).toEqual([false, false]);
    expect(await isSignedIn(inWiki.browser)).toBe(false);
  });

  it('leads on by a page after a form, because browsers hold a form’s policy against redirects', async () => {
    const { browser, id_token } = await signInto(server, wiki, 'bob');
    const body = new URLSearchParams({ id_token_hint: String(id_token), post_logout_redirect_uri: BYE });
    const response = await browser.request(logoutUrl({}), { method: 'POST', body });
    expect([response.status, response.headers.get('refresh')]).toEqual([200, `0; url=${BYE}`]);
  });

  it('ends the session that the ID token names where the browser has none any more', async () => {
    const tokens = await signInto(server, wiki, 'carl');
    const response = await new Browser().request(logoutUrl({ id_token_hint: String(tokens.id_token) }));
    expect(await response.text()).toContain('You are signed out');
    expect(await isActive(tokens.access_token)).toBe(false);
  });

  it('is told in discovery', async () => {
    const metadata = await fetch(`${server}/.well-known/openid-configuration`);
    expect(await metadata.json()).toMatchObject({
      end_session_endpoint: `${installation.server.publicUrl}/oauth2/logout`,
    });
  });
});

describe('RP-Initiated Logout §3.1', () => {
  it('leads to an origin as it was registered, without a slash', async () => {
    const { browser, id_token: idToken } = await signInto(server, wiki, 'lena');
    const parameters = { id_token_hint: String(idToken), state: 'x' };
    const slashed = { ...parameters, post_logout_redirect_uri: 'https://wiki.example/' };
    expect((await browser.request(logoutUrl(slashed))).status).toBe(400);
    const plain = { ...parameters, post_logout_redirect_uri: 'https://wiki.example' };
    const response = await browser.request(logoutUrl(plain));
    expect(response.headers.get('location')).toBe('https://wiki.example?state=x');
  });
});

describe('RP-Initiated Logout §6 any site may send a browser here', () => {
  it.each([
    ['without an ID token', () => ({})],
    [
      'with one of another session',
      async () => ({ id_token_hint: String((await signInto(server, wiki, 'dora')).id_token) }),
    ],
  ])('asks the person %s, and ends nothing unless he says so', async (_what, hint) => {
    const { browser, access_token } = await signInto(server, wiki, 'emil');
    const parameters = { ...(await hint()), client_id: 'wiki', post_logout_redirect_uri: BYE };
    const stay = await browser.request(logoutUrl(parameters));
    expect(stay.status).toBe(200);
    await press(browser, await stay.text(), 'stay');
    expect(await isActive(access_token)).toBe(true);
    const leave = await press(browser, await (await browser.request(logoutUrl(parameters))).text(), 'sign_out');
    expect(leave.headers.get('refresh')).toBe(`0; url=${BYE}`);
    expect(await isActive(access_token)).toBe(false);
  });

  it('takes the answer from nobody else: not without the cookie, not twice', async () => {
    const { browser, access_token } = await signInto(server, wiki, 'finn');
    const html = await (await browser.request(logoutUrl({}))).text();
    expect((await press(new Browser(), html, 'sign_out')).status).toBe(400);
    expect((await press(browser, html, 'sign_out')).status).toBe(400);
    expect(await isActive(access_token)).toBe(true);
  });
});

describe('RP-Initiated Logout §3 R18 where the browser may go', () => {
  it.each([
    ['a target that is not registered', { client_id: 'wiki', post_logout_redirect_uri: 'https://evil.example/' }],
    ['one that is another application’s', { client_id: 'chat', post_logout_redirect_uri: BYE }],
    ['a target without a client', { post_logout_redirect_uri: BYE }],
    ['a hint that is none of ours', { id_token_hint: 'eyJhbGciOiJub25lIn0.e30.' }],
  ])('refuses %s, and ends nothing', async (_what, parameters) => {
    const { browser, access_token } = await signInto(server, wiki, 'gina');
    const response = await browser.request(logoutUrl(parameters as Record<string, string>));
    expect([response.status, response.headers.get('location')]).toEqual([400, null]);
    expect(await isActive(access_token)).toBe(true);
  });

  it('refuses an access token as a hint (D33), and a client_id that is not the hint’s', async () => {
    const tokens = await signInto(server, wiki, 'hugo');
    const wrong: Record<string, string>[] = [
      { id_token_hint: tokens.access_token },
      { id_token_hint: String(tokens.id_token), client_id: 'chat' },
    ];
    for (const parameters of wrong) expect((await tokens.browser.request(logoutUrl(parameters))).status).toBe(400);
    expect(await isActive(tokens.access_token)).toBe(true);
  });
});

describe('Front-Channel Logout §2', () => {
  it('frames the applications that want to be told, with iss and sid, and those alone', async () => {
    const { browser, id_token } = await signInto(server, desk, 'kurt');
    await signInto(server, wiki, 'kurt', {}, browser);
    const hint = { id_token_hint: String(id_token), client_id: 'desk' };
    const response = await browser.request(logoutUrl(hint));
    const policy = response.headers.get('content-security-policy');
    const iss = encodeURIComponent(installation.server.publicUrl);
    const sid = String(claimsOf(String(id_token))['sid']);
    expect(await response.text()).toContain(`src="https://desk.example/out?a=b&amp;iss=${iss}&amp;sid=${sid}"`);
    expect(policy).toContain('frame-src https://desk.example;');
  });
});

describe('OIDC Core §3.1.2.1 id_token_hint', () => {
  it('is answered for that person alone', async () => {
    const iris = await signInto(server, chat, 'iris');
    const jane = await signInto(server, chat, 'jane');
    const ask = async (hint: string | undefined) => {
      const url = applicationUrl(server, chat, { prompt: 'none', id_token_hint: hint });
      return (await walk(iris.browser, url, chat.redirectUri)).answer.searchParams.get('error');
    };
    expect(await ask(iris.id_token)).toBeNull();
    expect(await ask(jane.id_token)).toBe('login_required');
    expect(claimsOf(String(jane.id_token))['sid']).not.toBe(claimsOf(String(iris.id_token))['sid']);
  });
});
