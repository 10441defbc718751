import { setTimeout as pause } from 'node:timers/promises';
import { freshDatabase } from '../../harness/postgres.js';
import { CrashWorld } from '../vault-process/crash-world.js';

const PROVIDER = 'single-use';
const TOKEN_LIFE = 60;

export interface FreshnessResult {
  readonly passed: boolean;
  readonly line: string;
}

interface Sample {
  readonly expired: number;
  readonly dead: number;
  readonly least_seconds: number;
  readonly overdue_seconds: number;
}

/**
 * Two servers and a worker, as far as the vault is concerned, over one Postgres: whether any of many short-lived tokens
 * is ever found expired. Leases and limits as they come; nothing is killed here.
 */
export async function longFreshness({
  minutes,
  connections,
}: {
  readonly minutes: number;
  readonly connections: number;
}): Promise<FreshnessResult> {
  const database = await freshDatabase();
  const world = await CrashWorld.start(database.url, {
    [PROVIDER]: { rotation: 'single_use', access_ttl: TOKEN_LIFE, latency_ms: 50 },
  });
  try {
    const processes = await world.processesWith(3, { schedule: true, leaseMs: 45_000 });
    const [first] = processes;
    if (first === undefined) throw new Error('no process was started');
    const made = await world.connect(first, PROVIDER, connections);
    let samples = 0;
    let expired = 0;
    let dead = 0;
    let least = TOKEN_LIFE;
    let overdue = 0;
    const line = async () => {
      const { refresh, families_revoked: revoked } = await world.realm(PROVIDER).stats();
      const duplicates = refresh.replayed + refresh.duplicate_grants;
      const report =
        `fresh ${Math.round((samples / 60) * 10) / 10} min: ${made.length} connections of ${TOKEN_LIFE} s in ` +
        `${processes.length} processes, refreshes ${refresh.granted}, expired at a sampled moment ${expired} ` +
        `(${samples} samples, least life left ${least.toFixed(1)} s, most overdue ${overdue.toFixed(1)} s), ` +
        `duplicate grants ${duplicates}, families revoked by us ${Object.keys(revoked).length}, dead ${dead}`;
      return { report, duplicates, revoked: Object.keys(revoked).length };
    };
    // Wall time on purpose: it is the ten minutes of a user.
    const begun = Date.now();
    for (let second = 1; second <= minutes * 60; second += 1) {
      await pause(Math.max(0, begun + second * 1000 - Date.now()));
      const [now] = await world.query<Sample>(
        `SELECT count(*) FILTER (WHERE expires_at <= app_now())::int AS expired,
                count(*) FILTER (WHERE status = 'needs_reauth')::int AS dead,
                extract(epoch FROM min(expires_at) - app_now())::float8 AS least_seconds,
                extract(epoch FROM app_now() - min(next_refresh_at))::float8 AS overdue_seconds
         FROM connections`,
      );
      if (now === undefined) throw new Error('nothing was sampled');
      samples += 1;
      expired += now.expired;
      dead = now.dead;
      least = Math.min(least, now.least_seconds);
      overdue = Math.max(overdue, now.overdue_seconds);
      if (second % 60 === 0 && second < minutes * 60) process.stdout.write(`${(await line()).report}\n`);
    }
    const { report, duplicates, revoked } = await line();
    process.stdout.write(`${report}\n`);
    return { passed: expired + duplicates + revoked + dead === 0, line: report };
  } finally {
    await world.stop();
    await database.drop();
  }
}
