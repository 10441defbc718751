import { Redis } from 'ioredis';
import { startRedis, startSentinel, startTcpRedis, type RedisServer } from '../../../test/harness/redis-server.js';
import { openStore, type OpenStore } from './open-store.js';
import { RedisConnection } from './redis-connection.js';
import { RedisTransientStore } from './redis-store.js';
import { parseRedisUrl } from './redis-url.js';
import { StoreUnavailable, type TransientStore } from './transient-store.js';

const COMMAND_TIMEOUT_MS = 300;

/** Every operation of the port, in a form that must fail while the server is away. */
const OPERATIONS: readonly [string, (store: TransientStore) => Promise<unknown>][] = [
  ['get', (store) => store.get('k')],
  ['set', (store) => store.set('k', 'v', 1_000)],
  ['take', (store) => store.take('k')],
  ['setIfAbsent', (store) => store.setIfAbsent('k', 'v', 1_000)],
  ['increment', (store) => store.increment('k', 1_000)],
  ['compareAndDelete', (store) => store.compareAndDelete('k', 'v')],
  ['delete', (store) => store.delete('k')],
  ['publish', (store) => store.publish('c', 'm')],
  ['subscribe', (store) => store.subscribe('c', () => undefined)],
  ['ping', (store) => store.ping()],
];

describe('Redis goes away', () => {
  let server: RedisServer;
  let connection: RedisConnection;
  let store: RedisTransientStore;
  const log: string[] = [];
  let whenLost: (() => void) | undefined;

  beforeEach(async () => {
    server = await startRedis();
    log.length = 0;
    whenLost = undefined;
    const write = (level: string, message: string): void => {
      log.push(`${level}: ${message}`);
      if (level === 'warn') whenLost?.();
    };
    connection = new RedisConnection(parseRedisUrl(server.url), { log: write, commandTimeoutMs: COMMAND_TIMEOUT_MS });
    store = new RedisTransientStore(connection, write);
    await connection.settled();
  });
  afterEach(async () => {
    await store.close();
    await server.stop();
  });

  const untilReady = (): Promise<void> => new Promise((resolve) => connection.onReady(resolve));

  it('rejects every operation at once while it is dead, and works again by itself after it returned', async () => {
    await server.kill();
    for (const [name, operation] of OPERATIONS) {
      const started = performance.now();
      const outcome = await operation(store).then(
        () => 'answered',
        (error: unknown) => error,
      );
      expect([name, outcome]).toEqual([name, expect.any(StoreUnavailable)]);
      expect(performance.now() - started).toBeLessThan(COMMAND_TIMEOUT_MS);
    }
    const back = untilReady();
    await server.restart();
    await back;
    await store.set('k', 'v', 60_000);
    expect(await store.take('k')).toBe('v');
  });

  it('says so once per outage, whatever number of operations and reconnects it costs', async () => {
    for (let outage = 1; outage <= 2; outage++) {
      await server.kill();
      for (const [, operation] of OPERATIONS) await operation(store).catch(() => undefined);
      const back = untilReady();
      await server.restart();
      await back;
    }
    expect(log).toEqual([
      expect.stringMatching(/^warn: Redis cannot be reached, trying on: /),
      'info: Redis is reachable again',
      expect.stringMatching(/^warn: Redis cannot be reached, trying on: /),
      'info: Redis is reachable again',
    ]);
  });

  it('gives up an operation in flight when the server holds the connection and says nothing', async () => {
    server.suspend();
    const outcomes = await Promise.all(
      OPERATIONS.map(([, operation]) => operation(store).then(String, (error: unknown) => error)),
    );
    for (const outcome of outcomes) expect(outcome).toBeInstanceOf(StoreUnavailable);
    server.resume();
    await store.ping();
  });

  it('tears such a connection down, refuses at once from then on, and finds the server when it wakes', async () => {
    const lost = new Promise<void>((resolve) => (whenLost = resolve));
    server.suspend();
    await expect(store.get('k')).rejects.toThrow(`no answer within ${COMMAND_TIMEOUT_MS} ms`);
    await lost;
    const started = performance.now();
    await expect(store.get('k')).rejects.toThrow(StoreUnavailable);
    expect(performance.now() - started).toBeLessThan(COMMAND_TIMEOUT_MS);
    const back = untilReady();
    server.resume();
    await back;
    await store.ping();
  });

  it('rejects what was in flight when the connection broke and does not send it again behind the caller', async () => {
    await store.set('counter', '0', 60_000);
    server.suspend();
    const inFlight = store.take('counter').then(String, (error: unknown) => error);
    await new Promise(setImmediate);
    await server.kill();
    expect(await inFlight).toBeInstanceOf(StoreUnavailable);

    const back = untilReady();
    await server.restart();
    const admin = new Redis(server.url.replace('unix://', ''));
    await back;
    await store.ping();
    expect(await admin.info('commandstats')).not.toContain('cmdstat_getdel');
    admin.disconnect();
  });

  it('takes its subscriptions up again', async () => {
    const messages: string[] = [];
    let arrived: (() => void) | undefined;
    await store.subscribe('news', (message) => {
      messages.push(message);
      arrived?.();
    });
    await server.kill();
    await server.restart();
    const admin = new Redis(server.url.replace('unix://', ''));
    // The subscriber's own connection returns when it returns; the server tells who listens.
    for (;;) {
      const [, listeners] = await admin.pubsub('NUMSUB', 'gth:news');
      if (Number(listeners) === 1) break;
      await new Promise(setImmediate);
    }
    const heard = new Promise<void>((resolve) => (arrived = resolve));
    await admin.publish('gth:news', 'after');
    await heard;
    expect(messages).toEqual(['after']);
    admin.disconnect();
  });

  it('keeps the scripts working after the server forgot them', async () => {
    await store.increment('k', 60_000);
    const admin = new Redis(server.url.replace('unix://', ''));
    await admin.script('FLUSH');
    expect(await store.increment('k', 60_000)).toMatchObject({ count: 2 });
    admin.disconnect();
  });

  it('spends one round trip on operations of the same turn', async () => {
    const admin = new Redis(server.url.replace('unix://', ''));
    const reads = async (): Promise<number> =>
      Number(/total_reads_processed:(\d+)/.exec(await admin.info('stats'))?.[1]);
    const before = await reads();
    await Promise.all(Array.from({ length: 100 }, (_, i) => store.get(`k${i}`)));
    // One of the reads counted is our own second question.
    expect((await reads()) - before).toBeLessThanOrEqual(3);
    admin.disconnect();
  });

  it('turns a refusal of the server into StoreUnavailable too, with the reason', async () => {
    const admin = new Redis(server.url.replace('unix://', ''));
    await admin.config('SET', 'maxmemory', '1');
    await expect(store.set('k', 'v', 1_000)).rejects.toThrow(/^Redis cannot serve: OOM/);
    admin.disconnect();
  });
});

describe('Redis at start', () => {
  it('may be away: the store opens, refuses, and serves once Redis is there', async () => {
    const server = await startRedis();
    await server.kill();
    const connection = new RedisConnection(parseRedisUrl(server.url), { log: () => undefined });
    const store = new RedisTransientStore(connection, () => undefined);
    await connection.settled();
    await expect(store.ping()).rejects.toThrow(StoreUnavailable);
    const back = new Promise<void>((resolve) => connection.onReady(resolve));
    await server.restart();
    await back;
    await store.ping();
    await store.close();
    await server.stop();
  });

  it('may refuse the password: the fault is named, the password is not', async () => {
    const server = await startRedis({ args: ['--requirepass', 'right-one'] });
    const path = server.url.replace('unix://', '');
    const log: string[] = [];
    const options = { now: Date.now, log: (_level: string, message: string) => void log.push(message) };
    const wrong = await openStore({ ...options, redisUrl: `unix://:wrong-one@${path}` });
    const fault = await wrong.store.ping().catch(String);
    expect(`${fault} ${log.join()}`).toContain('WRONGPASS');
    expect(`${fault} ${log.join()}`).not.toContain('wrong-one');
    await wrong.close();

    const right = await openStore({ ...options, redisUrl: `unix://:right-one@${path}` });
    await right.store.ping();
    await right.close();
    await server.stop();
  });

  it('chooses the database that the URL names', async () => {
    const server = await startRedis();
    const { store, close } = await openStore({ redisUrl: `${server.url}?db=5`, now: Date.now, log: () => undefined });
    await store.set('k', 'v', 60_000);
    const admin = new Redis(server.url.replace('unix://', ''), { db: 5 });
    expect(await admin.keys('*')).toEqual(['gth:k']);
    admin.disconnect();
    await close();
    await server.stop();
  });
});

describe('Sentinel', () => {
  it('leads to the new primary after a failover', async () => {
    const primary = await startTcpRedis();
    const replica = await startTcpRedis({ args: ['--replicaof', '127.0.0.1', `${primary.port}`] });
    const sentinel = await startSentinel(primary.port);
    const watcher = new Redis(sentinel.sentinelPort, '127.0.0.1');
    let open: OpenStore | undefined;
    try {
      open = await openStore({ redisUrl: sentinel.url, now: Date.now, log: () => undefined });
      const { store } = open;
      await store.set('k', 'v', 60_000);
      const promoted = new Promise<void>((resolve) => watcher.once('message', () => resolve()));
      await watcher.subscribe('+switch-master');
      await replicaKnown(sentinel.sentinelPort);
      await primary.kill();
      await promoted;
      for (;;) {
        const answer = await store.set('k', 'after', 60_000).then(
          () => 'stored',
          (error: unknown) => error,
        );
        if (answer === 'stored') break;
        expect(answer).toBeInstanceOf(StoreUnavailable);
        await new Promise((again) => setTimeout(again, 20));
      }
      const admin = new Redis(replica.port, '127.0.0.1');
      expect(await admin.get('gth:k')).toBe('after');
      admin.disconnect();
    } finally {
      watcher.disconnect();
      await open?.close();
      await Promise.all([sentinel.stop(), primary.stop(), replica.stop()]);
    }
  });
});

/** A Sentinel learns of replicas by asking the primary, which takes it a moment. */
async function replicaKnown(sentinelPort: number): Promise<void> {
  const admin = new Redis(sentinelPort, '127.0.0.1');
  for (;;) {
    const [line = ''] = [await admin.call('INFO', 'sentinel')].map(String);
    if (/status=ok.*slaves=1/.test(line)) break;
    await new Promise((again) => setTimeout(again, 20));
  }
  admin.disconnect();
}
