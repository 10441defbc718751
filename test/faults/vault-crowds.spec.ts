import { freshDatabase } from '../harness/postgres.js';
import { CrashWorld, until, type ProviderOptions } from './vault-process/crash-world.js';
import { CROWD_PROVIDERS, crowdRounds } from './vault-process/crowd-rounds.js';
import type { VaultProcess } from './vault-process/vault-process.js';

const ROUNDS = 100;
const LEASE_MS = 600;

let world: CrashWorld | undefined;
let dropDatabase: (() => Promise<void>) | undefined;

async function startWorld(providers: Readonly<Record<string, ProviderOptions>>): Promise<CrashWorld> {
  const database = await freshDatabase();
  dropDatabase = database.drop;
  world = await CrashWorld.start(database.url, providers);
  return world;
}

afterEach(async () => {
  await world?.stop();
  await dropDatabase?.();
  world = undefined;
});

describe('vault failure 1', () => {
  it.each([2, 8])(
    `%i processes want the same rotating connection ${ROUNDS} times: one grant each time, and all get its token`,
    async (count) => {
      await crowdRounds(await startWorld(CROWD_PROVIDERS), count, ROUNDS);
    },
  );
});

describe('vault failure 12', () => {
  const FAST = Array.from({ length: 18 }, (_, n) => `fast-${n}`);
  const EACH = 60;
  const PER_SECOND = 20;
  const CONCURRENCY = 64;

  it('much due at 20 providers, one slow, one metered: nobody starves, nothing piles up, a new life goes on', async () => {
    const here = await startWorld({
      slow: { rotation: 'reusable', latency_ms: 2 * LEASE_MS, yaml: { max_concurrency: 8 } },
      metered: { rotation: 'reusable', yaml: { max_per_second: PER_SECOND } },
      ...Object.fromEntries(FAST.map((id) => [id, { rotation: 'reusable' }])),
    });
    const settings = { leaseMs: LEASE_MS, concurrency: CONCURRENCY };
    const first = await here.process(settings);
    const ids: string[] = [];
    for (const provider of ['slow', 'metered', ...FAST])
      ids.push(...(await here.connect(first, provider, EACH)).map(({ id }) => id));
    await here.makeDue(ids);
    const sweeping = first.call('sweep');
    const granted = async (provider: string) => (await here.realm(provider).stats()).refresh.granted;
    for (const provider of FAST) await until(async () => (await granted(provider)) === EACH);
    // Those that wait for their turn at the slow one have kept nobody waiting.
    expect(await granted('slow')).toBeLessThan(EACH / 2);
    expect((await first.call('observe')).mostFlights).toBeLessThanOrEqual(CONCURRENCY);
    await first.kill();
    await expect(sweeping).rejects.toThrow('the vault');

    const second = await here.process({ ...settings, dataDir: first.dataDir });
    await until(async () => {
      await second.call('sweep');
      const [due] = await here.query<{ left: number }>(
        `SELECT count(*)::int AS left FROM connections WHERE next_refresh_at <= app_now()`,
      );
      return due?.left === 0;
    });
    const rows = await here.query<{ provider_id: string; status: string; least: number; many: number }>(
      `SELECT provider_id, status, min(generation)::int AS least, count(*)::int AS many FROM connections GROUP BY 1, 2`,
    );
    expect(rows).toHaveLength(20);
    for (const row of rows) expect(row).toMatchObject({ status: 'active', least: 2, many: EACH });
    const late = await here.query<object>(`SELECT FROM refresh_attempts WHERE outcome <> 'refreshed'`);
    expect(late).toHaveLength(0);
    // A second's worth may go at once, and then what each second brings; of two lives one after the other.
    expect((await here.realm('metered').stats()).busiest_second).toBeLessThanOrEqual(3 * PER_SECOND);
    expect((await here.realm('slow').stats()).max_in_flight).toBeLessThanOrEqual(8 + 8);
  });
});

describe('vault failure 22', () => {
  it('SIGTERM in the middle of a sweep: what was begun is finished, and no lease is left', async () => {
    const here = await startWorld({ 'single-use': { rotation: 'single_use', latency_ms: 200 } });
    const leaving = await here.process({ leaseMs: 45_000, concurrency: 20 });
    const connected = await here.connect(leaving, 'single-use', 200);
    await here.makeDue(connected.map(({ id }) => id));
    const sweeping = leaving.call('sweep').catch(() => undefined);
    await until(async () => (await here.realm('single-use').stats()).in_flight >= 10);
    expect(await leaving.stop()).toEqual({ code: 0, signal: null });
    await sweeping;
    const [left] = await here.query<object>(
      `SELECT count(*) FILTER (WHERE lease_until > app_now())::int AS leases,
              count(*) FILTER (WHERE intent_epoch IS NOT NULL)::int AS intents,
              count(*) FILTER (WHERE generation > 1)::int AS refreshed,
              count(*) FILTER (WHERE status <> 'active')::int AS hurt FROM connections`,
    );
    const { granted, undelivered } = (await here.realm('single-use').stats()).refresh;
    expect(left).toEqual({ leases: 0, intents: 0, refreshed: granted, hurt: 0 });
    expect(undelivered).toBe(0);
    expect(granted).toBeGreaterThanOrEqual(10);
    expect(granted).toBeLessThan(200);
    expect(leaving.spooled()).toBe(false);

    const next: VaultProcess = await here.process();
    await next.call('sweep');
    expect((await here.realm('single-use').stats()).refresh).toMatchObject({ granted: 200, replayed: 0 });
  });
});
