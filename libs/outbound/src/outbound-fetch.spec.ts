import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { text } from 'node:stream/consumers';
import type { ResolveHost } from './guarded-dial.js';
import { OutboundError } from './outbound-error.js';
import { OutboundFetch, type OutboundLimits } from './outbound-fetch.js';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((part) => part.close()));
});

async function serve(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function outbound(limits: Partial<OutboundLimits> = {}, resolve?: ResolveHost): OutboundFetch {
  const made = new OutboundFetch({ allowPrivate: true, timeoutMs: 5_000, maxBytes: 1_000, ...limits }, resolve);
  opened.push(made);
  return made;
}

async function faultOf(promise: Promise<unknown>): Promise<OutboundError> {
  const outcome = await promise.catch((error: unknown) => error);
  if (outcome instanceof OutboundError) return outcome;
  throw new Error(`expected an OutboundError, got ${String(outcome)}`);
}

describe('R26 the request', () => {
  it('carries method, headers and form, and brings back status, headers and body', async () => {
    const origin = await serve((request, response) => {
      void text(request).then((body) => {
        response.writeHead(201, { 'content-type': 'text/plain', 'x-two': ['a', 'b'] });
        response.end([request.method, request.url, request.headers['x-one'], body].join(' '));
      });
    });
    const answer = await outbound().fetch(`${origin}/path?q=1`, {
      method: 'POST',
      headers: { 'X-One': '1' },
      body: new URLSearchParams({ a: 'b c' }),
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('x-two')).toBe('a, b');
    expect(await answer.text()).toBe('POST /path?q=1 1 a=b+c');
  });

  it('keeps and sends no cookies', async () => {
    const cookies: (string | undefined)[] = [];
    const origin = await serve((request, response) => {
      cookies.push(request.headers.cookie);
      response.writeHead(200, { 'set-cookie': 'a=b' }).end();
    });
    const way = outbound();
    const first = await way.fetch(origin);
    await way.fetch(origin);
    expect(first.headers.has('set-cookie')).toBe(false);
    expect(cookies).toEqual([undefined, undefined]);
  });

  it.each([301, 302, 303, 307, 308])('does not follow a redirect (%i)', async (status) => {
    const paths: (string | undefined)[] = [];
    const origin = await serve((request, response) => {
      paths.push(request.url);
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    expect((await faultOf(outbound().fetch(origin))).fault).toBe('redirect_refused');
    expect(paths).toEqual(['/']);
  });

  it('returns an error status as an answer', async () => {
    const origin = await serve((_request, response) => void response.writeHead(503).end('no'));
    expect((await outbound().fetch(origin)).status).toBe(503);
  });
});

describe('R26 the cap', () => {
  it('takes an answer of just the size and refuses one byte more', async () => {
    const origin = await serve((request, response) => void response.end('x'.repeat(Number(request.url?.slice(1)))));
    expect((await (await outbound().fetch(`${origin}/1000`)).text()).length).toBe(1_000);
    expect((await faultOf(outbound().fetch(`${origin}/1001`))).fault).toBe('too_large');
  });

  it('stops an endless answer while it streams', async () => {
    const ended = new Promise<void>((resolve) => {
      void serve((_request, response) => {
        const pump = () => {
          while (response.write('x'.repeat(10_000)));
        };
        response.on('drain', pump).on('close', resolve);
        pump();
      }).then(async (origin) => expect((await faultOf(outbound().fetch(origin))).fault).toBe('too_large'));
    });
    await ended;
  });

  it('refuses compression, which it did not ask for', async () => {
    const asked: (string | string[] | undefined)[] = [];
    const origin = await serve((request, response) => {
      asked.push(request.headers['accept-encoding']);
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(1_000_000)));
    });
    expect((await faultOf(outbound().fetch(origin))).fault).toBe('encoding_refused');
    expect(asked).toEqual(['identity']);
  });
});

describe('R26 the deadline', () => {
  it('ends a request that is never answered', async () => {
    const origin = await serve(() => undefined);
    expect((await faultOf(outbound({ timeoutMs: 50 }).fetch(origin))).fault).toBe('timeout');
  });

  it('covers the body too', async () => {
    const origin = await serve((_request, response) => void response.writeHead(200).write('x'));
    expect((await faultOf(outbound({ timeoutMs: 50 }).fetch(origin))).fault).toBe('timeout');
  });

  it('covers a name server that does not answer', async () => {
    const never: ResolveHost = () => new Promise(() => undefined);
    expect((await faultOf(outbound({ timeoutMs: 50 }, never).fetch('https://slow.test'))).fault).toBe('timeout');
  });
});

describe('R26 the dial', () => {
  const publicOnly = { allowPrivate: false };

  it.each([
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[fd00::1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://10.1.2.3/',
    'https://100.64.0.1/',
    'https://0.0.0.0/',
  ])('refuses the literal %s', async (url) => {
    expect((await faultOf(outbound(publicOnly).fetch(url))).fault).toBe('address_refused');
  });

  it('refuses localhost by what it resolves to', async () => {
    expect((await faultOf(outbound(publicOnly).fetch('https://localhost/'))).fault).toBe('address_refused');
  });

  it.each(['10.0.0.1', '127.0.0.1', '::1', 'fe80::1', '::ffff:192.168.0.1'])(
    'refuses a name with %s among its addresses',
    async (address) => {
      const resolve: ResolveHost = async () => [
        { address: '93.184.216.34', family: 4 },
        { address, family: address.includes(':') ? 6 : 4 },
      ];
      expect((await faultOf(outbound(publicOnly, resolve).fetch('https://rebind.test/'))).fault).toBe(
        'address_refused',
      );
    },
  );

  it('connects to the address it checked: the name is resolved once', async () => {
    const origin = await serve((request, response) => void response.end(request.headers.host));
    let asked = 0;
    const resolve: ResolveHost = async () => {
      asked += 1;
      return [asked === 1 ? { address: '127.0.0.1', family: 4 } : { address: '192.0.2.1', family: 4 }];
    };
    const { port } = new URL(origin);
    const answer = await outbound({}, resolve).fetch(`http://pinned.localhost:${port}/`);
    expect(await answer.text()).toBe(`pinned.localhost:${port}`);
    expect(asked).toBe(1);
  });

  it('reports a name that does not resolve and a port that does not answer as network faults', async () => {
    const failing: ResolveHost = async () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    };
    const unknown = await faultOf(outbound({}, failing).fetch('https://nowhere.test/x?secret=1'));
    expect(unknown).toMatchObject({ fault: 'network', message: 'GET https://nowhere.test/x: ENOTFOUND' });
    const origin = await serve(() => undefined);
    await opened.pop()?.close();
    expect((await faultOf(outbound().fetch(origin))).message).toMatch(/ECONNREFUSED$/);
  });
});

describe('R26 the scheme', () => {
  it.each([
    ['http://127.0.0.1/', false],
    ['http://example.com/', true],
    ['http://10.0.0.1/', true],
    ['http://localhost.evil.test/', true],
    ['ftp://127.0.0.1/', true],
    ['file:///etc/passwd', true],
    ['https://user:pw@example.com/', true],
  ])('refuses %s with allowPrivate %s', async (url, allowPrivate) => {
    expect((await faultOf(outbound({ allowPrivate }).fetch(url))).fault).toBe('scheme_refused');
  });
});
