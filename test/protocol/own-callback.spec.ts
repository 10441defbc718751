import { createServer, type RequestListener, type Server } from 'node:http';
import { createTestIdp } from '../../apps/test-idp/src/test-idp.js';
import { Browser } from '../harness/browser.js';
import { freePort } from '../harness/gatehouse.js';
import { testAuthorizeUrl } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { send } from './http.js';
import { locationOf, loginUpstream } from './upstream.js';

const CALLBACK = 'https://app.example/callback';

let installation: Installation;
let issuer: string;
let idp: Server;

beforeAll(async () => {
  const port = await freePort();
  const address = `http://localhost:${port}`;
  let handler: RequestListener = (_request, response) => response.writeHead(503).end();
  idp = createServer((request, response) => handler(request, response));
  await new Promise<void>((resolve) => idp.listen(port, 'localhost', resolve));
  const provider = (id: string, callback: string) =>
    `  - { id: ${id}, name: "${id} & <co>", type: oidc, issuer: "${address}", client_id: gatehouse, client_secret: s3cret, callback: ${callback} }`;
  installation = await startInstallation({
    yaml: [
      'test_provider: false',
      `client_callbacks: ["${CALLBACK}"]`,
      'oauth_providers:',
      provider('private', 'own'),
      provider('common', 'shared'),
    ].join('\n'),
  });
  issuer = installation.server.publicUrl;
  const redirects = [`${issuer}/oauth2/callback`, `${issuer}/oauth2/callback/private`];
  handler = createTestIdp({
    issuer: address,
    clients: [{ client_id: 'gatehouse', client_secret: 's3cret', redirect_uris: redirects, response_types: ['code'] }],
  }).callback();
});
afterAll(async () => {
  await installation.stop();
  idp.closeAllConnections();
  await new Promise((resolve) => idp.close(resolve));
});

const authorizeUrl = (id: string) =>
  testAuthorizeUrl(issuer, { idp: id, client_callback: CALLBACK, response_type: 'code' });

/** Begins, waiting for the provider that was not there when the server started. */
async function loginAt(browser: Browser, id: string, login = 'alice'): Promise<URL> {
  for (;;) {
    const answer = await browser.request(authorizeUrl(id));
    await answer.arrayBuffer();
    if (answer.status !== 503) return loginUpstream(browser, authorizeUrl(id), login);
  }
}

describe('D35 callbacks', () => {
  it('of its own: a provider’s logins end at its own address', async () => {
    const browser = new Browser();
    const back = await loginAt(browser, 'private');
    expect(back.pathname).toBe('/oauth2/callback/private');
    const target = await locationOf(await browser.request(back));
    expect(target.searchParams.get('code')).toMatch(/^gth_ac_/);
  });

  it('shared: those of the others end at the common one', async () => {
    const browser = new Browser();
    const back = await loginAt(browser, 'common', 'bob');
    expect(back.pathname).toBe('/oauth2/callback');
    const target = await locationOf(await browser.request(back));
    expect(target.searchParams.get('code')).toMatch(/^gth_ac_/);
  });

  it.each([
    ['private', '/oauth2/callback'],
    ['private', '/oauth2/callback/common'],
    ['common', '/oauth2/callback/private'],
    ['common', '/oauth2/callback/common'],
    ['private', '/oauth2/callback/nobody'],
  ])('a login at %s does not end at %s', async (id, pathname) => {
    const browser = new Browser();
    const back = await loginAt(browser, id);
    back.pathname = pathname;
    const answer = await browser.request(back);
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null]);
  });
});

describe('D17 R16 the same address from another provider', () => {
  it('takes nothing over: the person reads why, and the client gets nothing', async () => {
    const [known, stranger] = [new Browser(), new Browser()];
    await locationOf(await known.request(await loginAt(known, 'private', 'carol')));
    const back = await loginAt(stranger, 'common', 'carol');
    const page = await stranger.request(back);
    expect([page.status, page.headers.get('location')]).toEqual([409, null]);
    expect(await page.text()).toContain('<code>account_conflict</code>');
  });
});

describe('D55 no idp, and more than one to choose from', () => {
  const withoutIdp = () => {
    const url = authorizeUrl('private');
    url.searchParams.delete('idp');
    url.searchParams.set('state', '"><script>');
    return url;
  };

  it('is a page with a link to each for browsers', async () => {
    const page = await new Browser().request(withoutIdp());
    expect(page.status).toBe(200);
    const html = await page.text();
    expect(html).not.toContain('<script>');
    expect(html).toContain('private &amp; &lt;co&gt;');
    const links = [...html.matchAll(/<li><a href="([^"]+)"/g)].map(
      ([, href = '']) => new URL(href.replaceAll('&amp;', '&')),
    );
    expect(links.map((link) => link.searchParams.get('idp'))).toEqual(['private', 'common']);
    for (const link of links) {
      expect(link.href.startsWith(`${issuer}/oauth2/authorize?`)).toBe(true);
      expect(link.searchParams.get('state')).toBe('"><script>');
      expect((await send('GET', link)).status).toBe(302);
    }
  });

  it('OIDC Core §3.1.2.1: prompt=none asks nobody, not even which provider', async () => {
    const url = withoutIdp();
    url.searchParams.set('prompt', 'none');
    const { status, body } = await send('GET', url, { headers: { accept: 'application/json' } });
    expect([status, body['error']]).toEqual([400, 'interaction_required']);
    const page = await new Browser().request(url);
    expect(page.status).toBe(400);
    expect(await page.text()).not.toContain('class="providers"');
  });

  it('is 400 for API callers', async () => {
    const { status, body } = await send('GET', withoutIdp(), { headers: { accept: 'application/json' } });
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
  });

  it('D22: test is not there where a setting turned it off', async () => {
    const answer = await send('GET', authorizeUrl('test'), { headers: { accept: 'application/json' } });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });
});
