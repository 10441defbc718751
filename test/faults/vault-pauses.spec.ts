import { freshDatabase } from '../harness/postgres.js';
import { CrashWorld, until, type Connected } from './vault-process/crash-world.js';
import type { Trap } from './vault-process/messages.js';
import type { VaultProcess } from './vault-process/vault-process.js';

const LEASE_MS = 600;
const PROVIDERS = {
  'single-use': { rotation: 'single_use' },
  grace: { rotation: 'grace', grace_seconds: 600 },
  strict: { rotation: 'grace', grace_seconds: 0 },
} as const;

let world: CrashWorld;
let dropDatabase: () => Promise<void>;
let sleeper: VaultProcess;
let other: VaultProcess;

beforeAll(async () => {
  const database = await freshDatabase();
  dropDatabase = database.drop;
  world = await CrashWorld.start(database.url, PROVIDERS);
  [sleeper, other] = (await world.processesWith(2, { leaseMs: LEASE_MS })) as [VaultProcess, VaultProcess];
});
afterEach(async () => {
  for (const provider of Object.keys(PROVIDERS))
    expect((await world.realm(provider).stats()).families_revoked).toEqual({});
});
afterAll(async () => {
  await world.stop();
  await dropDatabase();
});

/** The sleeper's refresh, stopped at a point until its lease is over; `woken` is what it comes to afterwards. */
async function asleep(point: Trap['point'], { id }: Connected) {
  await sleeper.call('trap', { point, signal: 'SIGSTOP', connectionId: id });
  const woken = sleeper.call('token', id, 'new_generation');
  await until(() => sleeper.passed().get(id) === point);
  await world.leaseOver(id);
  return { woken };
}

async function ledger(provider: string, { family }: Connected) {
  const { status, presented, granted, replayed } = await world.realm(provider).grants(family);
  return { status, presented, granted, replayed };
}

/** Both processes hand out the upstream's newest token, and it can be refreshed. */
async function expectAlive(provider: string, { id, family }: Connected, generation: bigint): Promise<void> {
  const { current } = await world.realm(provider).grants(family);
  for (const process of [sleeper, other])
    await expect(process.call('token', id, 'fresh_enough')).resolves.toMatchObject({
      token: { generation, accessToken: current.access_token },
    });
  await expect(other.call('token', id, 'new_generation')).resolves.toMatchObject({
    token: { generation: generation + 1n },
  });
}

describe('vault failure 4', () => {
  it('stopped before its intent past its lease: it sends nothing, the other has refreshed', async () => {
    const connection = await world.connectOne(other, 'single-use');
    const { woken } = await asleep('claimed', connection);
    const answer = await other.call('token', connection.id, 'new_generation');
    expect(answer).toMatchObject({ token: { generation: 2n } });
    sleeper.resume();
    await expect(woken).resolves.toEqual(answer);
    expect(await ledger('single-use', connection)).toMatchObject({ presented: 1, granted: 1 });
    await expectAlive('single-use', connection, 2n);
  });

  it('a stale commit is rejected by its epoch where another epoch’s intent is there', async () => {
    const connection = await world.connectOne(other, 'grace');
    const { woken } = await asleep('answered', connection);
    const answer = await other.call('token', connection.id, 'new_generation');
    expect(answer).toMatchObject({ token: { generation: 2n } });
    sleeper.resume();
    await expect(woken).resolves.toEqual(answer);
    expect(await world.outcomes(connection.id)).toEqual(['refreshed']);
    await expectAlive('grace', connection, 2n);
  });

  it('a stale commit is rejected while the other’s request is still under way', async () => {
    const connection = await world.connectOne(other, 'grace');
    const { woken } = await asleep('answered', connection);
    await world.realm('grace').plan({ family: connection.family, latency_after_ms: 500, times: 1 });
    const answer = other.call('token', connection.id, 'new_generation');
    await until(async () => (await ledger('grace', connection)).presented === 2);
    sleeper.resume();
    await expect(answer).resolves.toMatchObject({ token: { generation: 2n } });
    await expect(woken).resolves.toEqual(await answer);
    expect(await world.outcomes(connection.id)).toEqual(['refreshed']);
    await expectAlive('grace', connection, 2n);
  });

  it.each(['intended', 'sent', 'answered', 'spooled'] as const)(
    'single-use, %s: the late answer still counts, because nobody has used the token since',
    async (point) => {
      const connection = await world.connectOne(other, 'single-use');
      const { woken } = await asleep(point, connection);
      await expect(other.call('token', connection.id, 'new_generation')).resolves.toEqual({
        kind: 'dead',
        reason: 'rotation_lost',
      });
      sleeper.resume();
      await expect(woken).resolves.toMatchObject({ kind: 'token', token: { generation: 2n } });
      expect(await world.outcomes(connection.id)).toEqual(['not_replayed', 'refreshed_late']);
      expect(await world.state(connection.id)).toMatchObject({ status: 'active', status_reason: null });
      expect(await ledger('single-use', connection)).toMatchObject({ presented: 1, granted: 1 });
      await expectAlive('single-use', connection, 2n);
    },
  );

  it('stopped between intent and request while nobody came: the request is good, and so is its answer', async () => {
    const connection = await world.connectOne(other, 'single-use');
    const { woken } = await asleep('intended', connection);
    sleeper.resume();
    await expect(woken).resolves.toMatchObject({ kind: 'token', token: { generation: 2n } });
    await expectAlive('single-use', connection, 2n);
  });

  it.each(['intended', 'sent'] as const)(
    'stopped at %s past its lease: it does not send what another has used up meanwhile',
    async (point) => {
      const connection = await world.connectOne(other, 'strict');
      const { woken } = await asleep(point, connection);
      const answer = await other.call('token', connection.id, 'new_generation');
      expect(answer).toMatchObject({ token: { generation: 2n } });
      sleeper.resume();
      await expect(woken).resolves.toEqual(answer);
      expect(await ledger('strict', connection)).toMatchObject({ status: 'active', presented: 1, replayed: 0 });
      await expectAlive('strict', connection, 2n);
    },
  );
});

describe('vault failure 2', () => {
  it('an upstream slower than the lease: the heartbeat holds it, and there is one grant', async () => {
    const connection = await world.connectOne(other, 'single-use');
    await world.realm('single-use').plan({ family: connection.family, latency_before_ms: 4 * LEASE_MS, times: 1 });
    const answers = await Promise.all(
      [sleeper, other, sleeper, other].map((process) => process.call('token', connection.id, 'new_generation')),
    );
    expect(answers).toEqual(answers.map(() => expect.objectContaining({ kind: 'token' })));
    expect(new Set(answers.map((answer) => JSON.stringify(answer, bigintsAsText))).size).toBe(1);
    expect(await world.outcomes(connection.id)).toEqual(['refreshed']);
    expect(await world.state(connection.id)).toMatchObject({ generation: 2, lease_epoch: 1 });
    expect(await ledger('single-use', connection)).toMatchObject({ presented: 1, granted: 1 });
  });
});

function bigintsAsText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
