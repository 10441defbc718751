import { loadConfig } from '@app/config';
import { Database, dataSourceOptions, openDataSource, runMigrations } from '@app/database';
import { openStore, UntrustedMirror, type RevocationEntry, type RevocationMirror } from '@app/transient-store';
import { RevocationLog, type Revocation } from './revocation-log.js';
import { Revocations } from './revocations.js';

/** A mirror whose writes a test can make fail, as a Redis does that dies between a commit and its write. */
export class FallibleMirror implements RevocationMirror {
  failsToWrite = false;
  written: RevocationEntry[] = [];

  constructor(private readonly mirror: RevocationMirror) {}

  read(subjects: readonly string[]) {
    return this.mirror.read(subjects);
  }
  async write(entries: readonly RevocationEntry[]): Promise<boolean> {
    if (this.failsToWrite) return false;
    this.written.push(...entries);
    return this.mirror.write(entries);
  }
  rewarm(snapshot: () => Promise<readonly RevocationEntry[]>) {
    return this.mirror.rewarm(snapshot);
  }
  health() {
    return this.mirror.health();
  }
  onUntrusted(handler: () => void) {
    this.mirror.onUntrusted(handler);
  }
}

/** Everything one process has of D20: its connections, its memory and its way of following. */
export interface Instance {
  readonly revocations: Revocations;
  readonly database: Database;
  readonly log: RevocationLog;
  readonly mirror: FallibleMirror;
  /** Moves this process's clock. */
  later(ms: number): void;
  revoke(...revocations: Revocation[]): Promise<void>;
  close(): Promise<void>;
}

/** @param redisUrl undefined: a process without Redis. */
export async function startInstance(databaseUrl: string, redisUrl: string | undefined): Promise<Instance> {
  await runMigrations(databaseUrl);
  const source = await openDataSource(dataSourceOptions({ url: databaseUrl, poolSize: 4, warn: () => {} }));
  const database = new Database(source);
  const log = new RevocationLog(
    database,
    loadConfig({}, () => ''),
  );
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const store = await openStore({ redisUrl, now, log: () => {} });
  const mirror = new FallibleMirror(redisUrl === undefined ? new UntrustedMirror() : store.mirror);
  const revocations = new Revocations(database, log, mirror, () => new Date(now()));
  await revocations.onApplicationBootstrap();
  return {
    revocations,
    database,
    log,
    mirror,
    later: (ms) => (ahead += ms),
    revoke: (...named) =>
      revocations.transaction(async (_manager, revoke) => {
        for (const revocation of named) revoke(revocation);
      }),
    close: async () => {
      await revocations.follow();
      await store.close();
      await source.destroy();
    },
  };
}
