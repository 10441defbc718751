import { freshDatabase } from '../harness/postgres.js';
import { killRoundsLine } from './vault-process/kill-rounds-verdict.js';
import { killRounds } from './vault-process/kill-rounds.js';

const ROUNDS = 20;

describe('vault failure 3, by chance', () => {
  it(`${ROUNDS} kills lose nothing and repeat nothing`, async () => {
    const database = await freshDatabase();
    const report = await killRounds({ databaseUrl: database.url, processes: 3, rounds: ROUNDS, connections: 30 });
    await database.drop();
    process.stdout.write(`${killRoundsLine({ ...report, lost: report.lost.length })}\n`);
    expect(report).toMatchObject({ rounds: ROUNDS, lost: [], duplicateGrants: 0, familiesRevoked: 0 });
    expect(report.refreshes).toBeGreaterThan(10 * ROUNDS);
  });
});
