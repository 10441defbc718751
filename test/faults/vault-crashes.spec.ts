import { freshDatabase } from '../harness/postgres.js';
import { CrashWorld, until, type Connected, type Rotation } from './vault-process/crash-world.js';
import type { VaultProcess } from './vault-process/vault-process.js';

const ROTATIONS: readonly Rotation[] = ['single_use', 'grace', 'reusable'];

let world: CrashWorld;
let dropDatabase: () => Promise<void>;
/** Lives through all tests, and takes over what the victim leaves. */
let heir: VaultProcess;
let victim: VaultProcess;

beforeAll(async () => {
  const database = await freshDatabase();
  dropDatabase = database.drop;
  const providers = Object.fromEntries(ROTATIONS.map((rotation) => [realmOf(rotation), { rotation }]));
  world = await CrashWorld.start(database.url, providers);
  [heir, victim] = (await world.processesWith(2)) as [VaultProcess, VaultProcess];
});
afterAll(async () => {
  await world.stop();
  await dropDatabase();
});

function realmOf(rotation: Rotation): string {
  return rotation.replace('_', '-');
}

/** Lets the victim refresh, and die or stop on the way; its caller hears nothing. */
async function dies(at: Parameters<typeof trapped>[1], connection: Connected): Promise<void> {
  const asked = trapped(victim, at, connection);
  expect((await victim.ended).signal).toBe('SIGKILL');
  await expect(asked).rejects.toThrow('the vault');
}

/** A refresh that meets its trap. */
async function trapped(
  process: VaultProcess,
  point: 'claimed' | 'intended' | 'sent' | 'answered' | 'spooled' | 'committed',
  { id }: Connected,
) {
  await process.call('trap', { point, signal: 'SIGKILL', connectionId: id });
  return process.call('token', id, 'new_generation');
}

/** As whoever restarts a process that crashed: the same folder. */
async function restarted(): Promise<void> {
  victim = await world.process({ dataDir: victim.dataDir });
}

/** What the upstream knows of a grant. */
async function ledger(rotation: Rotation, { family }: Connected) {
  const {
    status,
    presented,
    granted,
    replayed,
    duplicate_grants: duplicates,
  } = await world.realm(realmOf(rotation)).grants(family);
  return { status, presented, granted, replayed, duplicates };
}

/** The heir's token is the one that the upstream calls good, and its next refresh works. */
async function expectAlive(rotation: Rotation, connection: Connected, generation: bigint): Promise<void> {
  const { current } = await world.realm(realmOf(rotation)).grants(connection.family);
  await expect(heir.call('token', connection.id, 'fresh_enough')).resolves.toMatchObject({
    kind: 'token',
    token: { generation, accessToken: current.access_token },
  });
  await expect(heir.call('token', connection.id, 'new_generation')).resolves.toMatchObject({
    kind: 'token',
    token: { generation: generation + 1n },
  });
  expect((await ledger(rotation, connection)).status).toBe('active');
}

async function connected(rotation: Rotation): Promise<Connected> {
  return world.connectOne(heir, realmOf(rotation));
}

afterEach(async () => {
  for (const rotation of ROTATIONS) {
    const { families_revoked: revoked } = await world.realm(realmOf(rotation)).stats();
    expect({ rotation, revoked }).toEqual({ rotation, revoked: {} });
  }
  if (victim.dead) await restarted();
});

describe.each(ROTATIONS)('vault failure 3, killed at a provider whose refresh tokens are %s', (rotation) => {
  it('after the claim: the next one refreshes, and the upstream is asked once', async () => {
    const connection = await connected(rotation);
    await dies('claimed', connection);
    expect(await world.state(connection.id)).toMatchObject({ generation: 1, intent_epoch: null });
    await expect(heir.call('token', connection.id, 'new_generation')).resolves.toMatchObject({
      token: { generation: 2n },
    });
    expect(await ledger(rotation, connection)).toMatchObject({ presented: 1, granted: 1, replayed: 0 });
    await expectAlive(rotation, connection, 2n);
  });

  it.each(['intended', 'sent'] as const)(
    '%s, nothing written: D60, never replayed where a replay could end the grant',
    async (point) => {
      const connection = await connected(rotation);
      await dies(point, connection);
      expect(await world.state(connection.id)).toMatchObject({ generation: 1, intent_epoch: 1 });
      const answer = await heir.call('token', connection.id, 'new_generation');
      if (rotation === 'single_use') {
        expect(answer).toEqual({ kind: 'dead', reason: 'rotation_lost' });
        expect(await world.state(connection.id)).toMatchObject({
          status: 'needs_reauth',
          status_reason: 'rotation_lost',
          generation: 1,
        });
        expect(await ledger(rotation, connection)).toMatchObject({ presented: 0 });
        return;
      }
      expect(answer).toMatchObject({ kind: 'token', token: { generation: 2n } });
      expect(await ledger(rotation, connection)).toMatchObject({ presented: 1, granted: 1, replayed: 0 });
      await expectAlive(rotation, connection, 2n);
    },
  );

  it('while the upstream has the request: the same, though the token was used up', async () => {
    const connection = await connected(rotation);
    await world.realm(realmOf(rotation)).plan({ family: connection.family, latency_before_ms: 400, times: 1 });
    const asked = victim.call('token', connection.id, 'new_generation');
    await until(async () => (await world.realm(realmOf(rotation)).stats()).in_flight > 0);
    await victim.kill();
    await expect(asked).rejects.toThrow('the vault');
    await until(async () => (await ledger(rotation, connection)).granted === 1);
    const answer = await heir.call('token', connection.id, 'new_generation');
    await expectUsedUp(rotation, connection, answer);
  });

  it('answered and not spooled: the same', async () => {
    const connection = await connected(rotation);
    await dies('answered', connection);
    await expectUsedUp(rotation, connection, await heir.call('token', connection.id, 'new_generation'));
  });

  it('spooled and not committed: its next life brings the answer home', async () => {
    const connection = await connected(rotation);
    await dies('spooled', connection);
    expect(await world.state(connection.id)).toMatchObject({ generation: 1, intent_epoch: 1 });
    await restarted();
    await until(async () => (await world.state(connection.id)).generation === 2);
    expect(await ledger(rotation, connection)).toMatchObject({ presented: 1, granted: 1 });
    expect(await world.state(connection.id)).toMatchObject({ status: 'active', intent_epoch: null });
    await expectAlive(rotation, connection, 2n);
    expect(await ledger(rotation, connection)).toMatchObject({ presented: 2, replayed: 0, duplicates: 0 });
  });

  it('committed and nobody told: whoever asks next gets it', async () => {
    const connection = await connected(rotation);
    await dies('committed', connection);
    expect(await ledger(rotation, connection)).toMatchObject({ presented: 1, granted: 1 });
    expect(await world.outcomes(connection.id)).toEqual(['refreshed']);
    await expectAlive(rotation, connection, 2n);
  });
});

/** The upstream has granted and nobody has the answer: over, or asked once more where that is allowed. */
async function expectUsedUp(rotation: Rotation, connection: Connected, answer: unknown): Promise<void> {
  if (rotation === 'single_use') {
    expect(answer).toEqual({ kind: 'dead', reason: 'rotation_lost' });
    expect(await world.state(connection.id)).toMatchObject({
      status: 'needs_reauth',
      status_reason: 'rotation_lost',
      generation: 1,
    });
    expect(await ledger(rotation, connection)).toMatchObject({ presented: 1, granted: 1, replayed: 0 });
    expect(await world.outcomes(connection.id)).toEqual(['not_replayed']);
    return;
  }
  expect(answer).toMatchObject({ kind: 'token', token: { generation: 2n } });
  expect(await ledger(rotation, connection)).toMatchObject({ presented: 2, granted: 2 });
  await expectAlive(rotation, connection, 2n);
}

describe('vault failure 3', () => {
  it('an answer that comes home after its connection was given up for lost revives it', async () => {
    const connection = await connected('single_use');
    await dies('spooled', connection);
    await expect(heir.call('token', connection.id, 'new_generation')).resolves.toEqual({
      kind: 'dead',
      reason: 'rotation_lost',
    });
    await restarted();
    await until(async () => (await world.state(connection.id)).status === 'active');
    expect(await world.outcomes(connection.id)).toEqual(['not_replayed', 'refreshed_late']);
    await expectAlive('single_use', connection, 2n);
    expect(await ledger('single_use', connection)).toMatchObject({ presented: 2, granted: 2, replayed: 0 });
  });

  it('an answer that comes home after another was got is thrown away', async () => {
    const connection = await connected('grace');
    await dies('spooled', connection);
    await expect(heir.call('token', connection.id, 'new_generation')).resolves.toMatchObject({
      token: { generation: 2n },
    });
    await restarted();
    await until(() => victim.log().includes('went on without') || !victim.spooled());
    expect(await world.outcomes(connection.id)).toEqual(['refreshed']);
    await expectAlive('grace', connection, 2n);
  });
});
