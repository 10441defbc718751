import { OAuthError } from '@app/oauth2';
import { InProcessTransientStore, StoreUnavailable, type TransientStore } from '@app/transient-store';
import { configWith } from './edge.spec-support.js';
import { Lockout } from './lockout.js';

const ADDRESS = '192.0.2.1';

function lockoutAt(clock: { now: number }, store?: TransientStore) {
  const shared = store ?? new InProcessTransientStore({ now: () => clock.now, log: () => undefined });
  return { store: shared, lockout: new Lockout(configWith(), shared, () => new Date(clock.now)) };
}

async function fail(lockout: Lockout, times: number, identifier = 'client', address = ADDRESS): Promise<void> {
  for (let i = 0; i < times; i++) await lockout.failed(identifier, address);
}

const open = (lockout: Lockout, identifier = 'client', address = ADDRESS) =>
  lockout.assertOpen(identifier, address).then(
    () => true,
    (error: unknown) => {
      if (error instanceof OAuthError && error.code === 'rate_limit_exceeded') return false;
      throw error;
    },
  );

describe('R29', () => {
  it('locks the pair after ten wrong secrets in five minutes, for fifteen (D44, D57)', async () => {
    const clock = { now: 1_000_000 };
    const { lockout } = lockoutAt(clock);
    await fail(lockout, 9);
    expect(await open(lockout)).toBe(true);
    await fail(lockout, 1);
    expect(await open(lockout)).toBe(false);
    clock.now += 15 * 60_000 - 1;
    expect(await open(lockout)).toBe(false);
    clock.now += 1;
    expect(await open(lockout)).toBe(true);
  });

  it('forgets failures that are older than the window', async () => {
    const clock = { now: 1_000_000 };
    const { lockout } = lockoutAt(clock);
    await fail(lockout, 9);
    clock.now += 5 * 60_000;
    await fail(lockout, 9);
    expect(await open(lockout)).toBe(true);
  });

  it('never locks the identifier alone, or anybody could lock a client out (D44)', async () => {
    const { lockout } = lockoutAt({ now: 0 });
    await fail(lockout, 20);
    expect(await open(lockout, 'client', '198.51.100.7')).toBe(true);
    expect(await open(lockout, 'another')).toBe(true);
    expect(await open(lockout)).toBe(false);
  });

  it('holds at every instance: the lock is shared', async () => {
    const clock = { now: 0 };
    const here = lockoutAt(clock);
    const there = lockoutAt(clock, here.store);
    await fail(here.lockout, 5);
    await fail(there.lockout, 5);
    expect(await open(here.lockout)).toBe(false);
    expect(await open(there.lockout)).toBe(false);
  });

  it('says when to come back', async () => {
    const { lockout } = lockoutAt({ now: 0 });
    await fail(lockout, 10);
    await expect(lockout.assertOpen('client', ADDRESS)).rejects.toMatchObject({
      status: 429,
      retryAfterSeconds: 900,
      headers: { 'X-RateLimit-Limit': '10', 'X-RateLimit-Remaining': '0' },
    });
  });

  it('puts no identifier into a key: callers send anything there', async () => {
    const keys: string[] = [];
    const store = {
      increment: (key: string) => {
        keys.push(key);
        return Promise.resolve({ count: 10, resetMs: 1 });
      },
      set: (key: string) => {
        keys.push(key);
        return Promise.resolve();
      },
      get: (key: string) => {
        keys.push(key);
        return Promise.resolve(undefined);
      },
    } as unknown as TransientStore;
    const { lockout } = lockoutAt({ now: 0 }, store);
    await lockout.assertOpen('a-secret-by-mistake', ADDRESS);
    await lockout.failed('a-secret-by-mistake', ADDRESS);
    expect(keys).toHaveLength(3);
    expect(keys.join()).not.toContain('a-secret-by-mistake');
  });

  it('asks the store once on the good path, and not at all about what it knows to be locked', async () => {
    let gets = 0;
    const inner = new InProcessTransientStore({ now: () => 0, log: () => undefined });
    const store = Object.create(inner, {
      get: {
        value: (key: string) => {
          gets += 1;
          return inner.get(key);
        },
      },
      increment: { value: (key: string, ms: number) => inner.increment(key, ms) },
      set: { value: (key: string, value: string, ms: number) => inner.set(key, value, ms) },
    }) as TransientStore;
    const { lockout } = lockoutAt({ now: 0 }, store);
    await lockout.assertOpen('client', ADDRESS);
    expect(gets).toBe(1);
    await fail(lockout, 10);
    expect(await open(lockout)).toBe(false);
    expect(gets).toBe(1);
  });

  it('D57: counts and locks in this process when the store is gone', async () => {
    const store = new Proxy({} as TransientStore, {
      get: () => () => Promise.reject(new StoreUnavailable('gone')),
    });
    const { lockout } = lockoutAt({ now: 0 }, store);
    await fail(lockout, 9);
    expect(await open(lockout)).toBe(true);
    await fail(lockout, 1);
    expect(await open(lockout)).toBe(false);
  });
});
