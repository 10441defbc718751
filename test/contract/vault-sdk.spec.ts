import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createRawServer, type AddressInfo } from 'node:net';
import fc from 'fast-check';
import { parseAnswer, sendRaw, type RawAnswer } from './raw-exchange.js';
import { readMielto, readMieltoRefresh, readMixHealth, readMixRefresh } from './vault-sdk-answers.js';
import * as requests from './vault-sdk-requests.js';

const answer = (status: number, body: unknown, type: string | undefined = 'application/json'): RawAnswer => ({
  status,
  headers: type === '' ? {} : { 'content-type': type },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('D2 the bytes of the SDKs', () => {
  const seen: { request: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString()));
    request.on('end', () => {
      seen.push({ request: `${request.method} ${request.url}`, headers: request.headers, body });
      response.setHeader('content-type', 'application/json');
      // A chunked answer and one with a length, in turn.
      if (seen.length % 2 === 0) response.write('{"status":');
      response.end(seen.length % 2 === 0 ? '"success"}' : '{"status":"success"}');
    });
  });
  let port: number;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const mielto = { apiKey: 'mk_1', workspace: 'wsp_1' };

  it.each([
    ['mix-typescript refresh', requests.mixTypescriptRefresh, 'POST /internal/auth/refresh-tokens'],
    ['mix-typescript health', requests.mixTypescriptHealth, 'GET /health/auth'],
    ['mix-go refresh', requests.mixGoRefresh, 'POST /internal/auth/refresh-tokens'],
    ['mix-go health', requests.mixGoHealth, 'GET /health/auth'],
  ])('%s: no body, no content type, no credentials unless a caller adds them', async (_name, bytesOf, line) => {
    expect(readMixRefresh(await sendRaw(port, bytesOf({ port })))).toEqual({
      kind: 'ok',
      value: { status: 'success' },
    });
    expect(await sendRaw(port, bytesOf({ port, prefix: '/prefix', bearer: 'a-token' }))).toMatchObject({ status: 200 });
    const [plain, other] = seen.slice(-2);
    expect(plain).toMatchObject({ request: line, body: '', headers: { accept: 'application/json' } });
    expect(Object.keys(plain?.headers ?? {})).not.toEqual(expect.arrayContaining(['content-type']));
    expect(plain?.headers.authorization).toBeUndefined();
    expect(other).toMatchObject({
      request: line.replace(' ', ' /prefix'),
      headers: { authorization: 'Bearer a-token' },
    });
  });

  it('mix-typescript always sends an empty cookie header, and Sec-Fetch-Mode without Sec-Fetch-Site', async () => {
    await sendRaw(port, requests.mixTypescriptRefresh({ port }));
    const headers = seen.at(-1)?.headers;
    expect([headers?.cookie, headers?.['sec-fetch-mode'], headers?.['sec-fetch-site']]).toEqual([
      '',
      'cors',
      undefined,
    ]);
  });

  it('mielto: a JSON content type and no body on refresh, JSON on initiate', async () => {
    expect(readMielto(await sendRaw(port, requests.mieltoRefresh('conn_x', { port, ...mielto })))).toMatchObject({
      kind: 'ok',
    });
    const headers = { authorization: 'Bearer mk_1', 'x-workspace-id': 'wsp_1', 'content-type': 'application/json' };
    expect(seen.at(-1)).toMatchObject({ request: 'POST /api/v1/oauth/refresh/conn_x', body: '', headers });
    expect(seen.at(-1)?.headers['content-length']).toBe('0');
    await sendRaw(port, requests.mieltoInitiate({ integration_id: 'gmäil' }, { port, apiKey: 'mk_1' }));
    expect(seen.at(-1)).toMatchObject({ request: 'POST /api/v1/oauth/initiate', body: '{"integration_id":"gmäil"}' });
  });
});

describe('RFC 9112 answers, read strictly', () => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

  it.each([
    ['another version', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n', 'status line'],
    ['an interim answer', 'HTTP/1.1 100 Continue\r\n\r\n', 'status line'],
    ['space before the colon', `${head}content-length : 0\r\n\r\n`, 'header line'],
    ['a folded header', `${head}x: a\r\n b\r\ncontent-length: 0\r\n\r\n`, 'header line'],
    ['no length', `${head}\r\n{}`, 'Content-Length undefined'],
    ['two lengths', `${head}content-length: 2\r\ncontent-length: 2\r\n\r\n{}`, 'Content-Length 2, 2'],
    ['length and chunks', `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n`, 'both'],
    ['more than its length', `${head}content-length: 1\r\n\r\n{}`, 'bytes after'],
    ['a bad chunk size', `${head}transfer-encoding: chunked\r\n\r\nzz\r\n`, 'size of a chunk'],
    ['a chunk longer than its size', `${head}transfer-encoding: chunked\r\n\r\n1\r\n{}\r\n`, 'longer than'],
    ['bytes after the last chunk', `${head}transfer-encoding: chunked\r\n\r\n0\r\n\r\nx`, 'bytes after'],
    ['204 with a body', 'HTTP/1.1 204 No Content\r\n\r\n{}', '204 with a body'],
  ])('refuses %s', (_what, text, why) => {
    expect(() => parseAnswer(Buffer.from(text))).toThrow(why);
  });

  it('joins headers of one name, takes 204 without a length', () => {
    const text = 'HTTP/1.1 204 No Content\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n';
    expect(parseAnswer(Buffer.from(text))).toEqual({ status: 204, headers: { 'set-cookie': 'a, b' }, body: '' });
  });

  it('reads any body, whole or in chunks, and waits while a byte is missing', () => {
    const bodies = fc.tuple(fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })), fc.boolean(), fc.nat());
    fc.assert(
      fc.property(bodies, ([pieces, chunked, cut]) => {
        const body = Buffer.concat(pieces);
        const framed = chunked
          ? [...pieces.flatMap((piece) => [`${piece.length.toString(16)}\r\n`, piece, '\r\n']), '0\r\n\r\n']
          : [body];
        const length = chunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`;
        const bytes = Buffer.concat([`${head}${length}\r\n\r\n`, ...framed].map((part) => Buffer.from(part)));
        expect(parseAnswer(bytes)?.body).toBe(body.toString());
        expect(parseAnswer(bytes.subarray(0, cut % bytes.length))).toBeUndefined();
      }),
    );
  });

  it('does not wait for more of an answer whose connection has ended', async () => {
    const server = createRawServer((socket) => socket.end(`${head}content-length: 9\r\n\r\n{}`));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await expect(sendRaw((server.address() as AddressInfo).port, 'GET / HTTP/1.1\r\n\r\n')).rejects.toThrow('ended');
    server.close();
  });
});

describe('what mix SDKs accept', () => {
  const error = (type: string) => ({ error: { code: 500, message: 'no refresh service', type } });

  it.each([
    [
      'the documented answer',
      answer(200, { message: 'm', status: 's' }),
      { kind: 'ok', value: { message: 'm', status: 's' } },
    ],
    ['extra members, dropped', answer(200, { status: 's', queued: 3 }), { kind: 'ok', value: { status: 's' } }],
    ['nothing in it', answer(200, {}, 'application/json; charset=utf-8'), { kind: 'ok', value: {} }],
    ['null', answer(200, { status: null }), { kind: 'unreadable' }],
    ['no JSON', answer(200, '<html>'), { kind: 'unreadable', why: 'not JSON' }],
    ['problem+json', answer(200, {}, 'application/problem+json'), { kind: 'untyped', retried: false }],
    ['no content type', answer(200, {}, ''), { kind: 'untyped' }],
    ['201', answer(201, { status: 's' }), { kind: 'untyped', status: 201, retried: false }],
    ['204', answer(204, '', ''), { kind: 'untyped', status: 204 }],
    ['500 typed', answer(500, error('internal_error')), { kind: 'error_response', error: { type: 'internal_error' } }],
    ['500 with an unknown type', answer(500, error('unavailable')), { kind: 'unreadable', retried: true }],
    ['500 without code', answer(500, { error: { message: 'm', type: 'not_found' } }), { kind: 'unreadable' }],
    ['500 HTML', answer(500, '<html>', 'text/html'), { kind: 'untyped', retried: true }],
    ['401 with the same body', answer(401, error('unauthorized')), { kind: 'untyped', status: 401, retried: false }],
    ['503', answer(503, error('internal_error')), { kind: 'untyped', retried: true }],
    ['408', answer(408, ''), { kind: 'untyped', retried: true }],
    ['429', answer(429, ''), { kind: 'untyped', retried: true }],
  ])('refresh: %s', (_what, given, outcome) => {
    expect(readMixRefresh(given)).toMatchObject(outcome);
  });

  const google = {
    provider: 'google',
    status: 'active',
    expires_at: '2026-01-01T00:00:00.123+02:00',
    expires_in: '2h30m15s',
  };
  const healthy = { status: 'healthy', timestamp: '2026-01-01T00:00:00Z', providers: { google } };

  it('health: the documented answer, with and without what is optional', () => {
    expect(readMixHealth(answer(200, healthy))).toEqual({ kind: 'ok', value: healthy });
    const bare = { ...healthy, providers: { a: { provider: 'a', status: 'expired_no_refresh' } } };
    expect(readMixHealth(answer(200, bare))).toEqual({ kind: 'ok', value: bare });
  });

  it.each([
    ['a status that is none of the three', { ...healthy, status: 'ok' }],
    [
      'a provider status that is none of the five',
      { ...healthy, providers: { google: { ...google, status: 'valid' } } },
    ],
    ['a date with a space', { ...healthy, timestamp: '2026-01-01 00:00:00Z' }],
    ['a date without an offset', { ...healthy, timestamp: '2026-01-01T00:00:00' }],
    ['null for an optional date', { ...healthy, providers: { google: { ...google, last_refresh: null } } }],
    ['no provider name', { ...healthy, providers: { google: { status: 'active' } } }],
    ['a list of providers', { ...healthy, providers: [google] }],
    ['no timestamp', { status: 'healthy', providers: {} }],
  ])('health: not %s', (_what, body) => {
    expect(readMixHealth(answer(200, body))).toMatchObject({ kind: 'unreadable' });
  });
});

describe('what mielto-sdk accepts', () => {
  const ok = { status: 'success', connection_id: 'conn_x', expires_at: '2025-10-19T12:00:00Z' };

  it('every 2xx, of any content type', () => {
    for (const status of [200, 201]) expect(readMielto(answer(status, ok, ''))).toEqual({ kind: 'ok', data: ok });
  });

  it.each([
    [401, 'AuthenticationError'],
    [402, 'PaymentRequiredError'],
    [403, 'PermissionError'],
    [404, 'NotFoundError'],
    [409, 'MieltoError'],
    [422, 'ValidationError'],
    [424, 'MieltoError'],
    [429, 'RateLimitError'],
    [503, 'ServerError'],
  ])('%i is %s, with the text of detail', (status, name) => {
    const outcome = readMielto(answer(status, { detail: 'Connection not found' }));
    expect(outcome).toEqual({ kind: 'error', name, status, message: 'Connection not found' });
  });

  it('error_code comes before the status, message after detail, and HTML has no message', () => {
    const coded = answer(403, { error_code: 'CREDIT_LIMIT_EXCEEDED', message: 'no credit' });
    expect(readMielto(coded)).toMatchObject({ name: 'CreditLimitExceededError', message: 'no credit' });
    expect(readMielto(answer(502, '<html>', 'text/html'))).toMatchObject({ name: 'ServerError', message: undefined });
  });

  it('refresh: the documented answers', () => {
    expect(readMieltoRefresh(answer(200, ok))).toEqual(ok);
    expect(readMieltoRefresh(answer(404, { detail: 'Connection not found' }))).toEqual({
      detail: 'Connection not found',
    });
    const detail = [{ loc: ['path', 'connection_id', 0], msg: 'too long', type: 'string_too_long' }];
    expect(readMieltoRefresh(answer(422, { detail }))).toEqual({ detail });
  });

  it.each([
    ['null for the expiry', answer(200, { ...ok, expires_at: null })],
    ['a date without an offset', answer(200, { ...ok, expires_at: '2025-10-19T12:00:00' })],
    ['no connection', answer(200, { status: 'success', expires_at: ok.expires_at })],
    ['201', answer(201, ok)],
    ['problem+json', answer(404, { detail: 'x' }, 'application/problem+json')],
    ['a 404 of another dialect', answer(404, { error: 'not_found', error_description: 'x' })],
    ['a list as the detail of a 404', answer(404, { detail: [{ loc: [], msg: 'x', type: 'y' }] })],
    ['a text as the detail of a 422', answer(422, { detail: 'x' })],
  ])('refresh: not %s', (_what, given) => {
    expect(() => readMieltoRefresh(given)).toThrow();
  });
});
