import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { InProcessTransientStore, StoreUnavailable, type TransientStore } from '@app/transient-store';
import { configWith, startEdge, type EdgeApplication } from './edge.spec-support.js';
import { RateLimiter } from './rate-limiter.js';
import { Public, RateClass } from './route-policy.js';

@Controller('limited')
@Public()
class LimitedController {
  @Get('interactive')
  @RateClass('interactive')
  interactive(): object {
    return {};
  }

  @Post('token')
  @RateClass('token')
  @HttpCode(200)
  token(): object {
    return {};
  }

  @Get('free')
  @RateClass('none')
  free(): object {
    return {};
  }
}

const limits = { ...configWith().rateLimits, interactive: 10, token: 4, badTokens: 5 };

async function times(count: number, ask: () => Promise<{ status: number }>): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < count; i++) statuses.push((await ask()).status);
  return statuses;
}

const counted = (statuses: number[]) => statuses.filter((status) => status === 200).length;

describe('D44', () => {
  let edge: EdgeApplication;
  beforeEach(async () => {
    edge = await startEdge([LimitedController], { rateLimits: limits });
  });
  afterEach(() => edge.close());

  it('allows exactly the limit of a class a minute, and the next minute again', async () => {
    const ask = () => edge.ask('/limited/interactive');
    expect(await times(12, ask)).toEqual([...Array<number>(10).fill(200), 429, 429]);
    edge.clock.now += 59_000;
    expect((await ask()).status).toBe(429);
    edge.clock.now += 1_001;
    expect(counted(await times(11, ask))).toBe(10);
  });

  it('counts the classes apart, and what has none not at all', async () => {
    expect(counted(await times(6, () => edge.ask('/limited/token', { method: 'POST' })))).toBe(4);
    expect((await edge.ask('/limited/interactive')).status).toBe(200);
    expect(counted(await times(30, () => edge.ask('/limited/free')))).toBe(30);
  });

  it('D4: the refusal says when, how many and how long', async () => {
    await times(4, () => edge.ask('/limited/token', { method: 'POST' }));
    edge.clock.now += 20_500;
    const answer = await edge.ask('/limited/token', { method: 'POST' });
    expect(answer.status).toBe(429);
    expect(answer.headers).toMatchObject({
      'retry-after': '40',
      'x-ratelimit-limit': '4',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(Math.ceil((edge.clock.now + 39_500) / 1000)),
    });
    expect(answer.json()).toEqual({
      error: 'rate_limit_exceeded',
      error_description: 'Too many requests; try again in 40 seconds',
      details: { limit: 4, window: 60, retry_after: 40 },
    });
  });

  it('believes no X-Forwarded-For: a caller cannot choose who is counted', async () => {
    let n = 0;
    const ask = () => edge.ask('/limited/token', { method: 'POST', headers: { 'x-forwarded-for': `192.0.2.${++n}` } });
    expect(counted(await times(8, ask))).toBe(4);
  });

  it('cannot be passed by many requests at once', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => edge.ask('/limited/interactive')));
    // 80 % of the limit do not wait for the shared count; what is in flight then waits for its own.
    expect(counted(answers.map(({ status }) => status))).toBe(10);
  });
});

describe('R13', () => {
  it('refuses before the body is read, and counts addresses that nothing answers', async () => {
    const edge = await startEdge([LimitedController], { rateLimits: { ...limits, api: 3 } });
    const broken = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' };
    expect(await times(6, () => edge.ask('/limited/token', broken))).toEqual([400, 400, 400, 400, 429, 429]);
    expect(await times(5, () => edge.ask('/nowhere'))).toEqual([404, 404, 404, 429, 429]);
    await edge.close();
  });
});

describe('D44 behind a proxy', () => {
  let edge: EdgeApplication;
  beforeEach(async () => {
    edge = await startEdge([LimitedController], { rateLimits: limits, trustProxy: 1 });
  });
  afterEach(() => edge.close());

  const from = (forwardedFor: string) =>
    edge.ask('/limited/token', { method: 'POST', headers: { 'x-forwarded-for': forwardedFor } });

  it('counts each address that the proxy names, and not what the caller put before it', async () => {
    expect(counted(await times(6, () => from('192.0.2.1')))).toBe(4);
    expect((await from('192.0.2.2')).status).toBe(200);
    expect((await from('192.0.2.77, 192.0.2.1')).status).toBe(429);
  });

  it('counts an IPv6 subscriber once, however many addresses of his /64 he uses', async () => {
    let n = 0;
    expect(counted(await times(8, () => from(`2001:db8:0:7::${(++n).toString(16)}`)))).toBe(4);
    expect((await from('2001:db8:0:8::1')).status).toBe(200);
  });

  it('takes an entry that is no address for the proxy itself', async () => {
    let n = 0;
    expect(counted(await times(8, () => from(`not-an-address-${++n}`)))).toBe(4);
  });
});

describe('D44 switched off', () => {
  it('counts nothing', async () => {
    const edge = await startEdge([LimitedController], { rateLimits: { ...limits, enabled: false } });
    expect(counted(await times(20, () => edge.ask('/limited/token', { method: 'POST' })))).toBe(20);
    await edge.close();
  });
});

/** A store that counts how it is asked and can be taken away. */
function observedStore() {
  const inner = new InProcessTransientStore({ now: () => 0, log: () => undefined });
  const seen = { calls: 0, gone: false };
  const store = new Proxy<TransientStore>(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        seen.calls += 1;
        if (seen.gone) return Promise.reject(new StoreUnavailable('gone'));
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
  return { store, seen };
}

describe('D57', () => {
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  it('counts bad tokens only, and asks no store about an address that sent none', async () => {
    const { store, seen } = observedStore();
    const limiter = new RateLimiter(configWith({ rateLimits: limits }), store, () => new Date(0));
    for (let i = 0; i < 100; i++) limiter.assertBadTokensAllowed('192.0.2.1');
    expect(seen.calls).toBe(0);
    for (let i = 0; i < limits.badTokens; i++) {
      expect(() => limiter.assertBadTokensAllowed('192.0.2.1')).not.toThrow();
      limiter.countBadToken('192.0.2.1');
      await settle();
    }
    expect(seen.calls).toBe(limits.badTokens);
    expect(() => limiter.assertBadTokensAllowed('192.0.2.1')).toThrow(/Too many requests/);
    expect(() => limiter.assertBadTokensAllowed('192.0.2.2')).not.toThrow();
  });

  it('counts in this process when the store is gone, without a stumble and without an error', async () => {
    const { store, seen } = observedStore();
    let now = 0;
    const limiter = new RateLimiter(configWith({ rateLimits: limits }), store, () => new Date(now));
    await limiter.take('token', '192.0.2.1');
    seen.gone = true;
    const take = async () => limiter.take('token', '192.0.2.1');
    for (let i = 0; i < 3; i++) {
      await expect(take()).resolves.toBeUndefined();
      await settle();
    }
    await expect(take()).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
    now += 60_001;
    await expect(take()).resolves.toBeUndefined();
    for (let i = 0; i < limits.badTokens; i++) limiter.countBadToken('192.0.2.9');
    await settle();
    expect(() => limiter.assertBadTokensAllowed('192.0.2.9')).toThrow(/Too many/);
  });

  it('far below the limit tells the store of many requests at once, and forgets none', async () => {
    const { store, seen } = observedStore();
    const config = configWith();
    const limiter = new RateLimiter(config, store, () => new Date(0));
    for (let i = 0; i < 50; i++) await limiter.take('api', '192.0.2.1');
    expect(seen.calls).toBe(1);
    await limiter.tell();
    expect(seen.calls).toBe(2);
    await limiter.tell();
    expect(seen.calls).toBe(2);
    expect(await store.increment('rate:api:192.0.2.1', 60_000)).toMatchObject({ count: 51 });
  });

  it('near the limit tells the store what it did not know yet, in the same call', async () => {
    const { store } = observedStore();
    const limiter = new RateLimiter(configWith({ rateLimits: limits }), store, () => new Date(0));
    for (let i = 0; i < 9; i++) await limiter.take('interactive', '192.0.2.1');
    expect(await store.increment('rate:interactive:192.0.2.1', 60_000)).toMatchObject({ count: 10 });
  });

  it('learns from the shared count what other instances have let through', async () => {
    const { store } = observedStore();
    const config = configWith({ rateLimits: limits });
    const here = new RateLimiter(config, store, () => new Date(0));
    const there = new RateLimiter(config, store, () => new Date(0));
    for (let i = 0; i < 4; i++) await there.take('token', '192.0.2.1');
    await there.tell();
    await expect(async () => here.take('token', '192.0.2.1')).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
  });
});
