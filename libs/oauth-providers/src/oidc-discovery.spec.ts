import { gzipSync } from 'node:zlib';
import { json, LyingOidcServer, type Lies } from '../test/lying-oidc-server.js';
import { anOidcProvider, anOutbound, upstreamErrorOf } from '../test/provider-configs.js';
import { OidcDiscovery } from './oidc-discovery.js';
import type { OutboundFetch, OutboundLimits } from '@app/outbound';

let upstream: LyingOidcServer;
let outbound: OutboundFetch | undefined;
let time: number;
let scheduled: { run: () => void; delayMs: number; cancelled: boolean }[];

beforeEach(async () => {
  upstream = await LyingOidcServer.start();
  time = Date.parse('2026-05-01T12:00:00Z');
  scheduled = [];
});
afterEach(async () => {
  await outbound?.close();
  await upstream.stop();
});

function discover(issuer = upstream.issuer, limits: Partial<OutboundLimits> = {}): OidcDiscovery {
  outbound = anOutbound({ maxBytes: 20_000, ...limits });
  return new OidcDiscovery(
    anOidcProvider(issuer),
    outbound,
    () => new Date(time),
    (run, delayMs) => {
      const entry = { run, delayMs, cancelled: false };
      scheduled.push(entry);
      return { cancel: () => (entry.cancelled = true) };
    },
  );
}

const fetches = () => upstream.requests.filter((path) => path.includes('well-known')).length;
const broken: NonNullable<Lies['discovery']> = (response) => void response.writeHead(503).end('down');

/** Lets a fetch that was started behind the back of the test come to its end. */
async function settled(discovery: OidcDiscovery, state: string): Promise<void> {
  while (discovery.status().state !== state) await new Promise((resolve) => setImmediate(resolve));
}

describe('OIDC Discovery §4', () => {
  it('is pending before the first try and ready after it', async () => {
    const discovery = discover();
    expect(discovery.status()).toEqual({ state: 'pending' });
    expect((await discovery.metadata()).token_endpoint).toBe(`${upstream.issuer}/token`);
    expect(discovery.status()).toEqual({ state: 'ready' });
  });

  it('asks once for callers at the same time and keeps the document for an hour', async () => {
    const discovery = discover();
    await Promise.all([discovery.metadata(), discovery.metadata(), discovery.metadata()]);
    time += 59 * 60_000;
    await discovery.metadata();
    expect(fetches()).toBe(1);
  });

  it('fetches a stale document again without making anybody wait', async () => {
    const discovery = discover();
    await discovery.metadata();
    upstream.lies.metadata = { token_endpoint: `${upstream.issuer}/token-2` };
    time += 60 * 60_000;
    expect((await discovery.metadata()).token_endpoint).toBe(`${upstream.issuer}/token`);
    while (discovery.known?.token_endpoint === `${upstream.issuer}/token`) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(discovery.known?.token_endpoint).toBe(`${upstream.issuer}/token-2`);
  });

  it('serves the last good document while the provider is away, and says so', async () => {
    const discovery = discover();
    await discovery.metadata();
    upstream.lies.discovery = broken;
    time += 60 * 60_000;
    await discovery.metadata();
    await settled(discovery, 'degraded');
    expect((await discovery.metadata()).issuer).toBe(upstream.issuer);
  });
});

describe('R24 the document', () => {
  const faults: [string, () => void, RegExp][] = [
    ['404', () => (upstream.lies.discovery = (response) => json(response, {}, 404)), /status 404/],
    ['503', () => (upstream.lies.discovery = broken), /status 503/],
    [
      'HTML',
      () => (upstream.lies.discovery = (r) => void r.writeHead(200, { 'content-type': 'text/html' }).end('<html>')),
      /content-type/,
    ],
    [
      'broken JSON',
      () => (upstream.lies.discovery = (r) => void r.writeHead(200, { 'content-type': 'application/json' }).end('{')),
      /discovery/,
    ],
    ['an array', () => (upstream.lies.discovery = (response) => json(response, [])), /discovery/],
    [
      'a redirect',
      () => (upstream.lies.discovery = (r) => void r.writeHead(302, { location: '/x' }).end()),
      /redirect/,
    ],
    ['oversize', () => (upstream.lies.metadata = { padding: 'x'.repeat(30_000) }), /larger than 20000 bytes/],
    [
      'compression',
      () =>
        (upstream.lies.discovery = (r) => void r.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{}'))),
      /compressed/,
    ],
    ['another issuer', () => (upstream.lies.metadata = { issuer: 'https://evil.test' }), /issuer/],
    ['the issuer with a slash more', () => (upstream.lies.metadata = { issuer: `${upstream.issuer}/` }), /issuer/],
    [
      'an http endpoint',
      () => (upstream.lies.metadata = { token_endpoint: 'http://acme.test/token' }),
      /token_endpoint/,
    ],
    ['a javascript: page', () => (upstream.lies.metadata = { authorization_endpoint: 'javascript:0' }), /not https/],
    ['no jwks_uri', () => (upstream.lies.metadata = { jwks_uri: undefined }), /jwks_uri/],
    [
      'symmetric algorithms alone',
      () => (upstream.lies.metadata = { id_token_signing_alg_values_supported: ['HS256', 'none'] }),
      /asymmetric/,
    ],
  ];
  it.each(faults)('refuses %s, and the provider is unavailable', async (_name, lie, detail) => {
    lie();
    const discovery = discover();
    const error = await upstreamErrorOf(discovery.metadata());
    expect(error.code).toBe('provider_unavailable');
    expect(error.detail).toMatch(detail);
    expect(discovery.status()).toEqual({ state: 'degraded', detail: error.detail });
  });

  it('gives up on a provider that does not answer', async () => {
    upstream.lies.discovery = () => undefined;
    expect((await upstreamErrorOf(discover(upstream.issuer, { timeoutMs: 50 }).metadata())).detail).toContain('50 ms');
  });

  it('calls no http issuer where private hosts are not allowed', async () => {
    const error = await upstreamErrorOf(discover(upstream.issuer, { allowPrivate: false }).metadata());
    expect(error.detail).toContain('HTTPS');
    expect(fetches()).toBe(0);
  });

  it('never offers symmetric algorithms to the ID token check', async () => {
    expect((await discover().metadata()).id_token_signing_alg_values_supported).toEqual(['ES256', 'RS256']);
  });
});

describe('a provider that is down at start', () => {
  it('is retried in the background with growing pauses, up to five minutes', async () => {
    upstream.lies.discovery = broken;
    const discovery = discover();
    discovery.start();
    await settled(discovery, 'degraded');
    for (let tries = 1; tries < 12; tries += 1) {
      const seen = scheduled.length;
      scheduled.at(-1)?.run();
      while (scheduled.length === seen) await new Promise((resolve) => setImmediate(resolve));
    }
    const doubled = [1, 2, 4, 8, 16, 32, 64, 128, 256];
    expect(scheduled.map(({ delayMs }) => delayMs / 1_000)).toEqual(doubled.concat(300, 300, 300));
  });

  it('is back at the first retry that succeeds, and the next failure starts from one second again', async () => {
    upstream.lies.discovery = broken;
    const discovery = discover();
    discovery.start();
    await settled(discovery, 'degraded');
    upstream.lies.discovery = undefined;
    scheduled.at(-1)?.run();
    await settled(discovery, 'ready');
    upstream.lies.discovery = broken;
    time += 60 * 60_000;
    await discovery.metadata();
    await settled(discovery, 'degraded');
    expect(scheduled.map(({ delayMs }) => delayMs)).toEqual([1_000, 1_000]);
  });

  it('is tried again on demand, but not more often than every five seconds', async () => {
    upstream.lies.discovery = broken;
    const discovery = discover();
    const first = await upstreamErrorOf(discovery.metadata());
    upstream.lies.discovery = undefined;
    time += 4_999;
    expect(await upstreamErrorOf(discovery.metadata())).toBe(first);
    expect(fetches()).toBe(1);
    time += 1;
    expect((await discovery.metadata()).issuer).toBe(upstream.issuer);
    expect(scheduled.every(({ cancelled }) => cancelled)).toBe(true);
  });

  it('leaves no timer behind once stopped', async () => {
    upstream.lies.discovery = broken;
    const discovery = discover();
    await upstreamErrorOf(discovery.metadata());
    discovery.stop();
    expect(scheduled.map(({ cancelled }) => cancelled)).toEqual([true]);
    time += 5_000;
    await upstreamErrorOf(discovery.metadata());
    expect(scheduled).toHaveLength(1);
  });
});
