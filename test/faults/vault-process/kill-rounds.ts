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
/** How many refreshes of a life may pass the deadly point unharmed: it is to die in the middle of its work. */
const MOST_SKIPPED = 30;
const KILLS_BETWEEN_REPLACEMENTS = 5;

/**
 * Processes refresh the same short-lived connections without a pause; each dies at a random point of some refresh and is
 * started again over what it left, so many times in all. At the end the upstream's ledger is compared with the rows.
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
  private left: number;
  private replacedAt = -KILLS_BETWEEN_REPLACEMENTS;

  constructor(
    readonly world: CrashWorld,
    private readonly options: KillRoundsOptions,
  ) {
    this.left = options.rounds;
  }

  async run(): Promise<void> {
    const dirs = Array.from({ length: this.options.processes }, () => this.world.newDir());
    const first = await Promise.all(dirs.map((dataDir) => this.start(dataDir)));
    await recordIntents(this.world);
    const last = await Promise.all(first.map((life) => this.liveAndDie(life)));
    // Every answer that lies in a spool comes home before anything is counted.
    await until(() => last.every((life) => !life.spooled()));
    await Promise.all(last.map((life) => life.stop()));
  }

  /** One life after another in one folder; answers the one that is left when there is no kill left. */
  private async liveAndDie(first: VaultProcess): Promise<VaultProcess> {
    let life = first;
    while (this.left > 0) {
      this.left -= 1;
      await this.replaceDead(life);
      const skip = Math.floor(Math.random() * MOST_SKIPPED);
      await life.call('trap', { point: anyOf(POINTS), signal: 'SIGKILL', skip });
      const { signal } = await life.ended;
      if (signal !== 'SIGKILL') throw new Error(`a process of the vault ended by itself:\n${life.log()}`);
      this.killed.push(life);
      life = await this.start(life.dataDir);
    }
    return life;
  }

  private async start(dataDir: string): Promise<VaultProcess> {
    const settings = { schedule: true, callers: CALLERS, leaseMs: LEASE_MS, waitMs: 5_000 };
    const life = await this.world.process({ dataDir, ...settings });
    this.lives.push(life);
    return life;
  }

  /** What D60 has ended is made up for, so that there is always as much to lose. */
  private async replaceDead(process: VaultProcess): Promise<void> {
    if (this.killed.length - this.replacedAt < KILLS_BETWEEN_REPLACEMENTS) return;
    this.replacedAt = this.killed.length;
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
