import * as fc from 'fast-check';
import { RedisRevocationMirror } from './redis-revocation-mirror.js';
import { UntrustedMirror, type RevocationMirror } from './revocation-mirror.js';
import {
  behindSentinel,
  entry,
  inCluster,
  Instance,
  later,
  none,
  onSocket,
  type Place,
} from './revocation-mirror.spec-support.js';

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
    let now = Date.now();
    const timed = new RedisRevocationMirror(instance.connection, { now: () => now, log: () => undefined });
    await timed.look();
    await timed.rewarm(none);
    let calls = 0;
    timed.onUntrusted(() => void calls++);
    await place.admin.flushall();
    for (let i = 0; i < 50; i++) await timed.read(['user:b']);
    expect(calls).toBe(1);
    now += 1_000;
    for (let i = 0; i < 50; i++) await timed.read(['user:b']);
    expect(calls).toBe(2);
    timed.close();
  });

  it('calls a handler that came late', async () => {
    await new Promise<void>((resolve) => mirror.onUntrusted(resolve));
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
