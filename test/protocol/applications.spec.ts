import { Browser } from '../harness/browser.js';
import { applicationUrl, redeem, signInto, walk, type TestApplication } from '../harness/application.js';
import { bearer, claimsOf, pkcePair, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, send } from './http.js';

const SECRET = 'a-secret-of-the-wiki-with-enough-characters';
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
const YAML = `
applications:
  - { client_id: wiki, client_secret: ${SECRET}, name: The Wiki, redirect_uris: [${wiki.redirectUri}],
      resources: ['https://api.example/'] }
  - { client_id: chat, client_secret: ${SECRET}, name: Chat, redirect_uris: ['${chat.redirectUri}'], consent: skip,
      scopes: [openid, email] }
  - { client_id: phone, name: Phone, redirect_uris: ['${phone.redirectUri}'] }
`;

let installation: Installation;
let server: string;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
  server = installation.server.url;
});
afterAll(() => installation.stop());

const follow = (
  url: URL,
  application: TestApplication,
  browser = new Browser(),
  decision: 'allow' | 'deny' = 'allow',
) => walk(browser, url, application.redirectUri, decision);

describe('D7 D8 D33 an application signs a person in', () => {
  it('gets code, then access, refresh and ID token; all say who it is for', async () => {
    const tokens = await signInto(server, wiki, 'ann', { nonce: 'n-1', scope: 'openid profile email offline_access' });
    expect(claimsOf(tokens.access_token)).toMatchObject({ client_id: 'wiki', aud: installation.server.publicUrl });
    expect(tokens.refresh_token).toMatch(/^gth_rt_/);
    expect(claimsOf(String(tokens.id_token))).toMatchObject({
      aud: 'wiki',
      nonce: 'n-1',
      email: 'ann@test.tmi',
      auth_time: expect.any(Number),
      at_hash: expect.any(String),
      sid: expect.any(String),
    });
    const info = await send('GET', `${server}/oauth2/userinfo`, { headers: bearer(tokens.access_token) });
    expect(info.body).toEqual({
      sub: claimsOf(tokens.access_token)['sub'],
      email: 'ann@test.tmi',
      email_verified: true,
      name: expect.any(String),
    });
  });

  it('answers with state and iss beside the query that the target had (RFC 9207 §2, RFC 6749 §4.1.2)', async () => {
    const { answer } = await follow(applicationUrl(server, chat, { state: 's t', login_hint: 'bob' }), chat);
    expect(Object.fromEntries(answer.searchParams)).toEqual({
      tenant: '1',
      code: expect.stringMatching(/^gth_ac_/),
      state: 's t',
      iss: installation.server.publicUrl,
    });
  });

  it('gives no more than what it is registered for (D31)', async () => {
    const tokens = await signInto(server, chat, 'bob', { scope: 'openid profile email groups write:world' });
    expect(tokens.scope).toBe('openid email');
    expect(claimsOf(tokens.access_token)).not.toHaveProperty('name');
  });
});

describe('D32 one session here for every application', () => {
  it('signs a second application in without asking upstream', async () => {
    const { browser } = await signInto(server, wiki, 'carl');
    const { answer } = await follow(applicationUrl(server, chat, { idp: undefined, prompt: 'none' }), chat, browser);
    expect(answer.searchParams.get('code')).toMatch(/^gth_ac_/);
  });

  it('says login_required to prompt=none where nobody is signed in (OIDC Core §3.1.2.6)', async () => {
    const { answer } = await follow(applicationUrl(server, chat, { prompt: 'none', state: 'x' }), chat);
    expect(Object.fromEntries(answer.searchParams)).toMatchObject({
      error: 'login_required',
      state: 'x',
      iss: installation.server.publicUrl,
    });
  });

  it('signs in anew for prompt=login and for max_age=0', async () => {
    const { browser } = await signInto(server, chat, 'dora');
    for (const parameters of [{ prompt: 'login' }, { max_age: '0' }]) {
      const again = await signInto(server, chat, 'emil', parameters, browser);
      expect(claimsOf(String(again.id_token))['email']).toBe('emil@test.tmi');
      await signInto(server, chat, 'dora', { prompt: 'login' }, browser);
    }
  });

  it('ends what another person had in this browser', async () => {
    const first = await signInto(server, chat, 'finn');
    await signInto(server, chat, 'gina', { prompt: 'login' }, first.browser);
    const { body } = await form(`${server}/oauth2/introspect`, { token: first.access_token });
    expect(body).toEqual({ active: false });
  });

  it('keeps what the same person had when he signs in anew', async () => {
    const first = await signInto(server, chat, 'hugo');
    await signInto(server, chat, 'hugo', { prompt: 'login' }, first.browser);
    const { body } = await form(`${server}/oauth2/introspect`, { token: first.access_token });
    expect(body['active']).toBe(true);
  });
});

describe('D49 consent', () => {
  it('is asked for once for (person, application, scopes), and again for more', async () => {
    const browser = new Browser();
    const ask = async (parameters: Record<string, string>) =>
      (await follow(applicationUrl(server, wiki, { login_hint: 'iris', ...parameters }), wiki, browser)).asked;
    expect(await ask({ scope: 'openid email' })).toBe(true);
    expect(await ask({ scope: 'openid' })).toBe(false);
    expect(await ask({ scope: 'openid profile' })).toBe(true);
    expect(await ask({ scope: 'openid profile email' })).toBe(false);
    expect(await ask({ scope: 'openid', prompt: 'consent' })).toBe(true);
  });

  it('is asked of public applications every time (RFC 8252 §8.6)', async () => {
    const browser = new Browser();
    const { challenge } = pkcePair();
    const url = applicationUrl(server, phone, {
      login_hint: 'jane',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    });
    expect((await follow(url, phone, browser)).asked).toBe(true);
    expect((await follow(url, phone, browser)).asked).toBe(true);
  });

  it('tells the application when the person does not allow it', async () => {
    const { answer } = await follow(applicationUrl(server, wiki, { login_hint: 'kurt' }), wiki, new Browser(), 'deny');
    expect(answer.searchParams.get('error')).toBe('access_denied');
    expect(answer.searchParams.get('code')).toBeNull();
  });

  it('is shown to the person, who can take it back: then nothing of it is left', async () => {
    const person = await signInAsTest(server, 'vera');
    const allowed = () => fetch(`${server}/users/me/applications`, { headers: bearer(person.access_token) });
    const tokens = await signInto(server, wiki, 'vera', { scope: 'openid email' });
    const [consent] = (await (await allowed()).json()) as { id: string }[];
    expect(consent).toMatchObject({ name: 'The Wiki', organization: 'default', scopes: ['openid', 'email'] });
    const url = `${server}/users/me/applications/${consent?.id}`;
    expect((await send('DELETE', url, { headers: bearer(person.access_token) })).status).toBe(204);
    expect((await form(`${server}/oauth2/introspect`, { token: tokens.access_token })).body).toEqual({ active: false });
    expect(await (await allowed()).json()).toEqual([]);
    expect((await send('DELETE', url, { headers: bearer(person.access_token) })).status).toBe(404);
  });

  it('says consent_required to prompt=none', async () => {
    const { browser } = await signInto(server, chat, 'lena');
    const { answer } = await follow(applicationUrl(server, wiki, { prompt: 'none' }), wiki, browser);
    expect(answer.searchParams.get('error')).toBe('consent_required');
  });
});

describe('D34 RFC 6749 §4.1.2.1 errors', () => {
  const page = async (parameters: Record<string, string | undefined>) => {
    const response = await new Browser().request(applicationUrl(server, wiki, parameters));
    return { status: response.status, location: response.headers.get('location'), text: await response.text() };
  };

  it.each([
    ['an unknown client', { client_id: 'nobody' }],
    ['a target that is not registered', { redirect_uri: 'https://evil.example/callback' }],
    ['no target', { redirect_uri: undefined }],
    ['a target of another application', { redirect_uri: chat.redirectUri }],
  ])('shows %s to the person and sends nothing anywhere', async (_what, parameters) => {
    const { status, location, text } = await page(parameters);
    expect({ status, location }).toEqual({ status: 400, location: null });
    expect(text).toContain('<h1>');
  });

  it.each([
    ['no response_type', { response_type: undefined }, 'invalid_request'],
    ['response_type=token', { response_type: 'token' }, 'unsupported_response_type'],
    ['a scope that is no scope', { scope: 'a"b' }, 'invalid_scope'],
    ['nothing that it may ask for', { scope: 'write:world' }, 'invalid_scope'],
    ['a request object', { request: 'eyJ' }, 'request_not_supported'],
    ['request_uri', { request_uri: 'https://x.example/' }, 'request_uri_not_supported'],
    ['the plain method', { code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }, 'invalid_request'],
    ['no method', { code_challenge: 'x'.repeat(43) }, 'invalid_request'],
    ['prompt=none with others', { prompt: 'none login' }, 'invalid_request'],
    ['an unknown provider', { idp: 'nowhere' }, 'invalid_request'],
    ['an API that it is not registered for', { resource: 'https://other.example/' }, 'invalid_target'],
  ])('tells the application of %s', async (_what, parameters, error) => {
    const { answer } = await follow(applicationUrl(server, wiki, { state: 'abc', ...parameters }), wiki);
    expect(Object.fromEntries(answer.searchParams)).toEqual({
      error,
      error_description: expect.any(String),
      state: 'abc',
      iss: installation.server.publicUrl,
    });
  });
});

describe('D9 PKCE', () => {
  const codeFor = async (application: TestApplication, parameters: Record<string, string>) => {
    const { answer } = await follow(
      applicationUrl(server, application, { login_hint: 'mia', ...parameters }),
      application,
    );
    return String(answer.searchParams.get('code'));
  };

  it('is required of public applications (RFC 7636 §4.4.1)', async () => {
    const { answer } = await follow(applicationUrl(server, phone), phone);
    expect(answer.searchParams.get('error')).toBe('invalid_request');
  });

  it('may be left out by confidential ones, but what was sent is enforced', async () => {
    expect((await redeem(server, wiki, await codeFor(wiki, {}))).status).toBe(200);
    const { verifier, challenge } = pkcePair();
    const code = await codeFor(wiki, { code_challenge: challenge, code_challenge_method: 'S256' });
    expect(await redeem(server, wiki, code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await redeem(server, wiki, code, { code_verifier: verifier })).status).toBe(200);
  });

  it('RFC 9700 §2.1.1 refuses a verifier where no challenge was sent', async () => {
    const answer = await redeem(server, wiki, await codeFor(wiki, {}), { code_verifier: pkcePair().verifier });
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });
});

describe('RFC 6749 §4.1.3 a code is for its application alone', () => {
  const wikiCode = async () => {
    const { answer } = await follow(applicationUrl(server, wiki, { login_hint: 'nora' }), wiki);
    return String(answer.searchParams.get('code'));
  };

  it('refuses another application, another target, no client at all and a wrong secret; then the owner still gets it', async () => {
    const code = await wikiCode();
    expect(await redeem(server, { ...chat, redirectUri: wiki.redirectUri }, code)).toMatchObject({ status: 400 });
    expect(await redeem(server, { ...wiki, redirectUri: `${wiki.redirectUri}/` }, code)).toMatchObject({ status: 400 });
    const bare = await form(`${server}/oauth2/token`, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: wiki.redirectUri,
      code_verifier: pkcePair().verifier,
    });
    expect(bare).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await redeem(server, { ...wiki, clientSecret: 'wrong' }, code)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    expect((await redeem(server, wiki, code)).status).toBe(200);
  });

  it('takes the secret in the body as well (RFC 6749 §2.3.1)', async () => {
    const answer = await form(`${server}/oauth2/token`, {
      grant_type: 'authorization_code',
      code: await wikiCode(),
      redirect_uri: wiki.redirectUri,
      client_id: 'wiki',
      client_secret: SECRET,
    });
    expect(answer.status).toBe(200);
  });
});

describe('D13 refresh', () => {
  const refresh = (token: string, headers: Record<string, string>, fields: Record<string, string> = {}) =>
    form(`${server}/oauth2/token`, { grant_type: 'refresh_token', refresh_token: token, ...fields }, headers);

  it('rotates for the application itself, with a new ID token without nonce (OIDC Core §12.2)', async () => {
    const tokens = await signInto(server, wiki, 'olga', { nonce: 'once' });
    const answer = await refresh(tokens.refresh_token, basic('wiki', SECRET));
    expect(answer.status).toBe(200);
    const before = claimsOf(String(tokens.id_token));
    const after = claimsOf(String(answer.body['id_token']));
    expect(after).toMatchObject({
      sub: before['sub'],
      aud: 'wiki',
      auth_time: before['auth_time'],
      sid: before['sid'],
    });
    expect(after).not.toHaveProperty('nonce');
  });

  it('is nothing for another application, for nobody, or for /oauth2/refresh', async () => {
    const { refresh_token: token } = await signInto(server, wiki, 'paul');
    expect((await refresh(token, basic('chat', SECRET))).body['error']).toBe('invalid_grant');
    expect((await refresh(token, {})).body['error']).toBe('invalid_grant');
    expect((await form(`${server}/oauth2/refresh`, { refresh_token: token })).status).toBe(401);
    expect((await refresh(token, basic('wiki', SECRET))).status).toBe(200);
  });
});

describe('RFC 8707 resource', () => {
  it('makes a token for that API, which is good at UserInfo and nowhere else here', async () => {
    const tokens = await signInto(server, wiki, 'quin', { resource: 'https://api.example/', scope: 'openid email' });
    expect(claimsOf(tokens.access_token)['aud']).toEqual(['https://api.example/', installation.server.publicUrl]);
    expect((await send('GET', `${server}/oauth2/userinfo`, { headers: bearer(tokens.access_token) })).status).toBe(200);
    const bare = await signInto(server, wiki, 'quin', { resource: 'https://api.example/', scope: 'email' });
    expect(claimsOf(bare.access_token)['aud']).toBe('https://api.example/');
    expect((await send('GET', `${server}/oauth2/userinfo`, { headers: bearer(bare.access_token) })).status).toBe(401);
    expect((await form(`${server}/oauth2/introspect`, { token: bare.access_token })).body['active']).toBe(true);
  });
});

describe('D30 the wall', () => {
  it.each([
    ['GET', '/users/me'],
    ['DELETE', '/users/me'],
    ['GET', '/client-credentials'],
    ['POST', '/client-credentials'],
    ['GET', '/oauth2/providers/test/groups'],
    ['GET', '/api/v1/connections'],
    ['GET', '/api/v1/organizations'],
  ])('refuses an application’s token at %s %s', async (method, path) => {
    const tokens = await signInto(server, chat, 'rosa');
    const answer = await send(method, `${server}${path}`, { headers: bearer(tokens.access_token) });
    expect(answer.status).toBe(403);
  });
});
