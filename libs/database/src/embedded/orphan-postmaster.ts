import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgresError, type EmbeddedLog } from './embedded-error.js';
import { isPostmasterOf, startTimeOf } from './process-identity.js';

const POLL_MS = 25;
const PATIENCE_MS = 15_000;

/**
 * Stops the Postgres that a killed server (kill -9) left running on this data. Call it under the folder's lock, which
 * says that no living server owns that Postgres.
 *
 * The pid in `postmaster.pid` is only a hint: after a crash another process may have it. Such a process is left alone,
 * and the file is removed, because Postgres would refuse to start for as long as that process lives.
 *
 * @throws EmbeddedPostgresError when it does not end.
 */
export async function stopOrphan(dataFolder: string, log: EmbeddedLog): Promise<void> {
  const pidFile = join(dataFolder, 'postmaster.pid');
  const pid = readPid(pidFile);
  if (pid === undefined || startTimeOf(pid) === undefined) return;
  if (!isPostmasterOf(pid, dataFolder)) {
    rmSync(pidFile, { force: true });
    return;
  }
  log.warn(`Stopping the Postgres (process ${pid}) that an earlier server left behind`);
  // Fast shutdown first; the immediate one costs a recovery at the next start, and loses nothing that was committed.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    try {
      process.kill(pid, signal);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return;
      throw new EmbeddedPostgresError(`process ${pid} still serves ${dataFolder} and cannot be stopped by us.`, {
        cause,
      });
    }
    for (let waited = 0; waited < PATIENCE_MS; waited += POLL_MS) {
      if (!isPostmasterOf(pid, dataFolder)) return;
      await delay(POLL_MS);
    }
  }
  throw new EmbeddedPostgresError(`process ${pid} still serves ${dataFolder} and does not end. Stop it by hand.`);
}

function readPid(pidFile: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}
