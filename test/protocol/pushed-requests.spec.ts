import { Redis } from 'ioredis';
import { asserting, newApplicationKey } from '../harness/application-key.js';
import { decide, redeem, walk, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { claimsOf, pkcePair } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, machineOf, send, NO_STORE, type Answer } from './http.js';

const SECRET = 'a-secret-of-the-wiki-with-enough-characters';
const key = newApplicationKey('one');
const wiki: TestApplication = { clientId: 'wiki', clientSecret: SECRET, redirectUri: 'https://wiki.example/callback' };
const chat: TestApplication = { ...wiki, clientId: 'chat', redirectUri: 'https://chat.example/callback' };
const robot: TestApplication = { clientId: 'robot', clientSecret: undefined, redirectUri: 'https://robot.example/cb' };
const phone: TestApplication = { clientId: 'phone', clientSecret: undefined, redirectUri: 'http://127.0.0.1:4000/cb' };
const SPA = 'http://localhost:4999/callback';
const YAML = `
oauth_providers:
  - { id: acme, type: oidc, issuer: 'http://localhost:9/', name: Acme, client_id: x, client_secret: not-used-here }
client_callbacks: [{ client_id: spa, url: '${SPA}' }]
applications:
  - { client_id: wiki, client_secret: ${SECRET}, name: The Wiki, redirect_uris: [${wiki.redirectUri}], consent: skip }
  - { client_id: chat, client_secret: ${SECRET}, name: Chat, redirect_uris: [${chat.redirectUri}] }
  - { client_id: robot, name: Robot, redirect_uris: [${robot.redirectUri}], jwks: ${key.jwks}, consent: skip }
  - { client_id: phone, name: Phone, redirect_uris: ['${phone.redirectUri}'] }
`;
const UNKNOWN = `urn:ietf:params:oauth:request_uri:${'x'.repeat(43)}`;

let installation: Installation;
let server: string;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
  server = installation.server.url;
});
afterAll(() => installation.stop());

type Fields = Readonly<Record<string, string | undefined>>;

const requestOf = ({ clientId, redirectUri }: TestApplication, changes: Fields = {}): Record<string, string> => {
  const all: Fields = {
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid profile email',
    idp: 'test',
    login_hint: 'ann',
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
};

function push(application: TestApplication, changes: Fields = {}): Promise<Answer> {
  const { clientId, clientSecret } = application;
  const headers = clientSecret === undefined ? {} : basic(clientId, clientSecret);
  return form(`${server}/oauth2/par`, requestOf(application, changes), headers);
}

async function pushed(application: TestApplication, changes: Fields = {}): Promise<string> {
  const { status, body, text } = await push(application, changes);
  if (status !== 201) throw new Error(`pushing answered ${status}: ${text}`);
  return String(body['request_uri']);
}

function authorizeUrl(application: TestApplication, requestUri: string, changes: Record<string, string> = {}): URL {
  const url = new URL('/oauth2/authorize', server);
  const query = { client_id: application.clientId, request_uri: requestUri, ...changes };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

const go = (application: TestApplication, url: URL, browser = new Browser()) =>
  walk(browser, url, application.redirectUri);

/** The page or JSON that the person gets in the place of a redirect. */
async function refusalOf(url: URL, browser = new Browser()) {
  const response = await browser.request(url, { headers: { accept: 'application/json' } });
  const location = response.headers.get('location');
  return { status: response.status, location, ...((await response.json()) as { error: string }) };
}
const UNUSABLE = { status: 400, location: null, error: 'invalid_request_uri' };

describe('RFC 9126 §2.2', () => {
  it('answers 201 with what stands for the request, not to be stored', async () => {
    const answer = await push(wiki);
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject(NO_STORE);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.body).toEqual({
      request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:[A-Za-z0-9_-]{43}$/),
      expires_in: 90,
    });
    expect((await push(wiki)).body['request_uri']).not.toBe(answer.body['request_uri']);
  });

  it('leads to tokens as if the parameters had been sent through the browser', async () => {
    const { verifier, challenge } = pkcePair();
    const requestUri = await pushed(wiki, {
      state: 's t',
      nonce: 'n-1',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    });
    const { answer } = await go(wiki, authorizeUrl(wiki, requestUri));
    expect(Object.fromEntries(answer.searchParams)).toEqual({
      code: expect.stringMatching(/^gth_ac_/),
      state: 's t',
      iss: installation.server.publicUrl,
    });
    const code = String(answer.searchParams.get('code'));
    expect((await redeem(server, wiki, code)).status).toBe(400);
    const { body } = await redeem(server, wiki, code, { code_verifier: verifier });
    expect(claimsOf(String(body['id_token']))).toMatchObject({ aud: 'wiki', nonce: 'n-1', email: 'ann@test.tmi' });
  });

  it('is answered by POST as well, and by the consent page', async () => {
    const requestUri = await pushed(chat, { login_hint: 'bob' });
    const browser = new Browser();
    const body = new URLSearchParams({ client_id: 'chat', request_uri: requestUri });
    const begun = await browser.request(`${server}/oauth2/authorize`, { method: 'POST', body });
    expect(begun.status).toBe(303);
    const page = new URL(String(begun.headers.get('location')));
    const answer = await decide(browser, page, await (await browser.request(page)).text(), 'allow');
    expect(answer.searchParams.get('code')).toMatch(/^gth_ac_/);
  });
});

describe('RFC 9126 §2 the client authenticates as at the token endpoint', () => {
  const status = async (fields: Record<string, string>, headers: Record<string, string> = {}) => {
    const answer = await form(`${server}/oauth2/par`, fields, headers);
    return [answer.status, answer.body['error']];
  };

  it('by a secret in the body, or by its key', async () => {
    expect(await status({ ...requestOf(wiki), client_secret: SECRET })).toEqual([201, undefined]);
    const { publicUrl } = installation.server;
    for (const aud of [publicUrl, `${publicUrl}/oauth2/par`, `${publicUrl}/oauth2/token`])
      expect(await status({ ...requestOf(robot), ...(await asserting('robot', key, { aud })) })).toEqual([
        201,
        undefined,
      ]);
  });

  it('a public one names itself, and must send a challenge as ever', async () => {
    expect(await status(requestOf(phone))).toEqual([400, 'invalid_request']);
    const challenge = { code_challenge: pkcePair().challenge, code_challenge_method: 'S256' };
    const requestUri = await pushed(phone, challenge);
    expect((await go(phone, authorizeUrl(phone, requestUri))).asked).toBe(true);
  });

  it('refuses who does not, who is unknown, and who has the secret wrong', async () => {
    expect(await status(requestOf(wiki))).toEqual([401, 'invalid_client']);
    expect(await status(requestOf(robot))).toEqual([401, 'invalid_client']);
    expect(await status(requestOf(wiki, { client_id: undefined }))).toEqual([401, 'invalid_client']);
    expect(await status(requestOf(wiki, { client_id: 'nobody' }))).toEqual([401, 'invalid_client']);
    expect(await status(requestOf(wiki), basic('wiki', 'wrong'))).toEqual([401, 'invalid_client']);
    expect(await status(requestOf(wiki), basic('chat', SECRET))).toEqual([400, 'invalid_request']);
  });

  it('D7 refuses clients that are not registered applications, and says so', async () => {
    const first = await form(`${server}/oauth2/par`, { client_id: 'spa', redirect_uri: SPA, scope: 'openid' });
    expect(first).toMatchObject({ status: 400, body: { error: 'unauthorized_client' } });
    expect(first.body['error_description']).toContain('registered applications');
    const machine = await machineOf(server, 'owner');
    const { clientId, secret } = machine;
    expect(await status({ scope: 'openid' }, basic(clientId, secret))).toEqual([400, 'unauthorized_client']);
  });
});

describe('RFC 9126 §2.3 a request that would be refused later is refused now, as JSON', () => {
  it.each<[string, Fields, string]>([
    ['a target that is not registered', { redirect_uri: 'https://evil.example/' }, 'invalid_request'],
    ['no target', { redirect_uri: undefined }, 'invalid_request'],
    ['request_uri (§2.1)', { request_uri: UNKNOWN }, 'invalid_request'],
    ['somebody else’s request_uri (§2.1)', { request_uri: 'https://wiki.example/r' }, 'invalid_request'],
    ['a request object', { request: 'eyJ' }, 'request_not_supported'],
    ['no response_type', { response_type: undefined }, 'invalid_request'],
    ['response_type=token', { response_type: 'token' }, 'unsupported_response_type'],
    ['nothing that it may ask for', { scope: 'write:world' }, 'invalid_scope'],
    ['the plain method', { code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }, 'invalid_request'],
    ['an API that it is not registered for', { resource: 'https://other.example/' }, 'invalid_target'],
    ['a parameter that is too long', { state: 'x'.repeat(3000) }, 'invalid_request'],
  ])('%s', async (_what, changes, error) => {
    const answer = await push(wiki, changes);
    expect(answer).toMatchObject({ status: 400, body: { error, error_description: expect.any(String) } });
    expect(answer.headers.location).toBeUndefined();
    expect(answer.headers).toMatchObject(NO_STORE);
  });

  it('a parameter that comes twice (RFC 6749 §3.1), a body that is too large, another method', async () => {
    const twice = [...Object.entries(requestOf(wiki)), ['scope', 'openid'] as const];
    const answer = await form(`${server}/oauth2/par`, twice, basic('wiki', SECRET));
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect((await push(wiki, { state: 'x'.repeat(70_000) })).status).toBe(413);
    expect((await send('GET', `${server}/oauth2/par`)).status).toBe(405);
  });
});

describe('RFC 9126 §4', () => {
  it('passes over whatever stands beside client_id and request_uri', async () => {
    const requestUri = await pushed(wiki, { state: 'pushed', scope: 'openid email' });
    const beside = {
      redirect_uri: 'https://evil.example/',
      state: 'other',
      scope: 'openid profile email groups',
      response_type: 'token',
      idp: 'nowhere',
      login_hint: 'mallory',
      prompt: 'none',
    };
    const { answer } = await go(wiki, authorizeUrl(wiki, requestUri, beside));
    expect(answer.searchParams.get('state')).toBe('pushed');
    const { body } = await redeem(server, wiki, String(answer.searchParams.get('code')));
    expect(body['scope']).toBe('openid email');
    expect(claimsOf(String(body['id_token']))['email']).toBe('ann@test.tmi');
  });

  it('takes the provider from beside where the application left it open: the person chooses it on our page', async () => {
    const requestUri = await pushed(wiki, { idp: undefined, state: 'chosen' });
    const browser = new Browser();
    const html = await (await browser.request(authorizeUrl(wiki, requestUri))).text();
    const links = [...html.matchAll(/<a href="([^"]+)">/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'));
    const link = links.find((href) => href.endsWith('idp=test'));
    if (link === undefined) throw new Error(`no provider to choose:\n${html}`);
    expect(links).toHaveLength(2);
    const { answer } = await go(wiki, new URL(link), browser);
    expect(answer.searchParams.get('state')).toBe('chosen');
    expect(answer.searchParams.get('code')).toMatch(/^gth_ac_/);
  });

  it('is for the application that pushed it, and not used up by another', async () => {
    const requestUri = await pushed(wiki);
    expect(await refusalOf(authorizeUrl(chat, requestUri))).toMatchObject(UNUSABLE);
    expect((await go(wiki, authorizeUrl(wiki, requestUri))).answer.searchParams.get('code')).not.toBeNull();
  });

  it('needs the client_id of an application', async () => {
    const requestUri = await pushed(wiki);
    for (const clientId of ['spa', 'nobody', '']) {
      const url = authorizeUrl({ ...wiki, clientId }, requestUri, { scope: 'openid', client_callback: SPA });
      expect(await refusalOf(url)).toMatchObject({ status: 400, location: null, error: 'invalid_request' });
    }
  });

  it('is good for one code', async () => {
    const browser = new Browser();
    const requestUri = await pushed(wiki);
    const url = authorizeUrl(wiki, requestUri);
    expect((await go(wiki, url, browser)).answer.searchParams.get('code')).not.toBeNull();
    expect(await refusalOf(url, browser)).toMatchObject(UNUSABLE);
  });

  it('is good for one code, also where two pages of one browser ask for consent', async () => {
    const browser = new Browser();
    const url = authorizeUrl(chat, await pushed(chat, { login_hint: 'carl', state: 'z' }));
    const ask = async () => {
      const begun = await browser.request(url);
      const page = new URL(String(begun.headers.get('location')));
      return { page, html: await (await browser.request(page)).text() };
    };
    await ask();
    // The second sees the session of the first; loading the address again is what a reload does.
    const [one, two] = [await ask(), await ask()];
    const first = await decide(browser, one.page, one.html, 'allow');
    expect(first.searchParams.get('code')).toMatch(/^gth_ac_/);
    const second = await decide(browser, two.page, two.html, 'allow');
    expect(Object.fromEntries(second.searchParams)).toMatchObject({ error: 'invalid_request_uri', state: 'z' });
    expect(second.searchParams.get('code')).toBeNull();
  });

  it('may be loaded again by the browser that came with it first, and by no other', async () => {
    const browser = new Browser();
    const url = authorizeUrl(chat, await pushed(chat, { login_hint: 'dora' }));
    for (let i = 0; i < 3; i++) expect((await browser.request(url)).headers.get('location')).toContain('/consent');
    expect(await refusalOf(url)).toMatchObject(UNUSABLE);
    expect((await go(chat, url, browser)).answer.searchParams.get('code')).toMatch(/^gth_ac_/);
  });

  it('shows the person what is unknown, and sends nothing anywhere', async () => {
    for (const requestUri of [UNKNOWN, 'urn:ietf:params:oauth:request_uri:', `${UNKNOWN}x`]) {
      const url = authorizeUrl(wiki, requestUri, { redirect_uri: wiki.redirectUri, response_type: 'code' });
      expect(await refusalOf(url)).toMatchObject(UNUSABLE);
      const page = await new Browser().request(url);
      expect([page.status, page.headers.get('location')]).toEqual([400, null]);
      expect(await page.text()).toContain('start again at the application');
    }
  });

  it('fetches no request_uri of others (RFC 9700 §4; OIDC Core §3.1.2.6)', async () => {
    const url = authorizeUrl(wiki, 'https://wiki.example/request', {
      redirect_uri: wiki.redirectUri,
      response_type: 'code',
      scope: 'openid',
    });
    expect((await go(wiki, url)).answer.searchParams.get('error')).toBe('request_uri_not_supported');
  });
});

describe('RFC 9126 §5', () => {
  it('is found by metadata, and not required', async () => {
    for (const document of ['oauth-authorization-server', 'openid-configuration']) {
      const { body } = await send('GET', `${server}/.well-known/${document}`);
      expect(body).toMatchObject({
        pushed_authorization_request_endpoint: `${installation.server.publicUrl}/oauth2/par`,
        require_pushed_authorization_requests: false,
      });
    }
  });
});

describe('RFC 9126 §7', () => {
  it('keeps the secret of its client neither in the store nor in a log', async () => {
    const assertion = await asserting('robot', key, { aud: installation.server.publicUrl });
    await form(`${server}/oauth2/par`, { ...requestOf(robot), ...assertion });
    await form(`${server}/oauth2/par`, { ...requestOf(wiki), client_secret: SECRET, state: 'kept' });
    const redis = new Redis(installation.redisUrl);
    const keys = (await redis.keys('*')).filter((key) => key.includes('pushed:'));
    const stored = (await redis.mget(keys)).join('\n');
    await redis.quit();
    expect(stored).toContain('"state":"kept"');
    expect(stored).not.toContain(SECRET);
    expect(stored).not.toContain(assertion['client_assertion']);
    expect(await installation.server.logged()).not.toContain(SECRET);
    expect(await installation.server.logged()).not.toContain(assertion['client_assertion']);
  });
});
