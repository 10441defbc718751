import type { FailPoint } from '@app/vault';
import { CrashWorld, until, type Connected, type Rotation } from './crash-world.js';
import { judge, recordIntents, type KillRoundsReport, type Stage } from './kill-rounds-verdict.js';
import type { VaultProcess } from './vault-process.js';

export interface KillRoundsOptions {
  readonly databaseUrl: string;
  readonly processes: number;
  readonly rounds: number;
  /** At each of the three kinds of provider. */
  readonly connections: number;
  readonly onRound?: (killed: number) => void;
}

const POINTS: readonly FailPoint[] = ['claimed', 'intended', 'sent', 'answered', 'spooled', 'committed'];
/** Realms of the lying upstream. A used refresh token that comes again where it must not ends its family. */
const PROVIDERS: Readonly<Record<string, { rotation: Rotation; latency_ms: number }>> = {
  'single-use': { rotation: 'single_use', latency_ms: 20 },
  grace: { rotation: 'grace', latency_ms: 20 },
  reusable: { rotation: 'reusable', latency_ms: 5 },
};
/** Seconds: so short that every connection is refreshed all the time. */
const TOKEN_LIFE = 3;
const LEASE_MS = 1_000;
const CALLERS = 3;
const MOST_SKIPPED = 5;

interface Slot {
  readonly dataDir: string;
  alive: VaultProcess | undefined;
  starting: Promise<void>;
}

/**
 * Processes refresh the same short-lived connections without a pause; in each round a random one dies at a random point
 * of some refresh and is started again over what it left. At the end the upstream's ledger is compared with the rows.
 */
export async function killRounds(options: KillRoundsOptions): Promise<KillRoundsReport> {
  const providers = Object.fromEntries(
    Object.entries(PROVIDERS).map(([id, provider]) => [id, { ...provider, access_ttl: TOKEN_LIFE }]),
  );
  const world = await CrashWorld.start(options.databaseUrl, providers);
  try {
    const rounds = new Rounds(world, options);
    await rounds.run();
    return await judge(rounds);
  } finally {
    await world.stop();
  }
}

class Rounds implements Stage {
  readonly connections = new Map<string, Connected[]>(Object.keys(PROVIDERS).map((id) => [id, []]));
  readonly lives: VaultProcess[] = [];
  readonly killed: VaultProcess[] = [];
  private readonly slots: Slot[];

  constructor(
    readonly world: CrashWorld,
    private readonly options: KillRoundsOptions,
  ) {
    this.slots = Array.from({ length: options.processes }, () => ({
      dataDir: world.newDir(),
      alive: undefined,
      starting: Promise.resolve(),
    }));
  }

  async run(): Promise<void> {
    for (const slot of this.slots) this.start(slot);
    await Promise.all(this.slots.map(({ starting }) => starting));
    await recordIntents(this.world);
    for (let round = 1; round <= this.options.rounds; round += 1) {
      if (round % 5 === 1) await this.replaceDead();
      await this.killOne();
      this.options.onRound?.(round);
    }
    await Promise.all(this.slots.map(({ starting }) => starting));
    // Every answer that lies in a spool comes home before anything is counted.
    await until(() => this.slots.every(({ alive }) => alive?.spooled() === false));
    await Promise.all(this.slots.map(({ alive }) => alive?.stop()));
  }

  private start(slot: Slot): void {
    slot.alive = undefined;
    slot.starting = this.world
      .process({ dataDir: slot.dataDir, schedule: true, callers: CALLERS, leaseMs: LEASE_MS, waitMs: 5_000 })
      .then((started) => {
        this.lives.push(started);
        slot.alive = started;
      });
  }

  private async killOne(): Promise<void> {
    const slot = await this.anyAlive();
    const point = anyOf(POINTS);
    const skip = Math.floor(Math.random() * MOST_SKIPPED);
    await slot.process.call('trap', { point, signal: 'SIGKILL', skip });
    const { signal } = await slot.process.ended;
    if (signal !== 'SIGKILL') throw new Error(`a process of the vault ended by itself:\n${slot.process.log()}`);
    this.killed.push(slot.process);
    this.start(slot.slot);
  }

  private async anyAlive(): Promise<{ slot: Slot; process: VaultProcess }> {
    for (;;) {
      const alive = this.slots.flatMap((slot) => (slot.alive === undefined ? [] : [{ slot, process: slot.alive }]));
      if (alive.length > 0) return anyOf(alive);
      await Promise.race(this.slots.map(({ starting }) => starting));
    }
  }

  /** What D60 has ended is made up for, so that there is always as much to lose. */
  private async replaceDead(): Promise<void> {
    const { process } = await this.anyAlive();
    for (const [provider, connected] of this.connections) {
      const [row] = await this.world.query<{ alive: number }>(
        `SELECT count(*)::int AS alive FROM connections WHERE provider_id = $1 AND status IN ('active', 'backing_off')`,
        [provider],
      );
      const missing = this.options.connections - (row?.alive ?? 0);
      if (missing <= 0) continue;
      const made = await this.world.connect(process, provider, missing);
      connected.push(...made);
      // What was made together would fall due together, and die together.
      await this.world.query(
        `UPDATE connections SET next_refresh_at = app_now() + random() * interval '1 second'
         WHERE id = ANY($1) AND generation = 1 AND lease_owner IS NULL`,
        [made.map(({ id }) => id)],
      );
    }
  }
}

function anyOf<T>(choices: readonly T[]): T {
  const choice = choices[Math.floor(Math.random() * choices.length)];
  if (choice === undefined) throw new Error('nothing to choose from');
  return choice;
}
