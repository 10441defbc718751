import { applicationUrl, redeem, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { send } from './http.js';

const SECRET = 'a-secret-of-the-portal-with-enough-characters';
const portal: TestApplication = {
  clientId: 'portal',
  clientSecret: SECRET,
  redirectUri: 'https://portal.example/signin-oidc?tenant=a&b',
};
const shy: TestApplication = { ...portal, clientId: 'shy', redirectUri: 'https://shy.example/cb' };
const YAML = `
applications:
  - { client_id: portal, client_secret: ${SECRET}, name: Portal, redirect_uris: ['${portal.redirectUri}'], consent: skip }
  - { client_id: shy, client_secret: ${SECRET}, name: Shy, redirect_uris: ['${shy.redirectUri}'] }
`;

let installation: Installation;
let server: string;
beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
  server = installation.server.url;
});
afterAll(() => installation.stop());

const posting = (parameters: Record<string, string>, application = portal) =>
  applicationUrl(server, application, { response_mode: 'form_post', ...parameters });

/** What the form on a page sends, and where. */
function formOf(page: string) {
  const plain = (text = '') =>
    text
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&');
  const inputs = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  return {
    action: plain(/<form method="post" action="([^"]*)">/.exec(page)?.[1]),
    fields: Object.fromEntries(inputs.map(([, name, value]) => [plain(name), plain(value)])),
  };
}

/** Walks to the first page that is no redirect; answers where it is as well. */
async function arrive(browser: Browser, begin: URL): Promise<{ at: URL; response: Response; page: string }> {
  let at = begin;
  for (let hops = 0; hops < 10; hops += 1) {
    const response = await browser.request(at);
    const location = response.headers.get('location');
    if (location === null) return { at, response, page: await response.text() };
    at = new URL(location, at);
    if (at.origin !== new URL(server).origin) return { at, response, page: '' };
  }
  throw new Error('too many redirects');
}

describe('OAuth 2.0 Form Post Response Mode §2', () => {
  it('brings the code in a form that the browser sends on, and in no address', async () => {
    const state = `a"b'c&<d>`;
    const browser = new Browser();
    for (const who of ['a new session', 'a session that is there']) {
      const { response, page } = await arrive(browser, posting({ login_hint: 'ann', state }));
      expect([who, response.status, response.headers.get('cache-control')]).toEqual([who, 200, 'no-store']);
      const { action, fields } = formOf(page);
      expect(action).toBe(portal.redirectUri);
      expect(fields).toEqual({ code: expect.any(String), state, iss: installation.server.publicUrl });
      const { status, body } = await redeem(server, portal, String(fields['code']));
      expect([status, typeof body['id_token']]).toEqual([200, 'string']);
    }
  });

  it('D34: brings errors the same way', async () => {
    const { page } = await arrive(new Browser(), posting({ prompt: 'none', state: 's' }));
    expect(formOf(page)).toEqual({
      action: portal.redirectUri,
      fields: {
        error: 'login_required',
        error_description: expect.any(String),
        state: 's',
        iss: installation.server.publicUrl,
      },
    });
  });

  it.each([
    ['allow', { code: expect.any(String) }],
    ['deny', { error: 'access_denied' }],
  ])('also from the consent page: %s', async (decision, expected) => {
    const browser = new Browser();
    const { at, page } = await arrive(browser, posting({ login_hint: 'bea', prompt: 'consent' }, shy));
    expect(at.pathname).toBe('/oauth2/consent');
    const ticket = /name="ticket" value="([^"]+)"/.exec(page)?.[1] ?? '';
    const body = new URLSearchParams({ ticket, decision });
    const answer = await browser.request(new URL('/oauth2/consent', server), { method: 'POST', body });
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect([answer.status, answer.headers.get('refresh'), policy.includes('form-action')]).toEqual([200, null, false]);
    expect(formOf(await answer.text())).toMatchObject({ action: shy.redirectUri, fields: expected });
  });

  it('R18: is no way around the registered targets', async () => {
    const { response, page } = await arrive(new Browser(), posting({ redirect_uri: 'https://evil.example/' }));
    expect(response.status).toBe(400);
    expect(page).not.toContain('evil.example');
  });

  it.each(['fragment', 'jwt', 'web_message'])('%s is no mode of ours, which the application is told', async (mode) => {
    const { at } = await arrive(new Browser(), posting({ response_mode: mode }));
    expect(at.href.startsWith(`${portal.redirectUri}&`)).toBe(true);
    expect(at.searchParams.get('error')).toBe('invalid_request');
    expect(at.searchParams.get('error_description')).toContain('response_mode');
  });

  it('RFC 8414 §2: the metadata lists both modes', async () => {
    const { body } = await send('GET', `${server}/.well-known/openid-configuration`);
    expect(body['response_modes_supported']).toEqual(['query', 'form_post']);
  });
});
