import { startOwnPostgres, type TestPostgres } from '../harness/postgres.js';
import { CrashWorld, until, type Connected } from './vault-process/crash-world.js';
import type { Trap } from './vault-process/messages.js';
import type { VaultProcess } from './vault-process/vault-process.js';

const PROVIDER = 'single-use';

let postgres: TestPostgres;
let world: CrashWorld;
let one: VaultProcess;
let two: VaultProcess;

beforeAll(async () => {
  postgres = await startOwnPostgres();
  world = await CrashWorld.start(postgres.url, { [PROVIDER]: { rotation: 'single_use' } });
  [one, two] = (await world.processesWith(2)) as [VaultProcess, VaultProcess];
});
afterEach(async () => {
  const { families_revoked: revoked, refresh } = await world.realm(PROVIDER).stats();
  expect({ revoked, replayed: refresh.replayed, duplicates: refresh.duplicate_grants }).toEqual({
    revoked: {},
    replayed: 0,
    duplicates: 0,
  });
});
afterAll(async () => {
  await world.stop();
  await postgres.stop();
});

async function presented({ family }: Connected): Promise<number> {
  return (await world.realm(PROVIDER).grants(family)).presented;
}

/** A refresh whose process is stopped at a point, with nothing of its own to wait for. */
async function stoppedAt(point: Trap['point'], process: VaultProcess, { id }: Connected) {
  await process.call('trap', { point, signal: 'SIGSTOP', connectionId: id });
  const refreshing = process.call('token', id, 'new_generation');
  await until(() => process.passed().get(id) === point);
  return { refreshing };
}

async function expectAlive({ id, family }: Connected, generation: bigint): Promise<void> {
  const { current } = await world.realm(PROVIDER).grants(family);
  for (const process of [one, two])
    await expect(process.call('token', id, 'fresh_enough')).resolves.toMatchObject({
      token: { generation, accessToken: current.access_token },
    });
}

describe('vault failure 10', () => {
  it('Postgres silent before the claim: the upstream is not asked until it is back', async () => {
    const connection = await world.connectOne(one, PROVIDER);
    const { requests } = (await world.realm(PROVIDER).stats()).refresh;
    const wakeUp = postgres.pause();
    const refreshing = one.call('token', connection.id, 'new_generation');
    const sweeping = two.call('sweep');
    // Both have answered a question that came after: theirs are with Postgres.
    await Promise.all([one.call('observe'), two.call('observe')]);
    expect((await world.realm(PROVIDER).stats()).refresh.requests).toBe(requests);
    wakeUp();
    await expect(refreshing).resolves.toMatchObject({ kind: 'token', token: { generation: 2n } });
    await sweeping;
    expect(await presented(connection)).toBe(1);
  });

  it('Postgres restarted between claim and intent: nothing is sent by who does not know whether it may', async () => {
    const connection = await world.connectOne(one, PROVIDER);
    const { refreshing } = await stoppedAt('claimed', one, connection);
    await postgres.restart();
    one.resume();
    await refreshing.catch(() => undefined);
    await expect(two.call('token', connection.id, 'new_generation')).resolves.toMatchObject({ kind: 'token' });
    const { granted, generation } = await world.realm(PROVIDER).grants(connection.family);
    expect({ granted, generation }).toEqual({ granted: generation, generation });
  });

  it.each(['sent', 'answered', 'spooled'] as const)(
    'Postgres restarted with the refresh %s: the rotated token survives in the process',
    async (point) => {
      const connection = await world.connectOne(one, PROVIDER);
      const { refreshing } = await stoppedAt(point, one, connection);
      await postgres.restart();
      one.resume();
      await expect(refreshing).resolves.toMatchObject({ kind: 'token', token: { generation: 2n } });
      expect(await presented(connection)).toBe(1);
      await expectAlive(connection, 2n);
    },
  );

  it('Postgres silent after the upstream has answered: nobody is told before the commit is there', async () => {
    const connection = await world.connectOne(one, PROVIDER);
    const { refreshing } = await stoppedAt('answered', one, connection);
    const wakeUp = postgres.pause();
    let settled = false;
    void refreshing.then(() => (settled = true));
    one.resume();
    await until(() => one.passed().get(connection.id) === 'spooled');
    await one.call('observe');
    expect(settled).toBe(false);
    wakeUp();
    await expect(refreshing).resolves.toMatchObject({ kind: 'token', token: { generation: 2n } });
    await expectAlive(connection, 2n);
  });

  it('a process that is killed while its commit waits for Postgres leaves the answer to its next life', async () => {
    const connection = await world.connectOne(one, PROVIDER);
    const victim = await world.process();
    const { refreshing } = await stoppedAt('answered', victim, connection);
    const wakeUp = postgres.pause();
    victim.resume();
    await until(() => victim.passed().get(connection.id) === 'spooled');
    await victim.kill();
    await expect(refreshing).rejects.toThrow('the vault');
    wakeUp();
    // Whatever of the commit had reached Postgres before: both ends of that race are the same row.
    const nextLife = await world.process({ dataDir: victim.dataDir });
    await until(async () => (await world.state(connection.id)).generation === 2);
    await until(() => !nextLife.spooled());
    expect(await presented(connection)).toBe(1);
    await expectAlive(connection, 2n);
  });
});

describe('vault failure 11', () => {
  it('no process of these tests has a Redis to lose: eight refresh the same connections, each grant is made once', async () => {
    const more = await world.processesWith(6);
    const everybody = [one, two, ...more];
    const connections = await world.connect(one, PROVIDER, 8);
    await Promise.all(
      everybody.flatMap((process) => connections.map(({ id }) => process.call('token', id, 'new_generation'))),
    );
    for (const { id, family } of connections) {
      const { generation, granted, presented: asked, overlaps } = await world.realm(PROVIDER).grants(family);
      expect({ granted, asked, overlaps }).toEqual({ granted: generation, asked: generation, overlaps: 0 });
      expect((await world.state(id)).generation).toBe(generation + 1);
    }
    await Promise.all(more.map((process) => process.stop()));
  });
});
