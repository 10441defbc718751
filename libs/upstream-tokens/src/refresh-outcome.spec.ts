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

const unavailable = { error: 'invalid_grant', error_description: 'gone' };

describe('vault error class', () => {
  it.each<[string, Saying, Partial<RefreshAnswer>]>([
    ['500', { status: 500, body: 'oops' }, { kind: 'transient', giveUp: 'never', code: 'http_500' }],
    ['500 with an OAuth body', { status: 500, body: unavailable }, { kind: 'transient', giveUp: 'never' }],
    ['502 with HTML', { status: 502, body: '<html>' }, { kind: 'transient', giveUp: 'never', status: 502 }],
    ['503 without Retry-After', { status: 503 }, { kind: 'transient', giveUp: 'never' }],
    ['408', { status: 408, body: unavailable }, { kind: 'transient', giveUp: 'never' }],
    ['425', { status: 425 }, { kind: 'transient', giveUp: 'never' }],
    [
      'temporarily_unavailable',
      { status: 400, body: { error: 'temporarily_unavailable' } },
      { kind: 'transient', giveUp: 'never' },
    ],
    ['server_error', { status: 400, body: { error: 'server_error' } }, { kind: 'transient', giveUp: 'never' }],
    [
      '403 with HTML',
      { status: 403, body: '<html>blocked</html>' },
      { kind: 'transient', giveUp: 'after_a_day', code: 'http_403' },
    ],
    ['404 with foreign JSON', { status: 404, body: { message: 'no' } }, { kind: 'transient', giveUp: 'after_a_day' }],
    [
      'invalid_request',
      { status: 400, body: { error: 'invalid_request' } },
      { kind: 'transient', giveUp: 'after_a_day', code: 'invalid_request' },
    ],
    [
      'an unknown code',
      { status: 400, body: { error: 'computer_says_no' } },
      { kind: 'transient', giveUp: 'after_a_day', code: 'unknown_error' },
    ],
    [
      '200 with HTML',
      { body: '<html>log in</html>' },
      { kind: 'transient', giveUp: 'after_a_day', code: 'unreadable_answer' },
    ],
    [
      '200 without a token',
      { body: { token_type: 'bearer' } },
      { kind: 'transient', giveUp: 'after_a_day', code: 'no_access_token' },
    ],
    [
      '200 with cut JSON',
      { headers: { 'content-type': 'application/json' }, body: '{"access_' },
      { kind: 'transient', giveUp: 'after_a_day' },
    ],
    ['200 with an array', { body: [] }, { kind: 'transient', giveUp: 'after_a_day' }],
    [
      '200 with a repeated field',
      { body: 'access_token=a&access_token=b' },
      { kind: 'transient', giveUp: 'after_a_day' },
    ],
    [
      'a redirect',
      { status: 302, headers: { location: 'https://x.example' } },
      { kind: 'transient', giveUp: 'after_a_day', code: 'redirect_refused' },
    ],
    ['invalid_grant', { status: 400, body: unavailable }, { kind: 'dead', code: 'invalid_grant', status: 400 }],
    ['invalid_grant under 403', { status: 403, body: unavailable }, { kind: 'dead' }],
    [
      'bad_refresh_token under 200',
      { body: { error: 'bad_refresh_token' } },
      { kind: 'dead', code: 'bad_refresh_token' },
    ],
    ['Slack’s invalid_refresh_token', { body: { ok: false, error: 'invalid_refresh_token' } }, { kind: 'dead' }],
    ['Slack’s token_revoked', { body: { ok: false, error: 'token_revoked' } }, { kind: 'dead' }],
    [
      'ok: false although there is a token',
      { body: { ok: false, access_token: 'a', error: 'token_revoked' } },
      { kind: 'dead' },
    ],
    [
      'HubSpot’s status',
      { status: 400, body: { status: 'BAD_REFRESH_TOKEN', message: 'x' } },
      { kind: 'dead', code: 'bad_refresh_token' },
    ],
    [
      'an error in an object',
      { status: 400, body: { error: { code: 'invalid_grant', message: 'x' } } },
      { kind: 'dead' },
    ],
    ['an error in a form', { body: 'error=invalid_grant' }, { kind: 'dead' }],
    [
      'invalid_client',
      { status: 401, body: { error: 'invalid_client' } },
      { kind: 'misconfigured', code: 'invalid_client', status: 401 },
    ],
    ['unauthorized_client', { status: 400, body: { error: 'unauthorized_client' } }, { kind: 'misconfigured' }],
    [
      'GitHub’s incorrect_client_credentials',
      { body: { error: 'incorrect_client_credentials' } },
      { kind: 'misconfigured' },
    ],
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
    expect(await capped.refresh('hub', OLD, {})).toMatchObject({
      kind: 'transient',
      giveUp: 'after_a_day',
      code: 'too_large',
    });
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
      const answer = await endpoints(
        { token_url, authorization_url: 'https://x.example/a' },
        { allow_private: false },
      ).refresh('hub', OLD, {});
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
      fc.asyncProperty(
        secret,
        fc.constantFrom(...places),
        fc.constantFrom(200, 400, 401, 500),
        async (token, place, status) => {
          const said = `bad ${token} for ${CLIENT_SECRET} in ${encodeURIComponent(token)}`;
          server.answer = say({ status, body: { error: 'invalid_grant', [place]: said } });
          const answer = await spoken.refresh('hub', token, {});
          const told = JSON.stringify(answer);
          const written = [token, CLIENT_SECRET, encodeURIComponent(token)];
          for (const one of written) expect(told).not.toContain(JSON.stringify(one).slice(1, -1));
          if (answer.kind !== 'refreshed') expect(answer.code).toMatch(/^[a-z_0-9]{1,64}$/);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is one line that can be logged', async () => {
    const body = { error: 'invalid_grant', error_description: `a\r\nb\u2028${'long '.repeat(200)}` };
    const answer = await answerTo({ status: 400, body });
    expect(answer.kind === 'dead' && answer.detail).toMatch(/^[^\p{Cc}\p{Zl}]{1,300}$/u);
  });
});
