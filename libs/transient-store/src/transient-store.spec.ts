import * as fc from 'fast-check';
import { Cluster, Redis } from 'ioredis';
import {
  startRedis,
  startRedisCluster,
  startSentinel,
  startTcpRedis,
  type RedisServer,
} from '../../../test/harness/redis-server.js';
import { InProcessTransientStore } from './in-process-store.js';
import { openStore } from './open-store.js';
import { StoreUnavailable, type TransientStore } from './transient-store.js';

/** A store under test and what its port does not offer: the passing of time. */
interface Fixture {
  readonly store: TransientStore;
  readonly log: string[];
  /** Lets this much time pass for the key. */
  elapse(key: string, ms: number): Promise<void>;
  close(): Promise<void>;
}

async function inProcess(): Promise<Fixture> {
  let now = Date.UTC(2026, 0, 1);
  const log: string[] = [];
  const store = new InProcessTransientStore({ now: () => now, log: (_level, message) => log.push(message) });
  return { store, log, elapse: async (_key, ms) => void (now += ms), close: () => store.close() };
}

async function overRedis(servers: readonly RedisServer[], url: string, admin: Redis | Cluster): Promise<Fixture> {
  const log: string[] = [];
  const { store, close } = await openStore({
    redisUrl: url,
    now: Date.now,
    log: (_level, message) => log.push(message),
  });
  return {
    store,
    log,
    elapse: async (key, ms) => {
      const left = await admin.pttl(`gth:${key}`);
      if (left < 0) return;
      await (left > ms ? admin.pexpire(`gth:${key}`, left - ms) : admin.del(`gth:${key}`));
    },
    close: async () => {
      await close();
      admin.disconnect();
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

async function redisOnSocket(): Promise<Fixture> {
  const server = await startRedis();
  return overRedis([server], server.url, new Redis(server.url.replace('unix://', '')));
}

async function redisBehindSentinel(): Promise<Fixture> {
  const server = await startTcpRedis();
  const sentinel = await startSentinel(server.port);
  return overRedis([sentinel, server], sentinel.url, new Redis(server.port, '127.0.0.1'));
}

async function redisCluster(size: number): Promise<Fixture> {
  const cluster = await startRedisCluster(size);
  const admin = new Cluster(cluster.nodes.map((node) => node.url));
  return overRedis([cluster], cluster.url, admin);
}

const HUNDRED = Array.from({ length: 100 }, (_, i) => i);

describe.each([
  { place: 'in-process', kind: 'in-process', open: inProcess },
  { place: 'Redis on a socket', kind: 'redis', open: redisOnSocket },
  { place: 'Redis behind a Sentinel', kind: 'redis', open: redisBehindSentinel },
  { place: 'a cluster of one', kind: 'redis', open: () => redisCluster(1) },
  { place: 'a cluster of three', kind: 'redis', open: () => redisCluster(3) },
])('the transient store, $place', ({ kind, open }) => {
  let fixture: Fixture;
  let store: TransientStore;

  beforeAll(async () => {
    fixture = await open();
    store = fixture.store;
  });
  afterAll(() => fixture.close());

  it('says what it is and answers a ping', async () => {
    expect(store.kind).toBe(kind);
    await store.ping();
  });

  it('keeps a value until it is replaced or deleted', async () => {
    expect(await store.get('plain')).toBeUndefined();
    await store.set('plain', 'one', 60_000);
    await store.set('plain', 'two', 60_000);
    expect(await store.get('plain')).toBe('two');
    await store.delete('plain');
    await store.delete('plain');
    expect(await store.get('plain')).toBeUndefined();
  });

  it('exchanges a value for another once, and keeps nothing where there was none', async () => {
    expect(await store.exchange('exchanged', 'new', 60_000)).toBeUndefined();
    expect(await store.get('exchanged')).toBeUndefined();
    await store.set('exchanged', 'old', 60_000);
    const formers = await Promise.all(HUNDRED.map((n) => store.exchange('exchanged', `new ${n}`, 60_000)));
    expect(formers.filter((former) => former === 'old')).toHaveLength(1);
    await store.exchange('exchanged', 'last', 5_000);
    await fixture.elapse('exchanged', 5_000);
    expect(await store.exchange('exchanged', 'too late', 60_000)).toBeUndefined();
    await expect(store.exchange('exchanged', 'x', 0)).rejects.toThrow(RangeError);
  });

  it('gives back every string under every key, the empty one included', async () => {
    const text = fc.string({ unit: 'grapheme' });
    const pairs = fc.dictionary(text, fc.oneof(text, fc.constant(''), fc.constant('x'.repeat(100_000))), {
      maxKeys: 8,
    });
    await fc.assert(
      fc.asyncProperty(pairs, async (values) => {
        const entries = Object.entries(values);
        await Promise.all(entries.map(([key, value]) => store.set(`any:${key}`, value, 60_000)));
        for (const [key, value] of entries) expect(await store.get(`any:${key}`)).toBe(value);
        const taken = await Promise.all(entries.map(([key]) => store.take(`any:${key}`)));
        expect(taken).toEqual(entries.map(([, value]) => value));
      }),
      { numRuns: 25 },
    );
  });

  it('lets a value go when its time has passed, and a new value has its own time', async () => {
    await store.set('brief', 'value', 60_000);
    await fixture.elapse('brief', 30_000);
    expect(await store.get('brief')).toBe('value');
    await store.set('brief', 'renewed', 60_000);
    await fixture.elapse('brief', 31_000);
    expect(await store.get('brief')).toBe('renewed');
    await fixture.elapse('brief', 31_000);
    expect(await store.get('brief')).toBeUndefined();
    expect(await store.take('brief')).toBeUndefined();
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a lifetime of %p', async (lifetime) => {
    await expect(store.set('odd', 'x', lifetime)).rejects.toThrow(RangeError);
    await expect(store.setIfAbsent('odd', 'x', lifetime)).rejects.toThrow(RangeError);
    await expect(store.increment('odd', lifetime)).rejects.toThrow(RangeError);
    expect(await store.get('odd')).toBeUndefined();
  });

  describe('R22', () => {
    it('gives a one-time value to exactly one of a hundred takers', async () => {
      await store.set('code', 'value', 60_000);
      const taken = await Promise.all(HUNDRED.map(() => store.take('code')));
      expect(taken.filter((value) => value === 'value')).toHaveLength(1);
      expect(taken.filter((value) => value === undefined)).toHaveLength(99);
      expect(await store.get('code')).toBeUndefined();
    });

    it('lets exactly one of a hundred claim a key, and the next when its time has passed', async () => {
      const claims = await Promise.all(HUNDRED.map((i) => store.setIfAbsent('assertion', `caller ${i}`, 60_000)));
      const winners = HUNDRED.filter((i) => claims[i]);
      expect(winners).toHaveLength(1);
      expect(await store.get('assertion')).toBe(`caller ${winners[0]}`);
      await fixture.elapse('assertion', 30_000);
      expect(await store.setIfAbsent('assertion', 'later', 60_000)).toBe(false);
      await fixture.elapse('assertion', 31_000);
      expect(await store.setIfAbsent('assertion', 'later', 60_000)).toBe(true);
    });
  });

  describe('D44', () => {
    it('counts a hundred parallel calls exactly', async () => {
      const answers = await Promise.all(HUNDRED.map(() => store.increment('burst', 60_000)));
      expect(answers.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual(HUNDRED.map((i) => i + 1));
    });

    it('ends the window when it should, however often it is called', async () => {
      expect(await store.increment('several', 60_000, 5)).toMatchObject({ count: 5 });
      expect(await store.increment('several', 60_000, 3)).toMatchObject({ count: 8 });
      const first = await store.increment('window', 60_000);
      expect(first).toEqual({ count: 1, resetMs: 60_000 });
      await fixture.elapse('window', 40_000);
      const second = await store.increment('window', 60_000);
      expect(second.count).toBe(2);
      expect(second.resetMs).toBeGreaterThan(10_000);
      expect(second.resetMs).toBeLessThanOrEqual(20_000);
      await fixture.elapse('window', 20_000);
      expect(await store.increment('window', 60_000)).toEqual({ count: 1, resetMs: 60_000 });
    });
  });

  it('deletes what the caller put there and nothing else', async () => {
    await store.set('lock', 'mine', 60_000);
    expect(await store.compareAndDelete('lock', 'theirs')).toBe(false);
    expect(await store.get('lock')).toBe('mine');
    expect(await store.compareAndDelete('lock', 'mine')).toBe(true);
    expect(await store.compareAndDelete('lock', 'mine')).toBe(false);
    expect(await store.compareAndDelete('lock', '')).toBe(false);
  });

  it('delivers to every subscriber of the channel, in order, until it leaves', async () => {
    const heard: string[] = [];
    let awaited: (() => void) | undefined;
    const listen = (name: string) => (message: string) => {
      heard.push(`${name}:${message}`);
      if (message === 'end') awaited?.();
    };
    const [leave, leaveB, leaveC] = await Promise.all([
      store.subscribe('news', listen('a')),
      store.subscribe('news', listen('b')),
      store.subscribe('other', listen('c')),
    ]);
    const all = new Promise<void>((resolve) => (awaited = resolve));
    await store.publish('news', 'one');
    await store.publish('news', 'end');
    await all;
    await new Promise(setImmediate);
    expect(heard.toSorted()).toEqual(['a:end', 'a:one', 'b:end', 'b:one']);
    expect(heard.indexOf('a:one')).toBeLessThan(heard.indexOf('a:end'));

    heard.length = 0;
    await leaveB();
    await leaveB();
    const rest = new Promise<void>((resolve) => (awaited = resolve));
    await store.publish('news', 'end');
    await rest;
    expect(heard).toEqual(['a:end']);
    await Promise.all([leave(), leaveC()]);
    await store.publish('news', 'to nobody');
  });

  it('survives a subscriber that throws, and says so', async () => {
    const delivered = new Promise<void>((resolve) => {
      void store
        .subscribe('faulty', () => {
          setImmediate(resolve);
          throw new Error('subscriber fault');
        })
        .then(() => store.publish('faulty', 'x'));
    });
    await delivered;
    expect(fixture.log.join()).toContain('subscriber fault');
  });
});

describe.each([
  { place: 'in-process', open: inProcess },
  { place: 'Redis on a socket', open: redisOnSocket },
  { place: 'a cluster of one', open: () => redisCluster(1) },
])('a closed store, $place', ({ open }) => {
  it('rejects every operation with StoreUnavailable', async () => {
    const { store, close } = await open();
    await store.subscribe('channel', () => undefined);
    await store.close();
    const attempts = [
      store.get('k'),
      store.set('k', 'v', 1_000),
      store.take('k'),
      store.setIfAbsent('k', 'v', 1_000),
      store.increment('k', 1_000),
      store.compareAndDelete('k', 'v'),
      store.delete('k'),
      store.publish('c', 'm'),
      store.subscribe('c', () => undefined),
      store.ping(),
    ];
    for (const attempt of attempts) await expect(attempt).rejects.toThrow(StoreUnavailable);
    await store.close();
    await close();
  });
});
