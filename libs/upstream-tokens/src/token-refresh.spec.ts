import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import fc from 'fast-check';
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

const unavailable = { error: 'invalid_grant', error_description: 'gone' };

describe('vault error class', () => {
  it.each<[string, Saying, Partial<RefreshAnswer>]>([
    ['500', { status: 500, body: 'oops' }, { kind: 'transient', giveUp: 'never', code: 'http_500' }],
    ['500 with an OAuth body', { status: 500, body: unavailable }, { kind: 'transient', giveUp: 'never' }],
    ['502 with HTML', { status: 502, body: '<html>' }, { kind: 'transient', giveUp: 'never', status: 502 }],
    ['503 without Retry-After', { status: 503 }, { kind: 'transient', giveUp: 'never' }],
    ['408', { status: 408, body: unavailable }, { kind: 'transient', giveUp: 'never' }],
    ['425', { status: 425 }, { kind: 'transient', giveUp: 'never' }],
    ['temporarily_unavailable', { status: 400, body: { error: 'temporarily_unavailable' } }, { kind: 'transient', giveUp: 'never' }],
    ['server_error', { status: 400, body: { error: 'server_error' } }, { kind: 'transient', giveUp: 'never' }],
    ['403 with HTML', { status: 403, body: '<html>blocked</html>' }, { kind: 'transient', giveUp: 'after_a_day', code: 'http_403' }],
    ['404 with foreign JSON', { status: 404, body: { message: 'no' } }, { kind: 'transient', giveUp: 'after_a_day' }],
    ['invalid_request', { status: 400, body: { error: 'invalid_request' } }, { kind: 'transient', giveUp: 'after_a_day', code: 'invalid_request' }],
    ['an unknown code', { status: 400, body: { error: 'computer_says_no' } }, { kind: 'transient', giveUp: 'after_a_day', code: 'unknown_error' }],
    ['200 with HTML', { body: '<html>log in</html>' }, { kind: 'transient', giveUp: 'after_a_day', code: 'unreadable_answer' }],
    ['200 without a token', { body: { token_type: 'bearer' } }, { kind: 'transient', giveUp: 'after_a_day', code: 'no_access_token' }],
    ['200 with cut JSON', { headers: { 'content-type': 'application/json' }, body: '{"access_' }, { kind: 'transient', giveUp: 'after_a_day' }],
    ['200 with an array', { body: [] }, { kind: 'transient', giveUp: 'after_a_day' }],
    ['200 with a repeated field', { body: 'access_token=a&access_token=b' }, { kind: 'transient', giveUp: 'after_a_day' }],
    ['a redirect', { status: 302, headers: { location: 'https://x.example' } }, { kind: 'transient', giveUp: 'after_a_day', code: 'redirect_refused' }],
    ['invalid_grant', { status: 400, body: unavailable }, { kind: 'dead', code: 'invalid_grant', status: 400 }],
    ['invalid_grant under 403', { status: 403, body: unavailable }, { kind: 'dead' }],
    ['bad_refresh_token under 200', { body: { error: 'bad_refresh_token' } }, { kind: 'dead', code: 'bad_refresh_token' }],
    ['Slack’s invalid_refresh_token', { body: { ok: false, error: 'invalid_refresh_token' } }, { kind: 'dead' }],
    ['Slack’s token_revoked', { body: { ok: false, error: 'token_revoked' } }, { kind: 'dead' }],
    ['ok: false although there is a token', { body: { ok: false, access_token: 'a', error: 'token_revoked' } }, { kind: 'dead' }],
    ['HubSpot’s status', { status: 400, body: { status: 'BAD_REFRESH_TOKEN', message: 'x' } }, { kind: 'dead', code: 'bad_refresh_token' }],
    ['an error in an object', { status: 400, body: { error: { code: 'invalid_grant', message: 'x' } } }, { kind: 'dead' }],
    ['an error in a form', { body: 'error=invalid_grant' }, { kind: 'dead' }],
    ['invalid_client', { status: 401, body: { error: 'invalid_client' } }, { kind: 'misconfigured', code: 'invalid_client', status: 401 }],
    ['unauthorized_client', { status: 400, body: { error: 'unauthorized_client' } }, { kind: 'misconfigured' }],
    ['GitHub’s incorrect_client_credentials', { body: { error: 'incorrect_client_credentials' } }, { kind: 'misconfigured' }],
  ])('of %s', async (_, saying, expected) => {
    expect(await answerTo(saying)).toMatchObject(expected);
  });

  it.each<[number, Record<string, string>, number | undefined]>([
    [429, {}, undefined],
    [429, { 'retry-after': '17' }, 17],
    [429, { 'retry-after': '999999' }, 3_600],
    [503, { 'retry-after': '17' }, 17],
    [503, { 'retry-after': 'Sun, 01 Mar 2026 12:01:30 GMT', date: 'Sun, 01 Mar 2026 12:00:00 GMT' }, 90],
  ])('vault failure 5: of %d with %j is throttled', async (status, headers, retryAfterSeconds) => {
    expect(await answerTo({ status, headers, body: unavailable })).toMatchObject({
      kind: 'throttled',
      retryAfterSeconds,
      code: `http_${status}`,
      status,
    });
  });

  it('of an answer above the size cap, or a compressed one, is transient', async () => {
    server.answer = say({ body: `{"access_token":"${'x'.repeat(2_000)}"}` });
    const capped = endpoints({}, { max_bytes: 1_024 });
    expect(await capped.refresh('hub', OLD, {})).toMatchObject({ kind: 'transient', giveUp: 'after_a_day', code: 'too_large' });
    expect(await answerTo({ headers: { 'content-encoding': 'gzip' }, body: 'x' })).toMatchObject({
      kind: 'transient',
      giveUp: 'after_a_day',
      code: 'encoding_refused',
    });
  });

  it('of nobody listening is transient: nothing was used up', async () => {
    const answer = await refresh({ token_url: 'http://127.0.0.1:1/token' });
    expect(answer).toMatchObject({ kind: 'transient', giveUp: 'never', code: 'network_error', status: undefined });
  });

  it('of a reset after the request was written is ambiguous', async () => {
    server.answer = (response) => response.socket?.resetAndDestroy();
    expect(await refresh()).toMatchObject({ kind: 'ambiguous', code: 'network_error' });
  });

  it('of an answer that breaks off is ambiguous', async () => {
    server.answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
      response.write('{"access_token":"at"', () => response.socket?.destroy());
    };
    expect(await refresh()).toMatchObject({ kind: 'ambiguous' });
  });

  it('of silence after the request was written is ambiguous', async () => {
    server.answer = () => undefined;
    const impatient = endpoints({}, { token_timeout_ms: 150 });
    expect(await impatient.refresh('hub', OLD, {})).toMatchObject({ kind: 'ambiguous', code: 'timeout' });
  });

  it('of a caller who gives up after the writing is ambiguous, and before it transient', async () => {
    const caller = new AbortController();
    server.answer = () => caller.abort();
    expect(await refresh({}, { signal: caller.signal })).toMatchObject({ kind: 'ambiguous' });
    expect(await refresh({}, { signal: AbortSignal.abort() })).toMatchObject({ kind: 'transient', giveUp: 'never' });
    expect(server.asked).toHaveLength(1);
  });

  it('of a discovery that fails is transient: there is nowhere to send the token', async () => {
    const oidc = { id: 'hub', type: 'oidc', issuer: 'http://127.0.0.1:1', client_id: 'x' };
    const made = partsOf([oidc]);
    parts.push(made);
    expect(await made.endpoints.refresh('hub', OLD, {})).toMatchObject({
      kind: 'transient',
      giveUp: 'never',
      code: 'provider_unavailable',
    });
  });

  it('follows the preset where a provider means something else by a code', async () => {
    const about = { preset: 'salesforce', token_url: `${server.origin}/token` };
    const busy = { error: 'invalid_grant', error_description: 'token request is Already being processed' };
    expect(await answerTo({ status: 400, body: busy }, about)).toMatchObject({ kind: 'transient', giveUp: 'never' });
    expect(await answerTo({ status: 400, body: unavailable }, about)).toMatchObject({ kind: 'dead' });
    const jira = { preset: 'atlassian', token_url: `${server.origin}/token` };
    const invalid = { error: 'unauthorized_client', error_description: 'refresh_token is invalid' };
    expect(await answerTo({ status: 403, body: invalid }, jira)).toMatchObject({ kind: 'dead' });
    expect(await answerTo({ status: 403, body: { error: 'unauthorized_client' } }, jira)).toMatchObject({
      kind: 'misconfigured',
    });
  });
});

describe('vault failure 18', () => {
  it.each(['https://169.254.169.254/token', 'https://[::1]/token', 'https://10.0.0.1/token'])(
    'sends no token to %s',
    async (token_url) => {
      const answer = await endpoints({ token_url, authorization_url: 'https://x.example/a' }, { allow_private: false }).refresh('hub', OLD, {});
      expect(answer).toMatchObject({ kind: 'transient', giveUp: 'after_a_day', code: 'address_refused' });
    },
  );

  it('follows no redirect to another address', async () => {
    const other = await TokenServer.start();
    server.answer = say({ status: 307, headers: { location: `${other.origin}/token` } });
    expect(await refresh()).toMatchObject({ code: 'redirect_refused' });
    expect(other.asked).toEqual([]);
    await other.stop();
  });
});

describe('R31 the detail of a failure', () => {
  const secret = fc.stringMatching(/^[ -~]{8,60}$/).filter((text) => text.trim().length >= 8);

  it('never holds the token or the client secret, wherever the answer puts them', async () => {
    const spoken = endpoints();
    const places = ['error', 'error_description', 'message', 'reason', 'status', 'detail'];
    await fc.assert(
      fc.asyncProperty(secret, fc.constantFrom(...places), fc.constantFrom(200, 400, 401, 500), async (token, place, status) => {
        const said = `bad ${token} for ${CLIENT_SECRET} in ${encodeURIComponent(token)}`;
        server.answer = say({ status, body: { error: 'invalid_grant', [place]: said } });
        const answer = await spoken.refresh('hub', token, {});
        const told = JSON.stringify(answer);
        const written = [token, CLIENT_SECRET, encodeURIComponent(token)];
        for (const one of written) expect(told).not.toContain(JSON.stringify(one).slice(1, -1));
        if (answer.kind !== 'refreshed') expect(answer.code).toMatch(/^[a-z_0-9]{1,64}$/);
      }),
      { numRuns: 60 },
    );
  });

  it('is one line that can be logged', async () => {
    const body = { error: 'invalid_grant', error_description: `a\r\nb\u2028${'long '.repeat(200)}` };
    const answer = await answerTo({ status: 400, body });
    expect(answer.kind === 'dead' && answer.detail).toMatch(/^[^\p{Cc}\p{Zl}]{1,300}$/u);
  });
});

describe('a provider', () => {
  it('is described by what its keeper needs', () => {
    const about = { preset: 'xero', max_concurrency: 3, max_per_second: 7, refresh_margin_seconds: 30, store_tokens: false };
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
    const made = partsOf([hub(server.origin, { id: 'off', enabled: false, callback: 'own' }), { id: 'test', type: 'test' }]);
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
    socket.on('error', () => undefined).once('data', () => {
      const body = '{"access_token":"at"}';
      socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
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
