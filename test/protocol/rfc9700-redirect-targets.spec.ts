import fc from 'fast-check';
import { applicationUrl, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { startInstallation, type Installation } from '../harness/suite.js';

const SECRET = 'a-secret-of-these-applications-with-enough-characters';
const wiki: TestApplication = {
  clientId: 'wiki',
  clientSecret: SECRET,
  redirectUri: 'https://wiki.example/callback',
};
const chat: TestApplication = { ...wiki, clientId: 'chat', redirectUri: 'https://chat.example/cb?tenant=1' };
const phone: TestApplication = {
  clientId: 'phone',
  clientSecret: undefined,
  redirectUri: 'http://127.0.0.1:4000/callback',
};
const LOCAL = 'http://localhost:5000/callback';
const BYE = 'https://wiki.example/bye';
const YAML = `
applications:
  - { client_id: wiki, client_secret: ${SECRET}, name: Wiki, redirect_uris: ['${wiki.redirectUri}'],
      post_logout_redirect_uris: ['${BYE}'] }
  - { client_id: chat, client_secret: ${SECRET}, name: Chat, redirect_uris: ['${chat.redirectUri}'] }
  - { client_id: phone, name: Phone, redirect_uris: ['${phone.redirectUri}', '${LOCAL}'] }
`;

let installation: Installation;
let server: string;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
  server = installation.server.url;
});
afterAll(() => installation.stop());

/** A request that is answered at once by a redirect with an error, wherever its target is taken to be registered. */
const wrongUrl = (application: TestApplication, redirectUri: string) =>
  applicationUrl(server, application, { redirect_uri: redirectUri, response_type: 'token', state: 's' });

describe('RFC 9700 §4.1.3 a redirect target is a registered string and nothing else', () => {
  it.each([
    ['a longer path', 'https://wiki.example/callbackX'],
    ['a shorter one', 'https://wiki.example/callbac'],
    ['a path below', 'https://wiki.example/callback/evil'],
    ['a slash at the end', 'https://wiki.example/callback/'],
    ['a path that climbs', 'https://wiki.example/evil/../callback'],
    ['one that climbs out', 'https://wiki.example/callback/../evil'],
    ['one that climbs in disguise', 'https://wiki.example/callback/%2e%2e/evil'],
    ['an encoded letter', 'https://wiki.example/%63allback'],
    ['another case', 'https://wiki.example/Callback'],
    ['another case of the host', 'https://WIKI.example/callback'],
    ['a query', 'https://wiki.example/callback?next=https://evil.example/'],
    ['an empty query', 'https://wiki.example/callback?'],
    ['a fragment', 'https://wiki.example/callback#x'],
    ['an empty fragment', 'https://wiki.example/callback#'],
    ['the default port', 'https://wiki.example:443/callback'],
    ['another port', 'https://wiki.example:8443/callback'],
    ['plain http', 'http://wiki.example/callback'],
    ['no scheme', '//wiki.example/callback'],
    ['a host that begins alike', 'https://wiki.example.evil.example/callback'],
    ['a host that ends alike', 'https://evilwiki.example/callback'],
    ['a subdomain', 'https://x.wiki.example/callback'],
    ['a dot at the end of the host', 'https://wiki.example./callback'],
    ['user info', 'https://wiki.example@evil.example/callback'],
    ['user info with a password', 'https://wiki.example:callback@evil.example/callback'],
    ['user info before the host', 'https://evil.example@wiki.example/callback'],
    ['an encoded at-sign', 'https://wiki.example%40evil.example/callback'],
    ['a backslash', 'https://evil.example\\@wiki.example/callback'],
    ['backslashes for slashes', 'https:\\\\wiki.example\\callback'],
    ['a tabulator', 'https://wiki.example/call\tback'],
    ['a line', 'https://wiki.example/callback\r\nLocation: https://evil.example/'],
    ['a blank before', ' https://wiki.example/callback'],
    ['a zero', 'https://wiki.example/callback\u0000'],
    ['a wide letter', 'https://wiki.example/c\uff41llback'],
    ['another script', 'javascript:alert(1)//https://wiki.example/callback'],
    ['data', 'data:text/html,https://wiki.example/callback'],
    ['that of another application', chat.redirectUri],
    ['its own page of logout', BYE],
    ['us', '/oauth2/consent'],
  ])('not with %s', async (_what, candidate) => {
    for (const method of ['GET', 'POST'] as const) {
      const url = wrongUrl(wiki, candidate);
      const { searchParams: body } = url;
      const answer = await (method === 'GET'
        ? new Browser().request(url)
        : new Browser().request(`${server}/oauth2/authorize`, { method, body }));
      expect([answer.status, answer.headers.get('location'), answer.headers.get('refresh')]).toEqual([400, null, null]);
      expect(await answer.text()).not.toMatch(/<a /);
    }
  });

  it.each([
    ['another port of localhost, which is a name', 'http://localhost:5001/callback'],
    ['another loopback address', 'http://127.0.0.2:4000/callback'],
    ['the same address written otherwise', 'http://0x7f.1:4000/callback'],
    ['the same address as one number', 'http://2130706433:4000/callback'],
    ['IPv6 around IPv4', 'http://[::ffff:127.0.0.1]:4000/callback'],
    ['the other loopback literal', 'http://[::1]:4000/callback'],
    ['https', 'https://127.0.0.1:4000/callback'],
    ['user info that looks like it', 'http://127.0.0.1:4000@evil.example/callback'],
    ['a name that begins like it', 'http://127.0.0.1.evil.example:4000/callback'],
    ['another path', 'http://127.0.0.1:4001/other'],
    ['a query', 'http://127.0.0.1:4001/callback?x'],
    ['a port that is none', 'http://127.0.0.1:99999/callback'],
  ])('not with %s, where RFC 8252 §7.3 frees the port', async (_what, candidate) => {
    const answer = await new Browser().request(wrongUrl(phone, candidate));
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null]);
  });

  it('whatever is asked for, the browser goes to a registered target, to a loopback literal’s other port, or nowhere', async () => {
    const registered = [wiki.redirectUri, chat.redirectUri, phone.redirectUri, LOCAL];
    const port = fc.integer({ min: 0, max: 70_000 });
    const piece = fc.constantFrom('', '/', '@', '#', '?', '.', ':', '\\', '%2f', '..', ' ', '\t', 'evil.example');
    const cut = fc.tuple(fc.constantFrom(...registered), fc.nat(40), fc.nat(3), piece);
    const candidate = fc.oneof(
      cut.map(([text, at, less, more]) => text.slice(0, at) + more + text.slice(at + less)),
      fc.tuple(fc.constantFrom(...registered), piece).map(([text, more]) => text + more),
      port.map((number) => `http://127.0.0.1:${number}/callback`),
      port.map((number) => `http://localhost:${number}/callback`),
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc.constantFrom(...registered),
    );
    const application = fc.constantFrom(wiki, chat, phone);
    const reached = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(application, candidate, async (client, target) => {
        const own = client === phone ? [phone.redirectUri, LOCAL] : [client.redirectUri];
        const free = client === phone && /^http:\/\/127\.0\.0\.1(:[1-9]\d*|:0)?\/callback$/.test(target);
        const answer = await new Browser().request(wrongUrl(client, target));
        const location = answer.headers.get('location');
        reached.add(location !== null);
        if (location === null) expect(own).not.toContain(target);
        else {
          expect(own.includes(target) || free).toBe(true);
          const joint = target.includes('?') ? '&' : '?';
          expect(location.startsWith(`${target}${joint}error=`)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
    // A property that never saw the one or the other would prove little.
    expect(reached.size).toBe(2);
  });
});
