import { startFakeUpstream, type FakeUpstream } from '../harness/fake-upstream.js';
import { refresh } from '../harness/fake-upstream-requests.js';

let upstream: FakeUpstream;

beforeAll(async () => {
  upstream = await startFakeUpstream({ ledger_depth: 4, seed: 'dice' });
});

beforeEach(() => upstream.reset());

afterAll(() => upstream.close());

const statuses = async (tokens: string[], from: Parameters<typeof refresh>[0] = upstream) => {
  const seen: number[] = [];
  for (const token of tokens) seen.push((await refresh(from, token)).status);
  return seen;
};
const fresh = async (count: number, from: Parameters<typeof refresh>[0] & Pick<FakeUpstream, 'issue'> = upstream) =>
  (await from.issue(count)).map(({ refresh_token }) => refresh_token);

describe('the plan of faults', () => {
  it('skips, then meets so many, then is over', async () => {
    await upstream.plan({ fault: 'oauth_503', skip: 1, times: 2 });
    expect(await statuses(await fresh(5))).toEqual([200, 503, 503, 200, 200]);
    expect((await upstream.stats()).faults).toEqual({ oauth_503: 2 });
  });

  it('meets with a probability, and the same seed throws the same dice', async () => {
    const run = async () => {
      await upstream.reset();
      await upstream.plan({ fault: 'oauth_503', probability: 0.5 });
      return statuses(await fresh(40));
    };
    const first = await run();
    expect(new Set(first)).toEqual(new Set([200, 503]));
    expect(await run()).toEqual(first);
  });

  it('concerns one family, its own rules before those for all', async () => {
    const [a, b] = await upstream.issue(2);
    await upstream.plan([{ fault: 'oauth_500' }, { fault: 'throttled', family: String(b?.family), times: 1 }]);
    expect(await statuses([a, b, b].map((set) => String(set?.refresh_token)))).toEqual([500, 429, 500]);
  });

  it('concerns refresh requests unless it says what else', async () => {
    await upstream.plan({ fault: 'html_502', on: 'userinfo' });
    expect(await statuses(await fresh(1))).toEqual([200]);
    expect((await fetch(`${upstream.url}/userinfo`)).status).toBe(502);
    await upstream.clearFaults();
    expect((await fetch(`${upstream.url}/userinfo`)).status).toBe(401);
  });

  it('delays add up, before and after the work', async () => {
    const [token = ''] = await fresh(1);
    await upstream.set({ latency_ms: 20 });
    await upstream.plan([{ latency_before_ms: 20 }, { latency_after_ms: 30, fault: 'throttled' }]);
    const begun = performance.now();
    expect(await statuses([token])).toEqual([429]);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(65);
  });

  it.each([
    [{ fault: 'no_such' }, 'fault must be one of reset_before'],
    [{ fault: 'throttled', time: 1 }, 'time is no part of a rule'],
    [{ fault: 'throttled', times: 0 }, 'times must be a whole number from 1'],
    [{ fault: 'throttled', family: 'conn_1' }, 'family must be an id of the ledger'],
    [{ times: 1 }, 'a rule needs a fault'],
    ['throttled', 'a rule must be an object'],
  ])('refuses %j and says what to do', async (rule, message) => {
    await expect(upstream.plan(rule as object)).rejects.toThrow(message);
  });

  it('refuses settings that cannot be meant', async () => {
    await expect(upstream.set({ access_ttl: 0 })).rejects.toThrow('access_ttl must be a whole number from 1');
    await expect(upstream.set(Object({ ttl: 1 }))).rejects.toThrow('ttl is not a setting; there are access_ttl');
  });
});

describe('realms', () => {
  it('have settings, faults, tokens and counters of their own', async () => {
    const slow = upstream.realm('slow');
    await slow.set({ access_ttl: 5 });
    await slow.plan({ fault: 'oauth_503', times: 1 });
    const [theirs] = await slow.issue();
    const [ours] = await upstream.issue();
    expect([theirs?.expires_in, ours?.expires_in]).toEqual([5, 3600]);
    expect(await statuses([String(ours?.refresh_token), String(theirs?.refresh_token)])).toEqual([200, 400]);
    expect(await statuses(Array(2).fill(theirs?.refresh_token), slow)).toEqual([503, 200]);
    expect((await slow.stats()).refresh.requests).toBe(2);
    for (const at of [`${slow.issuer}/.well-known/openid-configuration`, wellKnownOf(slow.issuer)]) {
      expect(await (await fetch(at)).json()).toMatchObject({ issuer: slow.issuer });
    }
    await slow.reset();
  });

  /** RFC 8414 §3.1. */
  const wellKnownOf = (issuer: string) => {
    const { origin, pathname } = new URL(issuer);
    return `${origin}/.well-known/oauth-authorization-server${pathname}`;
  };

  it('limit their rate', async () => {
    await upstream.set({ rate_per_second: 1 });
    const seen = await Promise.all((await fresh(20)).map((token) => refresh(upstream, token)));
    const refused = seen.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ headers }) => headers.get('retry-after') === '1')).toBe(true);
    expect(await upstream.stats()).toMatchObject({ refresh: { granted: 20 - refused.length } });
  });
});

describe('the ledger', () => {
  it('remembers the last generations one by one, and counts all', async () => {
    const [set] = await upstream.issue();
    let token = String(set?.refresh_token);
    for (let i = 0; i < 10; i++) token = String((await refresh(upstream, token)).body.refresh_token);
    const { generations, ...line } = await upstream.grants(String(set?.family));
    expect(generations.map(({ generation }) => generation)).toEqual([6, 7, 8, 9]);
    expect(generations[0]).toMatchObject({ presented: 1, granted: 1, answers: { granted: 1 } });
    expect(line).toMatchObject({ generation: 10, serial: 11, delivered: 11, presented: 10, granted: 10 });
  });

  it('sees two requests for one family at once', async () => {
    const [token = ''] = await fresh(1);
    await upstream.set({ latency_ms: 30 });
    const both = await Promise.all([refresh(upstream, token), refresh(upstream, token)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 400]);
    expect(await upstream.stats()).toMatchObject({
      refresh: { overlaps: 1, replayed: 1, granted: 1, duplicate_grants: 0 },
      families_revoked: { reuse: 1 },
      max_in_flight: 2,
    });
    expect(await upstream.ledger('troubled')).toHaveLength(1);
  });

  it('knows a grant that its user ended', async () => {
    const [set] = await upstream.issue();
    await upstream.revoke(String(set?.family));
    expect(await statuses([String(set?.refresh_token)])).toEqual([400]);
    expect(await upstream.stats()).toMatchObject({ families_revoked: { control: 1 }, refresh: { replayed: 0 } });
  });

  it('holds 100,000 families', async () => {
    const sets = await upstream.issue(100_000, { access_ttl: 7 });
    expect(new Set(sets.map(({ refresh_token }) => refresh_token)).size).toBe(100_000);
    expect(sets.at(-1)).toMatchObject({ family: 'f255r', subject: 'user-99999', expires_in: 7 });
    expect(await statuses([String(sets.at(-1)?.refresh_token)])).toEqual([200]);
    expect(await upstream.ledger()).toHaveLength(100_000);
  });
});
