import * as fc from 'fast-check';
import { Cluster, Redis } from 'ioredis';
import {
  startRedis,
  startRedisCluster,
  startSentinel,
  startTcpRedis,
  type RedisServer,
} from '../../../test/harness/redis-server.js';
import { RedisConnection } from './redis-connection.js';
import { MIRROR_SLOT, RedisRevocationMirror } from './redis-revocation-mirror.js';
import { parseRedisUrl } from './redis-url.js';
import { UntrustedMirror, type RevocationEntry, type RevocationMirror } from './revocation-mirror.js';

interface Place {
  readonly url: string;
  /** The server that holds the mirror. */
  readonly server: RedisServer;
  readonly admin: Redis;
  close(): Promise<void>;
}

async function onSocket(args: readonly string[] = []): Promise<Place> {
  const server = await startRedis({ args });
  const admin = new Redis(server.url.replace('unix://', ''));
  return { url: server.url, server, admin, close: () => end(admin, server) };
}

async function behindSentinel(): Promise<Place> {
  const server = await startTcpRedis();
  const sentinel = await startSentinel(server.port);
  const admin = new Redis(server.port, '127.0.0.1');
  return { url: sentinel.url, server, admin, close: () => end(admin, sentinel, server) };
}

/** The slot of the mirror belongs to the second node of three, so asking just any node is wrong. */
async function inCluster(size: number): Promise<Place> {
  const cluster = await startRedisCluster(size);
  const server = cluster.nodes[Math.floor((MIRROR_SLOT / 16_384) * size)] ?? cluster;
  const admin = new Redis(server.url);
  return { url: cluster.url, server, admin, close: () => end(admin, cluster) };
}

async function end(admin: Redis, ...servers: RedisServer[]): Promise<void> {
  admin.disconnect();
  await Promise.all(servers.map((server) => server.stop()));
}

const later = (): number => Date.now() + 600_000;
const entry = (subject: string, generation: number): RevocationEntry => ({ subject, generation, expiresAtMs: later() });
const none = async (): Promise<RevocationEntry[]> => [];

class Instance {
  readonly log: string[] = [];
  readonly connection: RedisConnection;
  readonly mirror: RedisRevocationMirror;

  constructor(url: string) {
    const log = (level: string, message: string): void => void this.log.push(`${level}: ${message}`);
    this.connection = new RedisConnection(parseRedisUrl(url), { log, commandTimeoutMs: 1_000 });
    this.mirror = new RedisRevocationMirror(this.connection, { now: Date.now, log });
  }

  static async connect(url: string): Promise<Instance> {
    const instance = new Instance(url);
    await instance.connection.settled();
    await instance.mirror.look();
    return instance;
  }

  untilReady(): Promise<void> {
    return new Promise((resolve) => this.connection.onReady(resolve));
  }

  async close(): Promise<void> {
    this.mirror.close();
    await this.connection.close();
  }
}

describe.each([
  { place: 'Redis on a socket', open: () => onSocket() },
  { place: 'Redis behind a Sentinel', open: behindSentinel },
  { place: 'a cluster of one', open: () => inCluster(1) },
  { place: 'a cluster of three', open: () => inCluster(3) },
])('D20, the revocation mirror in $place', ({ open }) => {
  let place: Place;
  let instance: Instance;
  let mirror: RedisRevocationMirror;

  beforeAll(async () => {
    place = await open();
  });
  beforeEach(async () => {
    await place.admin.flushall();
    instance = await Instance.connect(place.url);
    mirror = instance.mirror;
  });
  afterEach(() => instance.close());
  afterAll(() => place.close());

  it('trusts nothing before a re-warm, everything after it', async () => {
    await mirror.write([entry('token:a', 1)]);
    expect(await mirror.read(['token:a'])).toEqual({ trusted: false });
    expect(mirror.health()).toEqual({ trusted: false, reason: 'the mirror waits to be filled from Postgres' });
    expect(await mirror.rewarm(async () => [entry('user:b', 7)])).toBe(true);
    expect(mirror.health()).toEqual({ trusted: true });
    expect(await mirror.read(['token:a', 'user:b', 'user:c'])).toEqual({
      trusted: true,
      generations: [1, 7, undefined],
    });
    expect(await mirror.read([])).toEqual({ trusted: true, generations: [] });
  });

  it('trusts at once what another instance has warmed', async () => {
    await mirror.rewarm(async () => [entry('user:b', 7)]);
    const other = await Instance.connect(place.url);
    expect(other.mirror.health()).toEqual({ trusted: true });
    expect(await other.mirror.read(['user:b'])).toEqual({ trusted: true, generations: [7] });
    await other.close();
  });

  it('lets instances warm it at the same time', async () => {
    const other = await Instance.connect(place.url);
    const outcomes = await Promise.all([
      mirror.rewarm(async () => [entry('user:a', 1)]),
      other.mirror.rewarm(async () => [entry('user:b', 2)]),
    ]);
    expect(outcomes).toEqual([true, true]);
    expect(await mirror.read(['user:a', 'user:b'])).toEqual({ trusted: true, generations: [1, 2] });
    await other.close();
  });

  it('is untrusted after a flush until the next re-warm, and asks for it', async () => {
    await mirror.rewarm(async () => [entry('user:b', 7)]);
    const asked = new Promise<void>((resolve) => mirror.onUntrusted(resolve));
    await place.admin.flushall();
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    expect(mirror.health().trusted).toBe(false);
    await asked;
    expect(await mirror.rewarm(async () => [entry('user:b', 7)])).toBe(true);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: true, generations: [7] });
  });

  it('refuses a re-warm during which the data was lost', async () => {
    const outcome = await mirror.rewarm(async () => {
      await place.admin.flushall();
      return [entry('user:b', 7)];
    });
    expect(outcome).toBe(false);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
  });

  it('refuses a re-warm whose snapshot failed, and says why', async () => {
    await expect(mirror.rewarm(() => Promise.reject(new Error('no database')))).resolves.toBe(false);
    expect(instance.log.join()).toContain('no database');
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
  });

  it('leaves its nonce before it takes the snapshot', async () => {
    let keys: string[] = [];
    await mirror.rewarm(async () => {
      keys = await place.admin.keys('{gth:rev}:*');
      return [];
    });
    expect(keys).toEqual([expect.stringMatching(/^\{gth:rev\}:warming:/)]);
    expect(await place.admin.keys('{gth:rev}:*')).toEqual(['{gth:rev}:marker']);
  });

  it('writes run_id and nonce of the server that holds the slot into the marker', async () => {
    await mirror.rewarm(none);
    const runId = /run_id:(\w+)/.exec(await place.admin.info('server'))?.[1];
    expect(runId).toBeDefined();
    expect(await place.admin.get('{gth:rev}:marker')).toMatch(new RegExp(`^${runId}:[0-9a-f-]{36}:`));
  });

  it('does not believe the marker of another server, as a restored copy holds it', async () => {
    await mirror.rewarm(async () => [entry('user:b', 7)]);
    const marker = await place.admin.get('{gth:rev}:marker');
    await place.admin.set('{gth:rev}:marker', `${'0'.repeat(40)}${marker?.slice(40)}`);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    const other = await Instance.connect(place.url);
    expect(await other.mirror.read(['user:b'])).toEqual({ trusted: false });
    await other.close();
  });

  it('never lets a generation or its end of life fall', async () => {
    await mirror.rewarm(none);
    const generation = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const writes = fc.array(fc.record({ generation, lifeMs: fc.integer({ min: 60_000, max: 900_000 }) }), {
      minLength: 1,
      maxLength: 12,
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(writes, async (sequence) => {
        const subject = `user:${++run}`;
        const now = Date.now();
        const entries = sequence.map((w) => ({ subject, generation: w.generation, expiresAtMs: now + w.lifeMs }));
        // Half of them one after the other, half of them at once.
        const half = Math.floor(entries.length / 2);
        for (const one of entries.slice(0, half)) await mirror.write([one]);
        await Promise.all(entries.slice(half).map((one) => mirror.write([one])));
        const highest = Math.max(...sequence.map((w) => w.generation));
        expect(await mirror.read([subject])).toEqual({ trusted: true, generations: [highest] });
        const left = await place.admin.pttl(`{gth:rev}:of:${subject}`);
        expect(left).toBeGreaterThan(Math.max(...sequence.map((w) => w.lifeMs)) - 30_000);
      }),
      { numRuns: 40 },
    );
  });

  it('keeps an entry no longer than it can matter, and none that is over', async () => {
    await mirror.rewarm(none);
    expect(await mirror.write([{ subject: 'token:over', generation: 1, expiresAtMs: Date.now() - 1 }])).toBe(true);
    expect(await mirror.write([entry('token:a', 1)])).toBe(true);
    expect(await mirror.read(['token:over', 'token:a'])).toEqual({ trusted: true, generations: [undefined, 1] });
    const left = await place.admin.pttl('{gth:rev}:of:token:a');
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(600_000);
  });

  it('copies a snapshot of many batches', async () => {
    const entries = Array.from({ length: 1_701 }, (_, i) => entry(`token:${i}`, i));
    expect(await mirror.rewarm(async () => entries)).toBe(true);
    const answer = await mirror.read(entries.map(({ subject }) => subject));
    expect(answer).toEqual({ trusted: true, generations: entries.map(({ generation }) => generation) });
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 53])(
    'refuses generation %p, which it could not keep exactly',
    async (generation) => {
      await expect(mirror.write([{ subject: 'user:a', generation, expiresAtMs: later() }])).rejects.toThrow(RangeError);
    },
  );

  it('trusts nothing under an eviction policy, names the fix, and not the old marker afterwards either', async () => {
    await mirror.rewarm(async () => [entry('user:b', 7)]);
    await place.admin.config('SET', 'maxmemory-policy', 'volatile-lru');
    await mirror.look();
    expect(mirror.health()).toEqual({ trusted: false, reason: 'maxmemory-policy is volatile-lru: set noeviction' });
    expect(instance.log.join()).toContain('maxmemory-policy is volatile-lru: set noeviction');
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    let asked = false;
    expect(await mirror.rewarm(async () => ((asked = true), []))).toBe(false);
    expect(asked).toBe(false);

    // Under pressure Redis now drops entries, and keeps the marker, which has no expiry.
    await place.admin.config('SET', 'maxmemory', '1');
    await place.admin.set('{gth:rev}:ballast', 'x').catch(() => undefined);
    await place.admin.config('SET', 'maxmemory', '0');
    expect(await place.admin.exists('{gth:rev}:of:user:b')).toBe(0);
    expect(await place.admin.exists('{gth:rev}:marker')).toBe(1);
    await place.admin.config('SET', 'maxmemory-policy', 'noeviction');
    await mirror.look();
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    expect(await mirror.rewarm(async () => [entry('user:b', 7)])).toBe(true);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: true, generations: [7] });
  });

  it('calls for a re-warm at most once a second, however many reads find none', async () => {
    await mirror.rewarm(none);
    let calls = 0;
    mirror.onUntrusted(() => void calls++);
    await place.admin.flushall();
    await Promise.all(Array.from({ length: 200 }, () => mirror.read(['user:b'])));
    await mirror.look();
    expect(calls).toBeGreaterThanOrEqual(1);
    expect(calls).toBeLessThanOrEqual(2);
  });

  it('calls a handler that came late', async () => {
    await new Promise<void>((resolve) => mirror.onUntrusted(resolve));
  });
});

describe('D20, the server ends', () => {
  it('a restart makes the mirror untrusted until a re-warm; a write meanwhile is false, a read never throws', async () => {
    const { server, url, close } = await onSocket();
    const instance = await Instance.connect(url);
    const { mirror } = instance;
    await mirror.rewarm(async () => [entry('user:b', 7)]);

    await server.kill();
    expect(await mirror.write([entry('user:b', 8)])).toBe(false);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    expect(await mirror.rewarm(none)).toBe(false);
    expect(mirror.health()).toEqual({ trusted: false, reason: 'Redis cannot be reached' });

    const asked = new Promise<void>((resolve) => mirror.onUntrusted(resolve));
    await server.restart();
    await asked;
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    expect(await mirror.rewarm(async () => [entry('user:b', 8)])).toBe(true);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: true, generations: [8] });
    await instance.close();
    await close();
  });

  it('a restart that brings back yesterday, marker included, is not believed', async () => {
    const { server, admin, url, close } = await onSocket(['--dbfilename', 'yesterday.rdb']);
    const instance = await Instance.connect(url);
    const { mirror } = instance;
    await mirror.rewarm(none);
    await admin.save();
    await mirror.write([entry('user:b', 7)]);
    const looked = instance.untilReady();
    await server.kill();
    await server.restart();
    await looked;
    await mirror.look();
    expect(await admin.exists('{gth:rev}:marker')).toBe(1);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    await instance.close();
    await close();
  });

  it('a hung server is untrusted, and its late answer changes nothing', async () => {
    const { server, url, close } = await onSocket();
    const instance = await Instance.connect(url);
    await instance.mirror.rewarm(none);
    server.suspend();
    expect(await instance.mirror.read(['user:b'])).toEqual({ trusted: false });
    expect(await instance.mirror.write([entry('user:b', 7)])).toBe(false);
    server.resume();
    await instance.close();
    await close();
  });

  it('a re-warm across a restart is refused', async () => {
    const { server, url, close } = await onSocket();
    const instance = await Instance.connect(url);
    const outcome = await instance.mirror.rewarm(async () => {
      const back = instance.untilReady();
      await server.kill();
      await server.restart();
      await back;
      return [entry('user:b', 7)];
    });
    expect(outcome).toBe(false);
    expect(await instance.mirror.read(['user:b'])).toEqual({ trusted: false });
    await instance.close();
    await close();
  });

  it('a replica that answers is not believed', async () => {
    const primary = await startTcpRedis();
    const replica = await startTcpRedis({ args: ['--replicaof', '127.0.0.1', `${primary.port}`] });
    const warm = await Instance.connect(primary.url);
    await warm.mirror.rewarm(none);
    const instance = await Instance.connect(replica.url);
    expect(instance.mirror.health().trusted).toBe(false);
    expect(instance.log.join()).toContain('this Redis is a replica');
    expect(await instance.mirror.read(['user:b'])).toEqual({ trusted: false });
    await Promise.all([warm.close(), instance.close()]);
    await Promise.all([primary.stop(), replica.stop()]);
  });

  it('a primary that was demoted and promoted again, missing what it never heard, is not believed', async () => {
    const { server, admin, url, close } = await onSocket();
    const other = await startTcpRedis();
    const instance = await Instance.connect(url);
    const { mirror } = instance;
    await mirror.rewarm(none);
    const marker = await admin.get('{gth:rev}:marker');
    const successor = new Redis(other.port, '127.0.0.1');
    await successor.set('{gth:rev}:marker', marker ?? '');
    await admin.replicaof('127.0.0.1', other.port);
    while (!(await admin.info('replication')).includes('master_link_status:up'))
      await new Promise((again) => setTimeout(again, 20));
    await admin.replicaof('NO', 'ONE');
    await mirror.look();
    expect(await admin.get('{gth:rev}:marker')).toBe(marker);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    successor.disconnect();
    await instance.close();
    await Promise.all([close(), other.stop()]);
    expect(server.pid).toBeGreaterThan(0);
  });
});

describe('D20, a cluster moves the slot', () => {
  it('the node that takes it over is not believed by the marker of the old one', async () => {
    const cluster = await startRedisCluster(2);
    const [target, source] = cluster.nodes.map((node) => new Redis(node.url));
    const instance = await Instance.connect(cluster.url);
    const { mirror } = instance;
    if (source === undefined || target === undefined) throw new Error('two nodes');
    await mirror.rewarm(async () => [entry('user:b', 7)]);
    const [sourceId, targetId] = [String(await source.cluster('MYID')), String(await target.cluster('MYID'))];
    await target.cluster('SETSLOT', MIRROR_SLOT, 'IMPORTING', sourceId);
    await source.cluster('SETSLOT', MIRROR_SLOT, 'MIGRATING', targetId);
    for (const key of (await source.cluster('GETKEYSINSLOT', MIRROR_SLOT, 100)) as string[])
      await source.migrate('127.0.0.1', target.options.port ?? 0, key, 0, 5_000);
    await target.cluster('SETSLOT', MIRROR_SLOT, 'NODE', targetId);
    await source.cluster('SETSLOT', MIRROR_SLOT, 'NODE', targetId);

    expect(await target.exists('{gth:rev}:marker')).toBe(1);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    await mirror.look();
    expect(await mirror.read(['user:b'])).toEqual({ trusted: false });
    expect(await mirror.rewarm(async () => [entry('user:b', 7)])).toBe(true);
    expect(await mirror.read(['user:b'])).toEqual({ trusted: true, generations: [7] });
    source.disconnect();
    target.disconnect();
    await instance.close();
    await cluster.stop();
  });

  it('knows the slot of its keys', async () => {
    const cluster = await startRedisCluster(1);
    const admin = new Cluster([cluster.nodes[0]?.url ?? '']);
    expect(await admin.cluster('KEYSLOT', '{gth:rev}:marker')).toBe(MIRROR_SLOT);
    admin.disconnect();
    await cluster.stop();
  });
});

describe('D20, without Redis', () => {
  it('is never trusted, has nothing to write again, and asks for no snapshot', async () => {
    const mirror: RevocationMirror = new UntrustedMirror();
    expect(await mirror.read(['user:a'])).toEqual({ trusted: false });
    expect(await mirror.write([entry('user:a', 1)])).toBe(true);
    expect(await mirror.rewarm(() => Promise.reject(new Error('nobody may ask')))).toBe(false);
    expect(mirror.health()).toEqual({ trusted: false, reason: expect.stringContaining('Postgres') });
  });
});
