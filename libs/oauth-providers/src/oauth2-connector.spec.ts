import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { Secret, type OAuth2ProviderConfig } from '@app/config';
import { CLIENT_ID, CLIENT_SECRET, json, textOf } from '../test/lying-oidc-server.js';
import { anOAuth2Provider, anOutbound, REDIRECT_URI, upstreamErrorOf } from '../test/provider-configs.js';
import { OAuth2Connector } from './oauth2-connector.js';
import type { OutboundFetch } from '@app/outbound';
import type { BeginRequest, UpstreamTransaction } from './upstream-connector.js';

/** A server that behaves as GitHub does: form answers unless JSON is asked for, errors under 200, numeric ids. */
let server: Server;
let origin: string;
let outbound: OutboundFetch;
let tokenAnswer: (request: IncomingMessage, response: ServerResponse) => void;
let user: Record<string, unknown>;
let userAnswer: ((response: ServerResponse) => void) | undefined;
let emails: unknown;
let calls: { path: string; form: URLSearchParams; authorization: string | undefined }[];

const TOKENS = { access_token: 'gho_abc', token_type: 'bearer', scope: 'read:user,user:email' };
const asForm = (fields: Record<string, string>) => (_request: IncomingMessage, response: ServerResponse) =>
  void response
    .writeHead(200, { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' })
    .end(new URLSearchParams(fields).toString());

beforeEach(async () => {
  calls = [];
  tokenAnswer = (request, response) =>
    request.headers.accept === 'application/json' ? json(response, TOKENS) : asForm(TOKENS)(request, response);
  userAnswer = undefined;
  user = { id: 583231, login: 'octocat', name: 'The Octocat', email: 'public@hub.test', groups: ['staff'] };
  emails = [
    { email: 'other@hub.test', primary: false, verified: true },
    { email: 'octocat@hub.test', primary: true, verified: true },
  ];
  server = createServer((request, response) => {
    void textOf(request).then((text) => {
      const path = request.url ?? '';
      calls.push({ path, form: new URLSearchParams(text), authorization: request.headers.authorization });
      if (path === '/login/oauth/access_token') tokenAnswer(request, response);
      else if (request.headers.authorization !== 'Bearer gho_abc') json(response, {}, 401);
      else if (path === '/user' && userAnswer) userAnswer(response);
      else if (path === '/user') json(response, user);
      else if (emails === undefined) json(response, { message: 'Not Found' }, 404);
      else json(response, emails);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  outbound = anOutbound();
});
afterEach(async () => {
  await outbound.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const connect = (about: Partial<OAuth2ProviderConfig> = {}) =>
  new OAuth2Connector(anOAuth2Provider(origin, about), outbound);

async function begin(connector: OAuth2Connector, request: Partial<BeginRequest> = {}) {
  const begun = await connector.begin({ state: 'ours', redirectUri: REDIRECT_URI, ...request });
  if (begun.kind !== 'redirect') throw new Error('no redirect');
  return { url: new URL(begun.url), transaction: JSON.parse(JSON.stringify(begun.transaction)) as UpstreamTransaction };
}

async function login(connector = connect(), answer: Record<string, string> = {}) {
  const { transaction } = await begin(connector);
  const callback = new URLSearchParams({ code: 'c-1', state: 'ours', ...answer });
  return connector.complete(callback, transaction, REDIRECT_URI);
}

const tokenCall = () => calls.find(({ path }) => path === '/login/oauth/access_token');

describe('RFC 6749 §4.1', () => {
  it('asks for a code and redeems it, by Basic and with the same redirect_uri', async () => {
    const connector = connect();
    const { url, transaction } = await begin(connector, { loginHint: 'octocat' });
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: CLIENT_ID,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      scope: 'read:user user:email',
      state: 'ours',
      login_hint: 'octocat',
    });
    await connector.complete(new URLSearchParams({ code: 'c-1', state: 'ours' }), transaction, REDIRECT_URI);
    expect(Object.fromEntries(tokenCall()?.form ?? [])).toEqual({
      grant_type: 'authorization_code',
      code: 'c-1',
      redirect_uri: REDIRECT_URI,
      code_verifier: transaction['codeVerifier'],
    });
    expect(tokenCall()?.authorization).toBe(`Basic ${btoa(`${CLIENT_ID}:${CLIENT_SECRET}`)}`);
  });

  it('RFC 7636 sends the S256 challenge of its verifier, or none where the provider has no PKCE', async () => {
    const { url, transaction } = await begin(connect());
    const challenge = createHash('sha256').update(String(transaction['codeVerifier'])).digest('base64url');
    expect(url.searchParams.get('code_challenge')).toBe(challenge);
    expect(url.searchParams.get('code_challenge_method')).toBe('S256');
    const plain = connect({ pkce: false });
    expect((await begin(plain)).url.searchParams.has('code_challenge')).toBe(false);
    await login(plain);
    expect(tokenCall()?.form.has('code_verifier')).toBe(false);
  });

  it('§2.3.1 form-encodes the pair for Basic, or sends it in the body', async () => {
    const clientSecret = new Secret('a:b c%ä');
    await login(connect({ clientId: 'id:1', clientSecret }));
    expect(atob(tokenCall()?.authorization?.slice(6) ?? '')).toBe('id%3A1:a%3Ab+c%25%C3%A4');
    calls = [];
    await login(connect({ clientSecret, tokenEndpointAuthMethod: 'client_secret_post' }));
    expect(tokenCall()?.authorization).toBeUndefined();
    expect(tokenCall()?.form.get('client_secret')).toBe('a:b c%ä');
    expect(tokenCall()?.form.get('client_id')).toBe(CLIENT_ID);
  });

  it('keeps a query that the authorization URL already has', async () => {
    const { url } = await begin(connect({ authorizationUrl: `${origin}/authorize?tenant=a` }));
    expect(url.searchParams.get('tenant')).toBe('a');
  });

  const altered: [string, string][] = [
    ['no state', 'code=c'],
    ['another state', 'code=c&state=theirs'],
    ['a repeated state', 'code=c&state=ours&state=ours'],
    ['a repeated code', 'code=c&code=d&state=ours'],
    ['no code', 'state=ours'],
    ['an empty code', 'code=&state=ours'],
  ];
  it.each(altered)('refuses %s before the code is sent anywhere', async (_name, query) => {
    const connector = connect();
    const { transaction } = await begin(connector);
    const outcome = connector.complete(new URLSearchParams(query), transaction, REDIRECT_URI);
    expect((await upstreamErrorOf(outcome)).code).toBe('invalid_response');
    expect(calls).toEqual([]);
  });

  it('D35 refuses a login that began for another token endpoint', async () => {
    const { transaction } = await begin(connect({ tokenUrl: `${origin}/old` }));
    const outcome = connect().complete(new URLSearchParams('code=c&state=ours'), transaction, REDIRECT_URI);
    expect((await upstreamErrorOf(outcome)).code).toBe('invalid_response');
    expect(calls).toEqual([]);
  });
});

describe('RFC 9207 §2.4, D35', () => {
  const issuer = 'https://hub.test/login/oauth';

  it('accepts its issuer and refuses another, a missing and a repeated one', async () => {
    expect((await login(connect({ issuer }), { iss: issuer })).identity.subject).toBe('583231');
    calls = [];
    expect((await upstreamErrorOf(login(connect({ issuer }), { iss: 'https://evil.test' }))).code).toBe(
      'invalid_response',
    );
    expect((await upstreamErrorOf(login(connect({ issuer })))).detail).toContain('missing');
    const connector = connect({ issuer });
    const { transaction } = await begin(connector);
    const twice = new URLSearchParams(`code=c&state=ours&iss=${issuer}&iss=${issuer}`);
    expect((await upstreamErrorOf(connector.complete(twice, transaction, REDIRECT_URI))).detail).toContain('repeated');
    expect(calls).toEqual([]);
  });

  it('refuses an iss when no issuer is configured, and says what to set', async () => {
    expect((await upstreamErrorOf(login(connect(), { iss: issuer }))).detail).toContain('set the provider');
    expect(calls).toEqual([]);
  });

  it('promises iss only when an issuer is configured', () => {
    expect([connect().sendsIss, connect({ issuer }).sendsIss]).toEqual([false, true]);
  });
});

describe('RFC 6749 §5.1', () => {
  it.each([
    ['JSON', (_: IncomingMessage, response: ServerResponse) => json(response, { ...TOKENS, expires_in: 60 })],
    [
      'JSON with numbers as text',
      (_: IncomingMessage, response: ServerResponse) => json(response, { ...TOKENS, expires_in: '60' }),
    ],
    ['a form', asForm({ ...TOKENS, expires_in: '60' })],
  ])('reads tokens from %s', async (_name, answer) => {
    tokenAnswer = answer;
    expect((await login()).tokens).toEqual({
      accessToken: 'gho_abc',
      tokenType: 'bearer',
      scope: 'read:user,user:email',
      expiresIn: 60,
    });
  });

  const bad: [string, (request: IncomingMessage, response: ServerResponse) => void][] = [
    ['no access token', (_, response) => json(response, { token_type: 'bearer' })],
    ['a token that is no header value', (_, response) => json(response, { access_token: 'a\r\nX: y' })],
    ['a token type that is not bearer', (_, response) => json(response, { ...TOKENS, token_type: 'mac' })],
    ['a negative lifetime', (_, response) => json(response, { ...TOKENS, expires_in: -1 })],
    ['an array', (_, response) => json(response, [TOKENS])],
    [
      'HTML',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('access_token=gho_abc'),
    ],
    ['broken JSON', (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"a')],
    [
      'a form with a field twice',
      (_, response) =>
        void response
          .writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' })
          .end('access_token=a&access_token=gho_abc'),
    ],
    ['a redirect', (_, response) => void response.writeHead(307, { location: '/user' }).end()],
  ];
  it.each(bad)('refuses %s', async (_name, answer) => {
    tokenAnswer = answer;
    expect((await upstreamErrorOf(login())).code).toBe('invalid_response');
    expect(calls.map(({ path }) => path)).toEqual(['/login/oauth/access_token']);
  });
});

describe('RFC 6749 §5.2', () => {
  it.each([200, 400])('sees an error under status %i, form or JSON', async (status) => {
    tokenAnswer = (_request, response) => json(response, { error: 'bad_verification_code' }, status);
    expect(await upstreamErrorOf(login())).toMatchObject({
      code: 'provider_refused',
      detail: expect.stringContaining('bad_verification_code'),
    });
    tokenAnswer = asForm({ error: 'invalid_grant' });
    expect((await upstreamErrorOf(login())).code).toBe('invalid_grant');
  });

  it('calls a provider that is sick or away unavailable', async () => {
    tokenAnswer = (_request, response) => void response.writeHead(502).end('bad gateway');
    expect((await upstreamErrorOf(login())).code).toBe('provider_unavailable');
    tokenAnswer = (request) => void request.socket.destroy();
    expect((await upstreamErrorOf(login())).code).toBe('provider_unavailable');
  });

  it('refreshes', async () => {
    tokenAnswer = (_request, response) => json(response, { ...TOKENS, refresh_token: 'ghr_2' });
    expect(await connect().refresh('ghr_1')).toMatchObject({ accessToken: 'gho_abc', refreshToken: 'ghr_2' });
    expect(Object.fromEntries(tokenCall()?.form ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'ghr_1',
    });
  });
});

describe('D17 identity from an API', () => {
  it('maps fields, turns the numeric id into text and takes the primary address', async () => {
    expect((await login()).identity).toEqual({
      provider: 'hub',
      issuer: origin,
      subject: '583231',
      email: 'octocat@hub.test',
      emailVerified: true,
      name: 'The Octocat',
      groups: ['staff'],
      authTime: undefined,
      acr: undefined,
      amr: undefined,
    });
  });

  it('keeps the key of a person when an RFC 9207 issuer is configured later', async () => {
    const issuer = 'https://hub.test';
    const before = (await login()).identity;
    const after = (await login(connect({ issuer }), { iss: issuer })).identity;
    expect([after.issuer, after.subject]).toEqual([before.issuer, before.subject]);
  });

  it('never picks another address than the primary one, nor calls an unverified one verified', async () => {
    emails = [
      { email: 'other@hub.test', primary: false, verified: true },
      { email: 'octocat@hub.test', primary: true, verified: false },
    ];
    expect((await login()).identity).toMatchObject({ email: 'octocat@hub.test', emailVerified: false });
    emails = [{ email: 'other@hub.test', primary: false, verified: true }];
    expect((await login()).identity).toMatchObject({ email: undefined, emailVerified: false });
    emails = [];
    expect((await login()).identity.email).toBeUndefined();
  });

  it('does not ask for addresses when userinfo holds a verified one', async () => {
    user = { id: 1, email: 'a@hub.test', email_verified: true };
    expect((await login()).identity).toMatchObject({ email: 'a@hub.test', emailVerified: true });
    expect(calls.map(({ path }) => path)).not.toContain('/user/emails');
  });

  it('reads the address from userinfo where no e-mail endpoint is configured', async () => {
    const plain = connect({ emailsUrl: undefined });
    expect((await login(plain)).identity).toMatchObject({ email: 'public@hub.test', emailVerified: false });
    user = { id: 1, contact: { mail: 'a@hub.test', ok: true } };
    const fields = { ...anOAuth2Provider(origin).fields, email: 'contact.mail', emailVerified: 'contact.ok' };
    const nested = connect({ emailsUrl: undefined, fields });
    expect((await login(nested)).identity).toMatchObject({ email: 'a@hub.test', emailVerified: true });
  });

  it('R28 refuses an id that JSON has rounded, an empty one and none', async () => {
    userAnswer = (response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":90071992547409931}');
    expect((await upstreamErrorOf(login())).code).toBe('invalid_response');
    userAnswer = undefined;
    for (const id of ['', undefined, null, {}, 'x'.repeat(256)]) {
      user = { id };
      expect((await upstreamErrorOf(login())).code).toBe('invalid_response');
    }
  });

  it('fails closed when an API of the provider fails', async () => {
    userAnswer = (response) => json(response, {}, 500);
    expect((await upstreamErrorOf(login())).code).toBe('provider_unavailable');
    userAnswer = (response) => json(response, [1]);
    expect((await upstreamErrorOf(login())).code).toBe('invalid_response');
    userAnswer = undefined;
    emails = undefined;
    expect((await upstreamErrorOf(login())).detail).toBe('e-mail addresses: status 404');
  });
});

describe('R31', () => {
  it('shows nothing of the upstream to clients and no secret to anybody', async () => {
    const secret = 'gho_0123456789abcdefghijklmnopqrstuvwxyz';
    const answers: (typeof tokenAnswer)[] = [
      (_request, response) => json(response, { error: 'server_error', error_description: `boom ${secret}` }, 500),
      (_request, response) => json(response, { access_token: secret, token_type: 'mac' }),
      (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(`${secret}!`),
    ];
    for (const answer of answers) {
      tokenAnswer = answer;
      const error = await upstreamErrorOf(login());
      const printed = [inspect(error, { depth: 20, showHidden: true }), JSON.stringify(error)].join();
      expect(printed).not.toContain(secret.slice(0, 8));
      expect(printed).not.toContain(CLIENT_SECRET);
      expect(error.description).not.toContain('boom');
    }
  });
});
