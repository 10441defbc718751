import { Redis } from 'ioredis';
import { mintOpaqueToken } from '@app/oauth2';
import { openStore, StoreUnavailable, type OpenStore } from '@app/transient-store';
import { startRedis, type RedisServer } from '../../../test/harness/redis-server.js';
import { DeviceAuthorizations, type AllowedDevice, type DeviceRequest } from './device-authorizations.js';

const SECOND = 1_000;
const SESSION = '7d1d5a4f-5a3b-4d8e-9b1e-0d3c5b6f7a89';
const REQUEST: DeviceRequest = {
  clientId: 'screen',
  scopes: ['openid', 'email'],
  resource: 'https://api.example/',
  remoteAddress: '192.0.2.7',
};

describe.each(['redis', 'in-process'] as const)('device authorizations in the %s store', (kind) => {
  let redis: RedisServer | undefined;
  let open: OpenStore;
  let ahead = 0;
  /** Of two instances, which share the store and nothing else. */
  let devices: DeviceAuthorizations;
  let elsewhere: DeviceAuthorizations;

  const withRedis = async (step: (client: Redis) => Promise<unknown>) => {
    if (redis === undefined) return;
    const client = new Redis(redis.url.replace('unix://', ''));
    await step(client);
    client.disconnect();
  };
  /** Moves the clock; Redis, which has its own, is told to forget what ends by then. */
  async function later(ms: number): Promise<void> {
    ahead += ms;
    await withRedis(async (client) => {
      for (const key of await client.keys('*')) {
        const left = await client.pttl(key);
        if (left > 0) await (left > ms ? client.pexpire(key, left - ms) : client.del(key));
      }
    });
  }

  beforeAll(async () => {
    if (kind === 'redis') redis = await startRedis();
    const start = Date.now();
    const now = () => start + ahead;
    open = await openStore({ redisUrl: redis?.url, now, log: () => {} });
    devices = new DeviceAuthorizations(open.store, () => new Date(now()));
    elsewhere = new DeviceAuthorizations(open.store, () => new Date(now()));
  });
  afterAll(async () => {
    await open.close();
    await redis?.stop();
  });

  const polled = (deviceCode: string, by = devices) => by.poll(deviceCode, 'screen');
  /** A device whose person has allowed it, elsewhere. */
  async function allowed(): Promise<{ deviceCode: string; poll: AllowedDevice }> {
    const { deviceCode, userCode } = await devices.begin(REQUEST);
    const device = await elsewhere.claim(userCode);
    if (device === undefined) throw new Error('the device does not wait');
    await elsewhere.answer(device.id, { kind: 'allowed', sessionId: SESSION });
    const poll = await polled(deviceCode);
    if (poll.kind !== 'allowed') throw new Error(`the device is ${poll.kind}`);
    return { deviceCode, poll };
  }

  describe('RFC 8628 §3.2', () => {
    it('begins with two codes, ten minutes and five seconds', async () => {
      expect(await devices.begin(REQUEST)).toEqual({
        deviceCode: expect.stringMatching(/^gth_dc_[A-Za-z0-9_-]{49}$/),
        userCode: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/),
        expiresIn: 600,
        interval: 5,
      });
    });

    it('gives every device codes of its own', async () => {
      const begun = await Promise.all(Array.from({ length: 50 }, () => devices.begin(REQUEST)));
      expect(new Set(begun.map(({ deviceCode }) => deviceCode)).size).toBe(50);
      expect(new Set(begun.map(({ userCode }) => userCode)).size).toBe(50);
    });
  });

  describe('RFC 8628 §5.2', () => {
    it('keeps the device code by its hash alone', async () => {
      const { deviceCode } = await devices.begin(REQUEST);
      await withRedis(async (client) => {
        const keys = await client.keys('*');
        const all = [...keys, ...(await client.mget(keys))].join('\n');
        expect(all).not.toContain(deviceCode);
      });
      expect(await polled(deviceCode)).toEqual({ kind: 'pending' });
    });
  });

  describe('RFC 8628 §3.3', () => {
    it('finds the device by what it shows, as often as somebody looks, until it is claimed once', async () => {
      const { userCode } = await devices.begin(REQUEST);
      const found = await devices.find(userCode);
      expect(found).toEqual({ ...REQUEST, userCode, id: expect.any(String) });
      expect(await elsewhere.find(userCode)).toEqual(found);
      expect(await devices.claim(userCode)).toEqual(found);
      expect(await elsewhere.find(userCode)).toBeUndefined();
      expect(await elsewhere.claim(userCode)).toBeUndefined();
    });

    it('R22 lets one of many answer', async () => {
      const { userCode } = await devices.begin(REQUEST);
      const at = (index: number) => (index % 2 === 0 ? devices : elsewhere);
      const claims = await Promise.all(Array.from({ length: 40 }, (_, index) => at(index).claim(userCode)));
      expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
    });

    it('knows no code that was not given out', async () => {
      expect(await devices.find('BCDFGHJK')).toBeUndefined();
      expect(await devices.claim('BCDFGHJK')).toBeUndefined();
    });

    it('is over after ten minutes, also by a clock that is behind the store’s', async () => {
      const [one, two] = [await devices.begin(REQUEST), await devices.begin(REQUEST)];
      await later(599 * SECOND);
      expect(await devices.find(one.userCode)).toBeDefined();
      // Only this process's clock.
      ahead += SECOND;
      expect(await devices.find(one.userCode)).toBeUndefined();
      expect(await devices.claim(one.userCode)).toBeUndefined();
      ahead -= SECOND;
      await later(SECOND);
      expect(await devices.find(two.userCode)).toBeUndefined();
    });
  });

  describe('RFC 8628 §3.5', () => {
    it('answers what the person answered, at any instance', async () => {
      const { poll } = await allowed();
      expect(poll).toEqual({ ...REQUEST, kind: 'allowed', id: expect.any(String), sessionId: SESSION });
      const { deviceCode, userCode } = await devices.begin(REQUEST);
      const device = await devices.claim(userCode);
      await devices.answer(device?.id ?? '', { kind: 'denied' });
      for (const by of [devices, elsewhere, devices]) expect(await polled(deviceCode, by)).toEqual({ kind: 'denied' });
    });

    it('slow_down adds five seconds each time, for all subsequent polls, at every instance', async () => {
      const { deviceCode } = await devices.begin(REQUEST);
      expect(await polled(deviceCode)).toEqual({ kind: 'pending' });
      expect(await polled(deviceCode, elsewhere)).toEqual({ kind: 'too-fast', interval: 10 });
      // The window begins anew: what was enough before is too fast now.
      await later(6 * SECOND);
      expect(await polled(deviceCode)).toEqual({ kind: 'too-fast', interval: 15 });
      await later(15 * SECOND);
      expect(await polled(deviceCode, elsewhere)).toEqual({ kind: 'pending' });
      await later(10 * SECOND);
      expect(await polled(deviceCode)).toEqual({ kind: 'too-fast', interval: 20 });
      await later(20 * SECOND);
      expect(await polled(deviceCode)).toEqual({ kind: 'pending' });
    });

    it('is patient with polls at the interval, a little early too', async () => {
      const { deviceCode } = await devices.begin(REQUEST);
      for (let i = 0; i < 10; i++) {
        expect(await polled(deviceCode, i % 2 === 0 ? devices : elsewhere)).toEqual({ kind: 'pending' });
        await later(4_500);
      }
    });

    it('counts each of many that come at once', async () => {
      const { deviceCode } = await devices.begin(REQUEST);
      const at = (index: number) => (index % 2 === 0 ? devices : elsewhere);
      const polls = await Promise.all(Array.from({ length: 10 }, (_, index) => polled(deviceCode, at(index))));
      expect(polls.filter(({ kind: was }) => was === 'pending')).toHaveLength(1);
      const intervals = polls.flatMap((poll) => (poll.kind === 'too-fast' ? [poll.interval] : []));
      expect(intervals.toSorted((a, b) => a - b)).toEqual([10, 15, 20, 25, 30, 35, 40, 45, 50]);
      await later(48 * SECOND);
      expect(await polled(deviceCode)).toEqual({ kind: 'too-fast', interval: 55 });
    });

    it('keeps the pace of each device to itself', async () => {
      const [one, two] = [await devices.begin(REQUEST), await devices.begin(REQUEST)];
      expect(await polled(one.deviceCode)).toEqual({ kind: 'pending' });
      expect(await polled(one.deviceCode)).toMatchObject({ kind: 'too-fast' });
      expect(await polled(two.deviceCode)).toEqual({ kind: 'pending' });
    });

    it('holds nobody back who is answered: slow_down is a kind of pending', async () => {
      const { deviceCode, userCode } = await devices.begin(REQUEST);
      await polled(deviceCode);
      await polled(deviceCode);
      const device = await devices.claim(userCode);
      await devices.answer(device?.id ?? '', { kind: 'allowed', sessionId: SESSION });
      expect(await polled(deviceCode)).toMatchObject({ kind: 'allowed' });
    });

    it('expired_token for ten minutes after the end, answered or not', async () => {
      const { deviceCode: silent } = await devices.begin(REQUEST);
      const { deviceCode: late } = await allowed();
      await later(600 * SECOND);
      expect(await polled(silent)).toEqual({ kind: 'expired' });
      expect(await polled(late, elsewhere)).toEqual({ kind: 'expired' });
      await later(600 * SECOND);
      expect(await polled(silent)).toMatchObject({ kind: 'refused' });
    });
  });

  describe('RFC 8628 §3.4', () => {
    it.each([
      ['any text', () => 'x'],
      ['nothing', () => ''],
      ['a code that nobody gave out', () => mintOpaqueToken('dc')],
      ['an authorization code', () => mintOpaqueToken('ac')],
    ])('refuses %s', async (_what, mint) => expect(await polled(mint())).toMatchObject({ kind: 'refused' }));

    it('refuses another client’s code, and neither uses it up nor slows it down', async () => {
      const { deviceCode, poll } = await allowed();
      expect(await devices.poll(deviceCode, 'other')).toMatchObject({ kind: 'refused' });
      expect(await devices.redeem(poll)).toBe(true);
      const { deviceCode: waiting } = await devices.begin(REQUEST);
      for (let i = 0; i < 3; i++) expect(await devices.poll(waiting, 'other')).toMatchObject({ kind: 'refused' });
      expect(await polled(waiting)).toEqual({ kind: 'pending' });
    });
  });

  describe('R22', () => {
    it('a poll uses nothing up; redeeming does, for one of a hundred at two instances', async () => {
      const { deviceCode, poll } = await allowed();
      expect(await polled(deviceCode)).toEqual(poll);
      const at = (index: number) => (index % 2 === 0 ? devices : elsewhere);
      const outcomes = await Promise.all(Array.from({ length: 100 }, (_, index) => at(index).redeem(poll)));
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      expect(await polled(deviceCode)).toMatchObject({ kind: 'refused' });
    });
  });

  if (kind === 'redis') {
    it('D20 grants nothing that a store has lost: each key gone, and all of them', async () => {
      for (const lost of ['device:*', 'device-answer:*', 'device-user-code:*', '*']) {
        const { deviceCode, userCode } = await devices.begin(REQUEST);
        const device = await devices.claim(userCode);
        await devices.answer(device?.id ?? '', { kind: 'allowed', sessionId: SESSION });
        const forget = lost === 'device-user-code:*' ? [] : [`gth:${lost}`];
        await withRedis(async (client) => {
          for (const pattern of forget) for (const key of await client.keys(pattern)) await client.del(key);
        });
        const kinds = { 'device:*': 'refused', 'device-answer:*': 'pending', '*': 'refused' };
        const expected = kinds[lost as keyof typeof kinds] ?? 'allowed';
        expect([lost, (await polled(deviceCode)).kind]).toEqual([lost, expected]);
        // Whatever is lost, nobody may answer a second time.
        expect(await devices.claim(userCode)).toBeUndefined();
      }
    });

    it('D20 says so where the store does not answer', async () => {
      const { deviceCode, userCode } = await devices.begin(REQUEST);
      await redis?.kill();
      await expect(polled(deviceCode)).rejects.toThrow(StoreUnavailable);
      await expect(devices.find(userCode)).rejects.toThrow(StoreUnavailable);
      await expect(devices.begin(REQUEST)).rejects.toThrow(StoreUnavailable);
      await redis?.restart();
    });
  }
});
