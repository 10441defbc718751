import { freshDatabase } from '../../harness/postgres.js';
import { CrashWorld } from '../vault-process/crash-world.js';
import { CROWD_PROVIDERS, crowdRounds } from '../vault-process/crowd-rounds.js';

/** Two processes, then eight, over one rotating connection. */
export async function longCrowds(rounds: number): Promise<boolean> {
  let passed = true;
  for (const count of [2, 8]) {
    const database = await freshDatabase();
    const world = await CrashWorld.start(database.url, CROWD_PROVIDERS);
    try {
      await crowdRounds(world, count, rounds);
      process.stdout.write(`crowd of ${count}, ${rounds} rounds: one grant a round, everybody got its token\n`);
    } catch (error) {
      passed = false;
      process.stdout.write(`crowd of ${count}, ${rounds} rounds: FAILED ${String(error)}\n`);
    } finally {
      await world.stop();
      await database.drop();
    }
  }
  return passed;
}
