import { request as httpRequest } from 'node:http';
import { pkcePair, signInAsTest, type Tokens } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';

/**
 * What the TMI JavaScript client puts on the wire: JSON content type on every call, bodies or not, models in camelCase,
 * redirects followed, only JSON answers read. The bytes are those that it was seen to send.
 */
interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

let installation: Installation;
let server: string;
let tokens: Tokens;

beforeAll(async () => {
  installation = await startInstallation();
  server = installation.server.url;
  tokens = await signInAsTest(server, 'tmi-user');
});

afterAll(() => installation.stop());

/** node:http sends exactly these headers, and an empty body with a JSON content type where the client does. */
function call(method: string, path: string, options: { token?: string; body?: string; contentType?: string } = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const request = httpRequest(
      new URL(path, server),
      {
        method,
        headers: {
          'User-Agent': 'Swagger-Codegen/1.0.0/javascript',
          'Content-Type': options.contentType ?? 'application/json',
          Accept: 'application/json',
          'Accept-Encoding': 'gzip, deflate',
          ...(options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` }),
          ...(options.body === undefined ? {} : { 'Content-Length': Buffer.byteLength(options.body) }),
        },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], text }),
        );
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

const parsed = (answer: Answer) => JSON.parse(answer.text) as Record<string, unknown>;

describe('D2 the TMI JavaScript client', () => {
  it('exchangeOAuthCode: a JSON model in camelCase, with every optional field null', async () => {
    const { verifier, challenge } = pkcePair();
    const callback = `${installation.server.publicUrl}/`;
    const query = new URLSearchParams({
      idp: 'test',
      scope: 'openid profile email',
      code_challenge: challenge,
      code_challenge_method: 'S256',
      client_callback: callback,
      response_type: 'code',
      login_hint: 'tmi-coder',
    });
    const redirect = await fetch(`${server}/oauth2/authorize?${query}`, { redirect: 'manual' });
    const code = new URL(String(redirect.headers.get('location'))).searchParams.get('code');
    const body = JSON.stringify({
      grantType: 'authorization_code',
      code,
      state: null,
      redirectUri: callback,
      codeVerifier: verifier,
      clientId: null,
      clientSecret: null,
      refreshToken: null,
    });
    const answer = await call('POST', '/oauth2/token?idp=test', { body });
    expect([answer.status, answer.type]).toEqual([200, 'application/json']);
    expect(parsed(answer)).toMatchObject({
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
    });
  });

  it('refreshToken: {"refreshToken": …}; without a body a clean 400', async () => {
    const fresh = await signInAsTest(server, 'tmi-refresher');
    const answer = await call('POST', '/oauth2/refresh', {
      body: JSON.stringify({ refreshToken: fresh.refresh_token }),
    });
    expect([answer.status, answer.type]).toEqual([200, 'application/json']);
    expect(parsed(answer).refresh_token).not.toBe(fresh.refresh_token);
    const empty = await call('POST', '/oauth2/refresh');
    expect([empty.status, parsed(empty).error]).toEqual([400, 'invalid_request']);
  });

  it('getCurrentUser, getCurrentUserProfile, getAuthProviders: GET with a JSON content type', async () => {
    const user = parsed(await call('GET', '/oauth2/userinfo', { token: tokens.access_token }));
    expect(user).toMatchObject({ email: 'tmi-user@test.tmi', idp: 'test', groups: expect.any(Array) });
    const profile = parsed(await call('GET', '/users/me', { token: tokens.access_token }));
    expect(profile).toMatchObject({
      principal_type: 'user',
      provider: 'test',
      email: 'tmi-user@test.tmi',
      display_name: expect.any(String),
      is_admin: false,
    });
    const { providers } = parsed(await call('GET', '/oauth2/providers')) as { providers: Record<string, unknown>[] };
    expect(Object.keys(providers[0] ?? {}).toSorted()).toEqual([
      'auth_url',
      'client_id',
      'icon',
      'id',
      'name',
      'redirect_uri',
      'token_url',
    ]);
  });

  it('client credentials: expiresAt in camelCase, a bare array, DELETE with a JSON content type and no body', async () => {
    const owner = await signInAsTest(server, 'tmi-owner');
    expect((await call('GET', '/client-credentials', { token: owner.access_token })).text).toBe('[]');
    const created = await call('POST', '/client-credentials', {
      token: owner.access_token,
      body: JSON.stringify({ name: 'robot', description: 'counts', expiresAt: '2099-01-01T00:00:00.000Z' }),
    });
    expect(created.status).toBe(201);
    const credential = parsed(created);
    expect(credential).toMatchObject({
      client_id: expect.stringMatching(/^tmi_cc_[A-Za-z0-9_-]{22}$/),
      client_secret: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      expires_at: expect.stringMatching(/^2099-01-01T00:00:00/),
    });
    const list = JSON.parse(
      (await call('GET', '/client-credentials', { token: owner.access_token })).text,
    ) as unknown[];
    expect(list).toHaveLength(1);
    expect(JSON.stringify(list)).not.toContain(String(credential.client_secret));
    expect(JSON.stringify(list)).not.toContain('null');
    const machine = await call('POST', '/oauth2/token', {
      body: JSON.stringify({
        grantType: 'client_credentials',
        clientId: credential.client_id,
        clientSecret: credential.client_secret,
      }),
    });
    expect(parsed(machine)).not.toHaveProperty('refresh_token');
    const deleted = await call('DELETE', `/client-credentials/${String(credential.id)}`, { token: owner.access_token });
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    const introspected = await call('POST', '/oauth2/introspect', {
      contentType: 'application/x-www-form-urlencoded',
      body: `token=${String(parsed(machine).access_token)}`,
    });
    expect(introspected.text).toBe('{"active":false}');
  });

  it('introspectToken: the form that it means to send; the empty one that it does send is a clean 400', async () => {
    const form = { contentType: 'application/x-www-form-urlencoded' };
    const meant = await call('POST', '/oauth2/introspect', { ...form, body: `token=${tokens.access_token}` });
    expect(parsed(meant)).toMatchObject({ active: true, email: 'tmi-user@test.tmi', email_verified: true });
    const sent = await call('POST', '/oauth2/introspect', { ...form, body: '' });
    expect([sent.status, parsed(sent).error]).toEqual([400, 'invalid_request']);
  });

  it('logoutUser: POST without a body and with a JSON content type', async () => {
    const { access_token } = await signInAsTest(server, 'tmi-leaver');
    const answer = await call('POST', '/oauth2/revoke', { token: access_token });
    expect([answer.status, answer.text]).toEqual([200, '{"message":"Logged out successfully"}']);
    expect((await call('GET', '/oauth2/userinfo', { token: access_token })).status).toBe(401);
  });
});
