import { setTimeout as pause } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import { isDatabaseUnavailable } from '@app/database';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
const COMPLAIN_EVERY_MS = 30_000;

/**
 * Does `work`, again and again while the database is away: what an upstream has answered must not be forgotten, so this
 * has no end but success or another error.
 *
 * @param complain told after the first failure and every half minute.
 */
export async function untilDatabase<T>(work: () => Promise<T>, complain: (waitedMs: number) => void): Promise<T> {
  let since: number | undefined;
  let complained = 0;
  for (let delay = FIRST_PAUSE_MS; ; delay = Math.min(delay * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isDatabaseUnavailable(error) && !isTransactionConflict(error)) throw error;
      const now = performance.now();
      since ??= now;
      if (complained === 0 || now - complained > COMPLAIN_EVERY_MS) {
        complained = now;
        complain(now - since);
      }
    }
    await pause(delay, undefined, { ref: false });
  }
}

/** Deadlock or serialization failure: the statement was undone and may be done again. */
function isTransactionConflict(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === '40P01' || code === '40001';
}
