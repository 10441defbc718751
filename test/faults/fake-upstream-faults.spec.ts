import { startFakeUpstream, type FakeUpstream, type IssuedTokenSet } from '../harness/fake-upstream.js';
import { refresh } from '../harness/fake-upstream-requests.js';

let upstream: FakeUpstream;
let tokens: IssuedTokenSet;

beforeAll(async () => {
  upstream = await startFakeUpstream({ access_ttl: 60, seed: 'dice' });
});

beforeEach(async () => {
  await upstream.reset();
  [tokens] = (await upstream.issue()) as [IssuedTokenSet];
});

afterAll(() => upstream.close());

const answers = async () => (await upstream.grants(tokens.family)).generations[0]?.answers;

describe('answers that say no', () => {
  const noPage = expect.stringContaining('<!DOCTYPE html>');

  it.each([
    ['html_200', 200, noPage, {}],
    ['html_403', 403, noPage, {}],
    ['html_502', 502, noPage, {}],
    ['status_408', 408, noPage, {}],
    ['oauth_500', 500, expect.stringContaining('"server_error"'), {}],
    ['oauth_503', 503, expect.stringContaining('"temporarily_unavailable"'), {}],
    ['unavailable_until', 503, expect.any(String), { 'retry-after': expect.stringMatching(/^\w{3}, .* GMT$/) }],
    ['throttled', 429, expect.any(String), { 'retry-after': '2' }],
    ['throttled_silent', 429, expect.any(String), { 'retry-after': null }],
    ['invalid_client', 401, expect.stringContaining('"invalid_client"'), { 'www-authenticate': expect.any(String) }],
    ['unauthorized_client', 400, expect.stringContaining('"unauthorized_client"'), {}],
    ['invalid_grant', 400, expect.stringContaining('"invalid_grant"'), {}],
    ['invalid_request', 400, expect.stringContaining('"invalid_request"'), {}],
    ['slack_error', 200, '{"ok":false,"error":"invalid_refresh_token"}', {}],
    ['redirect', 307, '', { location: '/redirected' }],
  ])('%s: %i, and nothing is used up', async (fault, status, text, headers) => {
    await upstream.plan({ fault, times: 1 });
    const answer = await refresh(upstream, tokens.refresh_token);
    expect(answer).toMatchObject({ status, text });
    for (const [name, value] of Object.entries(headers)) expect(answer.headers.get(name)).toEqual(value);
    expect(await upstream.grants(tokens.family)).toMatchObject({ generation: 0, presented: 1, granted: 0 });
    expect((await refresh(upstream, tokens.refresh_token)).status).toBe(200);
    expect(await answers()).toEqual({ [fault]: 1, granted: 1 });
  });

  it('with processed the token is used up first: the answer of a proxy that lost the real one', async () => {
    await upstream.plan({ fault: 'html_502', times: 1, processed: true });
    expect((await refresh(upstream, tokens.refresh_token)).status).toBe(502);
    expect(await upstream.grants(tokens.family)).toMatchObject({ generation: 1, serial: 2, delivered: 1, granted: 1 });
    expect((await refresh(upstream, tokens.refresh_token)).body.error).toBe('invalid_grant');
    expect((await upstream.grants(tokens.family)).status).toBe('reuse');
  });

  it('take their code, seconds or whole answer from the rule', async () => {
    await upstream.plan([
      { fault: 'slack_error', error: 'token_revoked', times: 1 },
      { fault: 'throttled', seconds: 7, times: 1 },
      { fault: 'custom', status: 418, headers: { 'x-tea': 'yes' }, body: { error: 'teapot' }, times: 1 },
    ]);
    expect((await refresh(upstream, tokens.refresh_token)).text).toContain('token_revoked');
    expect((await refresh(upstream, tokens.refresh_token)).headers.get('retry-after')).toBe('7');
    const custom = await refresh(upstream, tokens.refresh_token);
    expect([custom.status, custom.headers.get('x-tea'), custom.body]).toEqual([418, 'yes', { error: 'teapot' }]);
  });

  it('a followed redirect is counted', async () => {
    await fetch(`${upstream.url}/redirected`, { method: 'POST' });
    expect((await upstream.stats()).redirects_followed).toBe(1);
  });
});

describe('good answers in strange dialects', () => {
  it.each([
    ['no_refresh_token', { refresh_token: undefined, expires_in: 60 }],
    ['no_access_token', { access_token: undefined }],
    ['expires_in_string', { expires_in: '60' }],
    ['expires_in_zero', { expires_in: 0 }],
    ['expires_in_negative', { expires_in: -60 }],
    ['expires_in_null', { expires_in: null }],
    ['expires_in_ms', { expires_in: 60_000 }],
    ['no_expires_in', { expires_in: undefined }],
    ['expires_at_ms', { expires_in: undefined, expires_at: expect.any(Number) }],
    ['expires_at_seconds', { expires_in: undefined, expires_at: expect.any(Number) }],
    ['expires_at_date', { expires_in: undefined, expires_at: expect.stringMatching(/^\d{4}-.*Z$/) }],
  ])('%s', async (fault, fields) => {
    await upstream.plan({ fault, times: 1 });
    const { status, body } = await refresh(upstream, tokens.refresh_token);
    expect(status).toBe(200);
    for (const [name, value] of Object.entries(fields)) expect(body[name]).toEqual(value);
    expect(await answers()).toEqual({ [`granted, ${fault}`]: 1 });
    const { expires_at } = await upstream.grants(tokens.family);
    const unit = { expires_at_ms: 1, expires_at_seconds: 1000 }[fault];
    if (unit !== undefined) expect(Math.abs(Number(body.expires_at) * unit - expires_at)).toBeLessThan(2000);
  });

  it('no_refresh_token leaves the presented one good', async () => {
    await upstream.plan({ fault: 'no_refresh_token', times: 1 });
    await refresh(upstream, tokens.refresh_token);
    expect((await refresh(upstream, tokens.refresh_token)).status).toBe(200);
    expect(await upstream.grants(tokens.family)).toMatchObject({ generation: 1, replayed: 0, duplicate_grants: 0 });
  });
});

describe('connections that break', () => {
  /** Depends on the version of Node and on how far the answer had come. */
  const gone = { code: expect.stringMatching(/^(ECONNRESET|UND_ERR_SOCKET)$/) };
  const broken = async (fault: string, rule = {}) => {
    await upstream.plan({ fault, times: 1, ...rule });
    return refresh(upstream, tokens.refresh_token).catch((error: Error & { cause?: { code?: string } }) => error.cause);
  };

  it('reset_before: nothing was used up', async () => {
    expect(await broken('reset_before')).toMatchObject(gone);
    expect(await upstream.grants(tokens.family)).toMatchObject({ generation: 0, presented: 1 });
  });

  it('reset_after: rotated and never answered', async () => {
    expect(await broken('reset_after')).toMatchObject(gone);
    expect(await upstream.grants(tokens.family)).toMatchObject({ generation: 1, serial: 2, delivered: 1 });
    expect((await upstream.stats()).refresh).toMatchObject({ granted: 1, delivered: 0, undelivered: 1 });
  });

  it('cut_body: status and half of a body', async () => {
    expect(await broken('cut_body')).toMatchObject(gone);
    expect((await upstream.stats()).refresh.undelivered).toBe(1);
  });

  it('truncated_json: a whole message with half of the JSON', async () => {
    const answer = await broken('truncated_json');
    expect(answer).toMatchObject({ status: 200, text: expect.stringMatching(/^\{"access_token".*[^}]$/), body: {} });
    expect((await upstream.stats()).refresh.undelivered).toBe(1);
  });

  it('oversized_body: as many bytes as wanted, still JSON', async () => {
    const answer = await broken('oversized_body', { bytes: 3_000_000 });
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    expect(Reflect.get(Object(answer), 'text')).toHaveLength(3_000_000);
  });

  it('slow_drip: byte for byte', async () => {
    expect(await broken('slow_drip', { interval_ms: 1 })).toMatchObject({ status: 200, body: { expires_in: 60 } });
    expect((await upstream.stats()).refresh.undelivered).toBe(0);
  });

  it.each([
    ['hang_before', 0],
    ['hang_after', 1],
  ])('%s: no answer until the caller gives up', async (fault, generation) => {
    await upstream.plan({ fault, times: 1 });
    const caller = new AbortController();
    const waiting = refresh(upstream, tokens.refresh_token, caller.signal);
    while ((await upstream.stats()).faults[fault] !== 1) await new Promise((resolve) => setImmediate(resolve));
    caller.abort();
    await expect(waiting).rejects.toThrow('abort');
    expect((await upstream.grants(tokens.family)).generation).toBe(generation);
  });

  it('an answer to somebody who has gone is undelivered', async () => {
    await upstream.plan({ latency_after_ms: 50, times: 1 });
    const caller = new AbortController();
    const waiting = refresh(upstream, tokens.refresh_token, caller.signal);
    while ((await upstream.stats()).refresh.granted !== 1) await new Promise((resolve) => setImmediate(resolve));
    caller.abort();
    await expect(waiting).rejects.toThrow('abort');
    while ((await answers())?.granted !== 1) await new Promise((resolve) => setImmediate(resolve));
    expect((await upstream.stats()).refresh.undelivered).toBe(1);
  });
});
