import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { CLIENT_SECRET, hub, partsOf, say, TokenServer, type Parts, type Saying } from '../test/token-server.js';
import type { RefreshAnswer } from './refresh-answer.js';
import type { RefreshOptions } from './token-refresh.js';

const OLD = 'old-refresh-token-1';
const now = new Date('2026-03-01T12:00:00Z');

let server: TokenServer;
let parts: Parts[] = [];
beforeEach(async () => {
  server = await TokenServer.start();
});
afterEach(async () => {
  await Promise.all(parts.map((part) => part.close()));
  parts = [];
  await server.stop();
});

function endpoints(about: Record<string, unknown> = {}, outbound: Record<string, unknown> = {}) {
  const made = partsOf([hub(server.origin, about)], { now, outbound });
  parts.push(made);
  return made.endpoints;
}

async function refresh(about: Record<string, unknown> = {}, options: RefreshOptions = {}): Promise<RefreshAnswer> {
  return endpoints(about).refresh('hub', OLD, options);
}

async function answerTo(saying: Saying, about: Record<string, unknown> = {}): Promise<RefreshAnswer> {
  server.answer = say(saying);
  return refresh(about);
}

const tokensOf = (answer: RefreshAnswer) => (answer.kind === 'refreshed' ? answer.tokens : answer);
const basic = `Basic ${Buffer.from('gatehouse:upstream+client+secret%2F1').toString('base64')}`;

describe('RFC 6749 §6 the request', () => {
  it('is a form with Basic, and nothing that was not asked for', async () => {
    await refresh({}, { scope: 'read write' });
    expect(server.last).toMatchObject({ method: 'POST', path: '/token' });
    expect(server.last.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      authorization: basic,
      'user-agent': 'gatehouse',
    });
    expect(server.lastForm).toEqual({ grant_type: 'refresh_token', refresh_token: OLD });
  });

  it('carries a token of any printable characters unharmed', async () => {
    const token = '+/=&?%20 ~"\\{}é'.replace('é', '!');
    await endpoints().refresh('hub', token, {});
    expect(server.lastForm['refresh_token']).toBe(token);
    await endpoints({ token_request: 'json' }).refresh('hub', token, {});
    expect(JSON.parse(server.last.body)).toEqual({ grant_type: 'refresh_token', refresh_token: token });
  });

  it('puts the secret into the body where the provider wants it there', async () => {
    await refresh({ token_endpoint_auth_method: 'client_secret_post' });
    expect(server.last.headers.authorization).toBeUndefined();
    expect(server.lastForm).toMatchObject({ client_id: 'gatehouse', client_secret: CLIENT_SECRET });
  });

  it('names the client alone where it has no secret', async () => {
    await refresh({ client_secret: undefined });
    expect(server.last.headers.authorization).toBeUndefined();
    expect(server.lastForm).toEqual({ grant_type: 'refresh_token', client_id: 'gatehouse', refresh_token: OLD });
  });

  it('is JSON where the provider wants it so', async () => {
    await refresh({ token_request: 'json', token_endpoint_auth_method: 'client_secret_post' });
    expect(server.last.headers['content-type']).toBe('application/json');
    expect(JSON.parse(server.last.body)).toEqual({
      grant_type: 'refresh_token',
      client_id: 'gatehouse',
      client_secret: CLIENT_SECRET,
      refresh_token: OLD,
    });
  });

  it('goes to the refresh address with parameters of the provider’s own', async () => {
    await refresh({ refresh_url: `${server.origin}/refresh?v=2`, refresh_parameters: { type: 'refresh', n: 1 } });
    expect(server.last.path).toBe('/refresh?v=2');
    expect(server.lastForm).toMatchObject({ type: 'refresh', n: '1' });
  });

  it('names the granted scope again where the provider wants to hear it, in its own writing', async () => {
    await refresh({ refresh_scope: 'repeat', scope_separator: ',' }, { scope: 'read write' });
    expect(server.lastForm['scope']).toBe('read,write');
  });

  it('tells when it is written, before the answer', async () => {
    const seen: string[] = [];
    server.answer = (response, asked) => {
      seen.push('asked');
      say({ body: { access_token: 'a' } })(response, asked);
    };
    await refresh({}, { onWritten: () => seen.push('written') });
    expect(seen).toEqual(['written', 'asked']);
  });
});

describe('RFC 6749 §5.1 and §6 the answer', () => {
  it('holds new tokens', async () => {
    const body = {
      access_token: 'at',
      refresh_token: 'rt',
      token_type: 'bearer',
      expires_in: 60,
      scope: 'a b',
      refresh_token_expires_in: 600,
    };
    expect(await answerTo({ body })).toEqual({
      kind: 'refreshed',
      status: 200,
      tokens: {
        accessToken: 'at',
        refreshToken: 'rt',
        tokenType: 'Bearer',
        scope: 'a b',
        expiresInSeconds: 60,
        refreshExpiresInSeconds: 600,
        metadata: {},
      },
    });
  });

  it.each([[{}], [{ refresh_token: null }], [{ refresh_token: '' }], [{ refresh_token: 'line\nbreak' }]])(
    'vault failure 8: leaves the refresh token in force with %j',
    async (more) => {
      const answer = await answerTo({ body: { access_token: 'at', ...more } });
      expect(tokensOf(answer)).toMatchObject({ accessToken: 'at', refreshToken: undefined, tokenType: 'Bearer' });
    },
  );

  it('vault failure 8: dates expires_at by the answer’s own Date, so that our clock does not matter', async () => {
    const date = 'Fri, 01 Jan 2038 00:00:00 GMT';
    const body = { access_token: 'at', expires_at: Date.parse(date) + 90_000 };
    expect(tokensOf(await answerTo({ headers: { date }, body }))).toMatchObject({ expiresInSeconds: 90 });
  });

  it('may be a form, or JSON under another name', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    expect(tokensOf(await answerTo({ headers: form, body: 'access_token=at&expires_in=60' }))).toMatchObject({
      accessToken: 'at',
      expiresInSeconds: 60,
    });
    const odd = await answerTo({ headers: { 'content-type': 'text/plain' }, body: ' {"access_token":"at"}' });
    expect(odd.kind).toBe('refreshed');
  });

  it('is read where the provider nests it, with its own separator, and keeps what callers need', async () => {
    const about = { token_field: 'authed_user', scope_separator: ',' };
    const nested = { ok: true, authed_user: { access_token: 'at', refresh_token: 'rt', scope: 'a,b' } };
    expect(tokensOf(await answerTo({ body: nested }, about))).toMatchObject({ refreshToken: 'rt', scope: 'a b' });
    const flat = { ok: true, access_token: 'flat', scope: ['a', 'b'] };
    expect(tokensOf(await answerTo({ body: flat }, about))).toMatchObject({ accessToken: 'flat', scope: 'a b' });
  });

  it('renews what was kept beside the tokens, and keeps the rest', async () => {
    const about = { preset: 'salesforce', token_url: `${server.origin}/token` };
    server.answer = say({ body: { access_token: 'at', instance_url: 'https://new.example' } });
    const metadata = { instance_url: 'https://old.example', realmId: '7' };
    const answer = await endpoints(about).refresh('hub', OLD, { metadata });
    expect(tokensOf(answer)).toMatchObject({ metadata: { instance_url: 'https://new.example', realmId: '7' } });
  });

  it('counts as tokens even beside an error, for the old refresh token may be used up', async () => {
    expect((await answerTo({ body: { access_token: 'at', error: '' } })).kind).toBe('refreshed');
    expect((await answerTo({ body: { access_token: 'at', error: 'odd' } })).kind).toBe('refreshed');
  });
});

describe('a provider', () => {
  it('is described by what its keeper needs', () => {
    const about = {
      preset: 'xero',
      max_concurrency: 3,
      max_per_second: 7,
      refresh_margin_seconds: 30,
      store_tokens: false,
    };
    expect(endpoints(about).describe('hub')).toEqual({
      reuse: 'grace',
      expiry: { kind: 'on_401' },
      refreshMarginSeconds: 30,
      maxConcurrency: 3,
      maxPerSecond: 7,
      maxIdleSeconds: 60 * 86_400,
      name: 'hub',
      organization: 'default',
      scopes: ['offline_access'],
      storeTokens: false,
      callback: 'shared',
    });
    expect(endpoints().describe('hub')).toMatchObject({ reuse: 'single_use', maxConcurrency: 20, maxPerSecond: 50 });
  });

  it('is not there when it is unknown, switched off, or issues no tokens', () => {
    const made = partsOf([
      hub(server.origin, { id: 'off', enabled: false, callback: 'own' }),
      { id: 'test', type: 'test' },
    ]);
    parts.push(made);
    for (const id of ['off', 'test', 'other']) expect(made.endpoints.describe(id)).toBeUndefined();
    expect(made.endpoints.ids()).not.toContain('off');
  });
});

it('dials again rather than writing to a socket that the peer has closed', async () => {
  const peer = createTcpServer();
  let connections = 0;
  const ended: Promise<unknown>[] = [];
  peer.on('connection', (socket) => {
    connections += 1;
    ended.push(new Promise((resolve) => socket.once('close', resolve)));
    socket
      .on('error', () => undefined)
      .once('data', () => {
        const body = '{"access_token":"at"}';
        socket.end(
          `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
        );
      });
  });
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
  const token_url = `http://127.0.0.1:${(peer.address() as AddressInfo).port}/token`;
  const spoken = endpoints({ token_url });
  for (let round = 0; round < 3; round += 1) {
    expect((await spoken.refresh('hub', OLD, {})).kind).toBe('refreshed');
    await Promise.all(ended);
  }
  expect(connections).toBe(3);
  await new Promise((resolve) => peer.close(resolve));
});
