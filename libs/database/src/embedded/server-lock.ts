import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgresError } from './embedded-error.js';
import { startTimeOf } from './process-identity.js';

const CLAIM = /^server-(\d+)-(\w+)-[0-9a-f]{16}\.lock$/;
const ATTEMPTS = 5;

/**
 * One server for each data folder. Every contender first leaves a claim, named by its pid and start time, and then
 * looks for claims of other living processes: two cannot both see nobody else, because both wrote before they looked.
 * Claims of dead processes (kill -9) are swept, which no race can make wrong, as a claim is never used twice.
 *
 * @throws EmbeddedPostgresError naming the process that serves the folder already.
 */
export async function lockFolder(folder: string): Promise<{ release(): void }> {
  const claim = join(
    folder,
    `server-${process.pid}-${startTimeOf(process.pid)}-${randomBytes(8).toString('hex')}.lock`,
  );
  for (let attempt = 1; ; attempt += 1) {
    writeFileSync(claim, '', { mode: 0o600, flag: 'wx' });
    const other = findOther(folder, basename(claim));
    if (other === undefined) return { release: () => rmSync(claim, { force: true }) };
    rmSync(claim, { force: true });
    if (attempt === ATTEMPTS) {
      throw new EmbeddedPostgresError(
        `another server (process ${other}) already uses the data folder ${folder}. Stop it, give this one another ` +
          'GATEHOUSE_DATA_DIR, or set DATABASE_URL for both to share one database.',
      );
    }
    // Two that began in the same instant see each other and both step back: a random wait lets one of them in.
    await delay(20 + Math.random() * 80);
  }
}

function findOther(folder: string, ours: string): number | undefined {
  let other: number | undefined;
  for (const name of readdirSync(folder)) {
    const [, pid, startTime] = CLAIM.exec(name) ?? [];
    if (pid === undefined || name === ours) continue;
    if (startTimeOf(Number(pid)) === startTime) other = Number(pid);
    else rmSync(join(folder, name), { force: true });
  }
  return other;
}
