import { freshDatabase } from '../../harness/postgres.js';
import { killRoundsLine } from '../vault-process/kill-rounds-verdict.js';
import { killRounds } from '../vault-process/kill-rounds.js';

/** Rounds of one world; each world is judged on its own, so that a fault is found near where it happened. */
const BATCH = 25;

export interface KillTotals {
  readonly rounds: number;
  readonly refreshes: number;
  readonly lost: number;
  readonly duplicateGrants: number;
  readonly familiesRevoked: number;
  readonly rotationLost: number;
  readonly replays: number;
}

export const NO_KILLS: KillTotals = {
  rounds: 0,
  refreshes: 0,
  lost: 0,
  duplicateGrants: 0,
  familiesRevoked: 0,
  rotationLost: 0,
  replays: 0,
};

/**
 * Kill rounds until there are so many, each batch in a database and a lying upstream of its own.
 *
 * @param keep called after each batch with what it has come to so far; the next run may begin there.
 */
export async function longKills(
  { rounds, processes }: { readonly rounds: number; readonly processes: number },
  before: KillTotals,
  keep: (totals: KillTotals) => void,
): Promise<KillTotals> {
  let totals = before;
  while (totals.rounds < rounds) {
    const database = await freshDatabase();
    const batch = await killRounds({
      databaseUrl: database.url,
      processes,
      rounds: Math.min(BATCH, rounds - totals.rounds),
      connections: 40,
    });
    await database.drop();
    for (const fault of batch.lost) process.stdout.write(`LOST ${fault}\n`);
    totals = {
      rounds: totals.rounds + batch.rounds,
      refreshes: totals.refreshes + batch.refreshes,
      lost: totals.lost + batch.lost.length,
      duplicateGrants: totals.duplicateGrants + batch.duplicateGrants,
      familiesRevoked: totals.familiesRevoked + batch.familiesRevoked,
      rotationLost: totals.rotationLost + batch.rotationLost,
      replays: totals.replays + batch.replays,
    };
    keep(totals);
    process.stdout.write(`${killRoundsLine(totals)}\n`);
  }
  return totals;
}

export function killsPassed({ lost, duplicateGrants, familiesRevoked }: KillTotals): boolean {
  return lost === 0 && duplicateGrants === 0 && familiesRevoked === 0;
}
