import { strict as assert } from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import { startOwnPostgres, type TestPostgres } from '../../harness/postgres.js';
import { CrashWorld, until, type Connected } from '../vault-process/crash-world.js';
import type { VaultProcess } from '../vault-process/vault-process.js';

const PROVIDER = 'single-use';
/** Of callers, beyond the outage. */
const PATIENCE_MS = 60_000;

interface Scene {
  readonly postgres: TestPostgres;
  readonly world: CrashWorld;
  readonly vault: VaultProcess;
  readonly seconds: number;
}

const OUTAGES: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  'before the claim: the upstream is not asked': async ({ postgres, world, vault, seconds }) => {
    const connection = await world.connectOne(vault, PROVIDER);
    const { requests } = (await world.realm(PROVIDER).stats()).refresh;
    const wakeUp = postgres.pause();
    const refreshing = vault.call('token', connection.id, 'new_generation').catch(() => undefined);
    await pause(seconds * 1000);
    assert.equal((await world.realm(PROVIDER).stats()).refresh.requests, requests);
    wakeUp();
    await refreshing;
    await postgres.restart();
    await expectAlive(world, vault, connection);
  },
  'after the upstream has answered: the rotated token survives in the process': async (scene) => {
    const { postgres, world, vault, seconds } = scene;
    const { connection, refreshing } = await answered(world, vault, vault);
    const wakeUp = postgres.pause();
    vault.resume();
    await pause(seconds * 1000);
    wakeUp();
    await postgres.restart();
    const answer = await refreshing;
    assert.equal(answer?.kind === 'unavailable' ? answer.code : answer?.kind, 'token');
    assert.equal((await world.state(connection.id)).generation, 2);
    await expectAlive(world, vault, connection);
  },
  'after the upstream has answered, and the process is killed: the token survives in its spool': async (scene) => {
    const { postgres, world, vault, seconds } = scene;
    const victim = await world.process();
    const { connection, refreshing } = await answered(world, vault, victim);
    const wakeUp = postgres.pause();
    victim.resume();
    await until(() => victim.passed().get(connection.id) === 'spooled');
    await pause(seconds * 1000);
    await victim.kill();
    await refreshing;
    wakeUp();
    await postgres.restart();
    await world.process({ dataDir: victim.dataDir });
    await until(async () => (await world.state(connection.id)).generation === 2);
    await expectAlive(world, vault, connection);
  },
};

/** Postgres silent for long, in leases: with a lease of 600 ms a minute is what 75 minutes are with the usual one. */
export async function longOutages(seconds: number): Promise<boolean> {
  const postgres = await startOwnPostgres();
  const world = await CrashWorld.start(postgres.url, { [PROVIDER]: { rotation: 'single_use' } });
  let passed = true;
  try {
    // Whoever asked at the beginning is still there at the end: sooner he would be told that it is under way.
    const vault = await world.process({ waitMs: seconds * 1000 + PATIENCE_MS });
    for (const [name, play] of Object.entries(OUTAGES)) {
      try {
        await play({ postgres, world, vault, seconds });
        process.stdout.write(`Postgres away for ${seconds} s ${name}: ok\n`);
      } catch (error) {
        passed = false;
        process.stdout.write(`Postgres away for ${seconds} s ${name}: FAILED ${String(error)}\n`);
      }
    }
    const { families_revoked: revoked, refresh } = await world.realm(PROVIDER).stats();
    return passed && Object.keys(revoked).length + refresh.replayed === 0;
  } finally {
    await world.stop();
    await postgres.stop();
  }
}

/** A refresh that has its answer and goes no further until its process is resumed. */
async function answered(world: CrashWorld, through: VaultProcess, process: VaultProcess) {
  const connection = await world.connectOne(through, PROVIDER);
  await process.call('trap', { point: 'answered', signal: 'SIGSTOP', connectionId: connection.id });
  const refreshing = process.call('token', connection.id, 'new_generation').catch(() => undefined);
  await until(() => process.passed().get(connection.id) === 'answered');
  return { connection, refreshing };
}

async function expectAlive(world: CrashWorld, vault: VaultProcess, { id, family }: Connected): Promise<void> {
  const answer = await vault.call('token', id, 'new_generation');
  const { current, status } = await world.realm(PROVIDER).grants(family);
  assert.equal(status, 'active');
  assert.equal(answer.kind === 'token' ? answer.token.accessToken : answer.kind, current.access_token);
}
