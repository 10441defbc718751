import { setImmediate } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { openStore, StoreUnavailable, type TransientStore } from '@app/transient-store';
import { decodeProtectedHeader } from 'jose';
import { startRedis } from '../../../test/harness/redis-server.js';
import { DAY_MS, Deployment, type Instance } from './instances.spec-support.js';
import { rotateKeys } from './keys-rotate.js';

let deployment: Deployment;

beforeEach(async () => {
  deployment = await Deployment.open();
  jest.spyOn(Logger.prototype, 'log').mockImplementation();
  jest.spyOn(Logger.prototype, 'warn').mockImplementation();
  jest.spyOn(Logger.prototype, 'error').mockImplementation();
});
afterEach(async () => {
  await deployment.close();
  jest.restoreAllMocks();
});

async function sign(instance: Instance): Promise<string> {
  const iat = Math.floor(deployment.now.getTime() / 1000);
  const payload = { iss: 'us', aud: 'api', iat, exp: iat + 900 };
  return instance.signingKeys.sign(payload, { purpose: 'access', typ: 'at+jwt' });
}

function verify(instance: Instance, jwt: string): Promise<unknown> {
  return instance.signingKeys.verify(jwt, {
    typ: 'at+jwt',
    audience: 'api',
    issuer: 'us',
    now: deployment.now,
    clockToleranceSeconds: 60,
  });
}

function kidOf(jwt: string): string {
  return decodeProtectedHeader(jwt).kid ?? '';
}

function published(instance: Instance): string[] {
  return instance.signingKeys.jwks().keys.map(({ kid }) => kid);
}

/** A store whose messages reach nobody: what remains is the minute's tick and the look at an unknown kid. */
function deaf(store: TransientStore): TransientStore {
  const lost = new StoreUnavailable('no answer');
  return Object.assign(Object.create(store) as TransientStore, {
    publish: () => Promise.reject(lost),
    subscribe: () => Promise.reject(lost),
  });
}

describe('D40', () => {
  it('publishes a key, waits, signs with it, and retires it', async () => {
    const [one, two] = [await deployment.start(), await deployment.start()];
    const first = await sign(one);

    deployment.wait(29 * DAY_MS);
    await one.rotation.tick();
    const waiting = published(one).filter((kid) => kidOf(first) !== kid);
    expect(published(one)).toHaveLength(4);
    // The other instance hears of it a moment later.
    while (published(two).length < 4) await setImmediate();
    expect(published(two)).toEqual(published(one));
    expect(kidOf(await sign(one))).toBe(kidOf(first));
    const audited = await (
      await deployment.connect()
    ).query(`SELECT subject FROM audit_events WHERE kind = 'keys.rotated'`);
    expect(audited.rows.map(({ subject }: { subject: string }) => subject).toSorted()).toEqual(
      published(one).toSorted(),
    );

    deployment.wait(DAY_MS - 1);
    const last = await sign(two);
    expect(kidOf(last)).toBe(kidOf(first));
    deployment.wait(1);
    const next = await sign(two);
    expect(waiting).toContain(kidOf(next));
    expect(kidOf(next)).not.toBe(kidOf(first));
    await expect(verify(one, next)).resolves.toBeDefined();

    deployment.wait(900_000);
    await one.rotation.tick();
    await expect(verify(two, last)).resolves.toBeDefined();
    expect(published(one)).toContain(kidOf(last));

    deployment.wait(120_000);
    await one.rotation.tick();
    expect(published(one)).not.toContain(kidOf(last));
    expect(published(two)).toEqual(published(one));
    await expect(verify(two, last)).rejects.toMatchObject({ code: 'unknown_key' });
    const rows = await one.repository.findAll();
    expect(rows.map(({ kid }) => kid)).not.toContain(kidOf(first));
  });

  it('takes a retired key out of the JWKS and out of use on time, also where no tick came', async () => {
    const instance = await deployment.start();
    const etag = instance.signingKeys.jwksCaching().etag;
    deployment.wait(30 * DAY_MS + 960_000);
    expect(published(instance)).toEqual([]);
    expect(instance.signingKeys.jwksCaching().etag).not.toBe(etag);
    await expect(sign(instance)).rejects.toThrow('keys:rotate');
  });

  it('comes back from a long sleep with keys that sign at once', async () => {
    await (await deployment.start()).stop();
    deployment.wait(100 * DAY_MS);
    const instance = await deployment.start();
    expect(published(instance)).toHaveLength(2);
    await expect(verify(instance, await sign(instance))).resolves.toBeDefined();
  });

  it('signs in another algorithm at once and verifies the former one on', async () => {
    const before = await deployment.start();
    const old = await sign(before);
    const after = await deployment.start({ config: { accessTokenAlgorithm: 'EdDSA' } });
    const fresh = await sign(after);
    expect(decodeProtectedHeader(fresh).alg).toBe('EdDSA');
    await expect(verify(after, old)).resolves.toBeDefined();
    await expect(verify(before, fresh)).resolves.toBeDefined();
    expect(
      after.signingKeys
        .jwks()
        .keys.map(({ alg }) => alg)
        .toSorted(),
    ).toEqual(['ES256', 'EdDSA', 'RS256']);
    expect(decodeProtectedHeader(await sign(before)).alg).toBe('ES256');
  });
});

describe('several instances', () => {
  it('start together with one set of keys', async () => {
    const instances = await Promise.all(Array.from({ length: 4 }, () => deployment.start()));
    expect(await instances[0]!.repository.findAll()).toHaveLength(2);
    for (const instance of instances) {
      expect(published(instance)).toEqual(published(instances[0]!));
      await expect(verify(instance, await sign(instances[0]!))).resolves.toBeDefined();
    }
  });

  it('may have clocks a little apart', async () => {
    const ahead = await deployment.start();
    deployment.wait(-30_000);
    const behind = await deployment.start();
    expect(await behind.repository.findAll()).toHaveLength(2);
    const jwt = await sign(behind);
    await expect(verify(ahead, jwt)).resolves.toBeDefined();
    await expect(verify(behind, jwt)).resolves.toBeDefined();
  });

  it('rotate together and make one successor', async () => {
    const instances = await Promise.all(Array.from({ length: 3 }, () => deployment.start()));
    deployment.wait(29 * DAY_MS);
    // All of them have found a successor missing, and have made one, when the first may write it.
    const gate = await deployment.connect();
    await gate.query('BEGIN');
    await gate.query('SELECT pg_advisory_xact_lock($1, $2)', [0x67617465, 2]);
    const progress = { ticking: true };
    const ticks = Promise.all(instances.map((instance) => instance.rotation.tick())).finally(() => {
      progress.ticking = false;
    });
    let waiting = 0;
    while (progress.ticking && waiting < 3) {
      const { rows } = await gate.query<{ waiting: number }>(
        `SELECT count(*)::int AS waiting FROM pg_locks JOIN pg_database d ON d.oid = database
         WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()`,
      );
      waiting = rows[0]!.waiting;
    }
    expect(waiting).toBe(3);
    await gate.query('COMMIT');
    await ticks;
    expect(await instances[0]!.repository.findAll()).toHaveLength(4);
    for (const instance of instances) {
      await instance.rotation.tick();
      expect(published(instance)).toEqual(published(instances[0]!));
    }
  });

  it('are asked for a successor together and make one', async () => {
    const instances = await Promise.all(Array.from({ length: 3 }, () => deployment.start()));
    const reports = await Promise.all(instances.map((instance) => instance.rotation.rotateNow(deployment.now)));
    expect(reports.flatMap((report) => report.published)).toHaveLength(2);
    expect(await instances[0]!.repository.findAll()).toHaveLength(4);
  });

  it('learn of a new key by message', async () => {
    const [one, two] = [await deployment.start(), await deployment.start()];
    await one.rotation.rotateNow(deployment.now, 'emergency');
    while (published(two).length < published(one).length) await setImmediate();
    expect(published(two)).toEqual(published(one));
    expect(kidOf(await sign(two))).toBe(kidOf(await sign(one)));
  });

  it('learn of a new key through Redis', async () => {
    const redis = await startRedis();
    const open = () => openStore({ redisUrl: redis.url, now: () => deployment.now.getTime(), log: () => undefined });
    const stores = [await open(), await open()] as const;
    const [one, two] = [
      await deployment.start({ store: stores[0].store }),
      await deployment.start({ store: stores[1].store }),
    ];
    await one.rotation.rotateNow(deployment.now);
    while (published(two).length < 4) await setImmediate();
    expect(published(two)).toEqual(published(one));
    await one.stop();
    await two.stop();
    for (const store of stores) await store.close();
    await redis.stop();
  });

  describe('that hear no messages', () => {
    it('learn of a new key by the tick', async () => {
      const [one, two] = [await deployment.start(), await deployment.start({ store: deaf(deployment.store) })];
      await one.rotation.rotateNow(deployment.now);
      expect(published(two)).toHaveLength(2);
      await two.rotation.tick();
      expect(published(two)).toEqual(published(one));
    });

    it('look once when a token names an unknown key, and not again for five seconds', async () => {
      const store = deaf(deployment.store);
      const [one, two] = [await deployment.start(), await deployment.start({ store })];
      const reads = jest.spyOn(two.repository, 'findAll');
      await one.rotation.rotateNow(deployment.now, 'emergency');
      const jwt = await sign(one);
      await Promise.all(Array.from({ length: 20 }, () => verify(two, jwt)));
      expect(reads).toHaveBeenCalledTimes(1);

      await one.rotation.rotateNow(deployment.now, 'emergency');
      const newer = await sign(one);
      deployment.wait(4_999);
      await expect(verify(two, newer)).rejects.toMatchObject({ code: 'unknown_key' });
      expect(reads).toHaveBeenCalledTimes(1);
      deployment.wait(1);
      await expect(verify(two, newer)).resolves.toBeDefined();
      expect(reads).toHaveBeenCalledTimes(2);
    });

    it('keep their keys when the table cannot be read, and say so', async () => {
      const instance = await deployment.start({ store: deaf(deployment.store) });
      const jwt = await sign(instance);
      const reads = jest.spyOn(instance.repository, 'findAll').mockRejectedValue(new Error('connection refused'));
      await instance.rotation.tick();
      await expect(verify(instance, `${jwt.split('.')[0]?.slice(0, -4)}AAAA.e30.AA`)).rejects.toThrow();
      await expect(verify(instance, await sign(instance))).resolves.toBeDefined();
      expect(Logger.prototype.error).toHaveBeenCalledWith(expect.stringContaining('connection refused'));
      reads.mockRestore();
    });
  });
});

describe('keys:rotate', () => {
  it('publishes a successor now, once', async () => {
    const instance = await deployment.start();
    const signing = kidOf(await sign(instance));
    const text = await rotateKeys(instance.rotation, [], deployment.now);
    expect(text).toMatch(/published ES256 key \S+ for access tokens, signs from 2026-01-02T00:00:00.000Z/);
    expect(text).toMatch(/published RS256 key \S+ for id tokens/);
    expect(kidOf(await sign(instance))).toBe(signing);
    expect(await rotateKeys(instance.rotation, [], deployment.now)).toContain('Nothing to do');
    expect(published(instance)).toHaveLength(4);
    deployment.wait(DAY_MS);
    expect(kidOf(await sign(instance))).not.toBe(signing);
  });

  it('signs at once with --now, says so, and lets the old tokens live on', async () => {
    const instance = await deployment.start();
    const old = await sign(instance);
    await rotateKeys(instance.rotation, [], deployment.now);
    const text = await rotateKeys(instance.rotation, ['--now'], deployment.now);
    expect(text).toContain('sign immediately');
    expect(text).toContain(
      `key ${kidOf(old)} signs until 2026-01-01T00:01:00.000Z, leaves the JWKS at 2026-01-01T00:17:00.000Z`,
    );
    expect(published(instance)).toHaveLength(4);
    expect(kidOf(await sign(instance))).not.toBe(kidOf(old));
    await expect(verify(instance, old)).resolves.toBeDefined();
    deployment.wait(17 * 60_000);
    await expect(verify(instance, old)).rejects.toMatchObject({ code: 'unknown_key' });
  });

  it.each([['--force'], ['--now', '--now'], ['now']])('refuses %j', async (...args) => {
    const instance = await deployment.start();
    await expect(rotateKeys(instance.rotation, args, deployment.now)).rejects.toThrow(
      'usage: gatehouse keys:rotate [--now]',
    );
    expect(published(instance)).toHaveLength(2);
  });
});
