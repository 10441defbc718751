import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { text } from 'node:stream/consumers';
import type { ResolveHost } from './guarded-dial.js';
import { OutboundCalls, type CallLimits, type SendOptions } from './outbound-calls.js';
import { OutboundError } from './outbound-error.js';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((part) => part.close()));
});

async function listening(server: ReturnType<typeof createTcpServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serve(answer: RequestListener, timeouts: { keepAliveTimeout?: number } = {}): Promise<string> {
  const server: Server = createServer(timeouts, answer);
  opened.push({
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return listening(server);
}

/** A peer that does with a socket what the test says once the first bytes of a request arrived. */
async function serveRaw(onRequest: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('data', () => onRequest(socket));
  });
  opened.push({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return listening(server);
}

function outbound(limits: Partial<CallLimits> = {}, resolve?: ResolveHost): OutboundCalls {
  const standard = { allowPrivate: true, timeoutMs: 5_000, connectTimeoutMs: 3_000, maxBytes: 1_000 };
  const made = new OutboundCalls({ ...standard, ...limits }, resolve);
  opened.push(made);
  return made;
}

function post(calls: OutboundCalls, url: string, options: SendOptions = {}) {
  return calls.send(calls.prepare('POST', url, { 'content-type': 'text/plain' }), 'body', options);
}

async function faultOf(promise: Promise<unknown>): Promise<OutboundError> {
  const outcome = await promise.catch((error: unknown) => error);
  if (outcome instanceof OutboundError) return outcome;
  throw new Error(`expected an OutboundError, got ${String(outcome)}`);
}

describe('R26 a call', () => {
  it('carries method, prepared headers and body, and brings back status, headers and text', async () => {
    const origin = await serve((request, response) => {
      void text(request).then((body) => {
        response.writeHead(418, { 'x-said': String(request.headers['content-type']) });
        response.end(`${request.method} ${request.url} ${body} ${request.headers['accept-encoding']} é`);
      });
    });
    let written = 0;
    const answer = await post(outbound(), `${origin}/p?q=1`, { onWritten: () => (written += 1) });
    expect(answer).toMatchObject({ status: 418, headers: { 'x-said': 'text/plain' } });
    expect(answer.body).toBe('POST /p?q=1 body identity é');
    expect(written).toBe(1);
  });

  it('reads an answer in many pieces, and skips an interim one', async () => {
    const origin = await serve((_, response) => {
      response.writeProcessing();
      response.write('a'.repeat(400));
      response.end('b'.repeat(400));
    });
    expect((await post(outbound(), origin)).body).toBe('a'.repeat(400) + 'b'.repeat(400));
  });

  it.each(['http://example.com/', 'ftp://127.0.0.1/', 'https://u:p@example.com/'])('refuses %s', (url) => {
    expect(() => outbound().prepare('POST', url, {})).toThrow(expect.objectContaining({ fault: 'scheme_refused' }));
  });

  it('follows no redirect, unfolds no compression, reads no more than the cap', async () => {
    const redirect = await serve((_, response) => response.writeHead(307, { location: 'http://10.0.0.1/' }).end());
    const zipped = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{}'));
    });
    const long = await serve((_, response) => response.end('x'.repeat(1_001)));
    const calls = outbound();
    expect(await faultOf(post(calls, redirect))).toMatchObject({ fault: 'redirect_refused', written: 'yes' });
    expect(await faultOf(post(calls, zipped))).toMatchObject({ fault: 'encoding_refused', written: 'yes' });
    expect(await faultOf(post(calls, long))).toMatchObject({ fault: 'too_large', written: 'yes' });
  });

  it('opens no connection to an address that is not public, named or written', async () => {
    const rebound = outbound({ allowPrivate: false }, async () => [{ address: '169.254.169.254', family: 4 }]);
    const refused = { fault: 'address_refused', written: 'no' };
    expect(await faultOf(post(rebound, 'https://id.example.com/token'))).toMatchObject(refused);
    expect(await faultOf(post(rebound, 'https://169.254.169.254/token'))).toMatchObject(refused);
    expect(await faultOf(post(rebound, 'https://[::1]/token'))).toMatchObject(refused);
  });
});

describe('whether a failed request had been written', () => {
  it('says no when nobody listens', async () => {
    const origin = await serve(() => undefined);
    await opened.pop()?.close();
    let written = 0;
    const error = await faultOf(post(outbound(), origin, { onWritten: () => (written += 1) }));
    expect(error).toMatchObject({ fault: 'network', written: 'no' });
    expect(error.message).toContain('ECONNREFUSED');
    expect(written).toBe(0);
  });

  it('says no when the name is not known', async () => {
    const calls = outbound({}, async () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })));
    expect(await faultOf(post(calls, 'https://nowhere.example/'))).toMatchObject({ fault: 'network', written: 'no' });
  });

  it('says no when TLS fails', async () => {
    const origin = await serveRaw((socket) => socket.end('this is no TLS'));
    const error = await faultOf(post(outbound(), origin.replace('http:', 'https:')));
    expect(error).toMatchObject({ fault: 'network', written: 'no' });
  });

  it('says no when the time is up while dialling, and writes nothing afterwards', async () => {
    let known: (addresses: { address: string; family: number }[]) => void = () => undefined;
    const asked: string[] = [];
    const origin = await serve((request, response) => {
      asked.push(String(request.url));
      response.end();
    });
    const calls = outbound({ timeoutMs: 100 }, () => new Promise((resolve) => (known = resolve)));
    const url = origin.replace('127.0.0.1', 'slow.localhost');
    let written = 0;
    const error = await faultOf(post(calls, `${url}/first`, { onWritten: () => (written += 1) }));
    expect(error).toMatchObject({ fault: 'timeout', written: 'no' });
    const second = post(calls, `${origin}/second`);
    known([{ address: '127.0.0.1', family: 4 }]);
    await second;
    expect(asked).toEqual(['/second']);
    expect(written).toBe(0);
  });

  it('says no when the house is closed already', async () => {
    const calls = outbound();
    await calls.close();
    opened.pop();
    expect(await faultOf(post(calls, 'http://127.0.0.1:1/'))).toMatchObject({ fault: 'network', written: 'no' });
  });

  it('says no when the caller had given up before', async () => {
    const origin = await serve((_, response) => response.end());
    const error = await faultOf(post(outbound(), origin, { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ fault: 'network', written: 'no' });
  });

  it('says yes when the peer resets after reading', async () => {
    const origin = await serveRaw((socket) => socket.resetAndDestroy());
    expect(await faultOf(post(outbound(), origin))).toMatchObject({ fault: 'network', written: 'yes' });
  });

  it('says yes when the peer closes without an answer, or in the middle of one', async () => {
    const calls = outbound();
    const silent = await serveRaw((socket) => socket.end());
    expect(await faultOf(post(calls, silent))).toMatchObject({ fault: 'network', written: 'yes' });
    const half = await serveRaw((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"access_'));
    expect(await faultOf(post(calls, half))).toMatchObject({ fault: 'network', written: 'yes' });
  });

  it('says yes when the time is up while waiting', async () => {
    const origin = await serve(() => undefined);
    const error = await faultOf(post(outbound({ timeoutMs: 100 }), origin));
    expect(error).toMatchObject({ fault: 'timeout', written: 'yes' });
  });

  it('says yes when the caller gives up after the writing', async () => {
    const caller = new AbortController();
    const origin = await serve(() => caller.abort());
    const error = await faultOf(post(outbound(), origin, { signal: caller.signal }));
    expect(error).toMatchObject({ fault: 'network', written: 'yes' });
    expect(error.message).toContain('aborted by the caller');
  });

  it('never sends a request twice by itself', async () => {
    let requests = 0;
    const origin = await serveRaw((socket) => {
      requests += 1;
      socket.resetAndDestroy();
    });
    await faultOf(post(outbound(), origin));
    expect(requests).toBe(1);
  });

  it('tells nobody the query, a header or the body', async () => {
    const origin = await serveRaw((socket) => socket.resetAndDestroy());
    const calls = outbound();
    const call = calls.prepare('POST', `${origin}/t?q=query-secret`, { authorization: 'header-secret' });
    const error = await faultOf(calls.send(call, 'body-secret'));
    expect(error.message).toContain(`POST ${origin}/t:`);
    expect(error.message).not.toContain('secret');
  });
});
