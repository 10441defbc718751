import { strict as assert } from 'node:assert';
import type { CrashWorld } from './crash-world.js';

const PROVIDER = 'single-use';

/** What {@link crowdRounds} needs of its world. */
export const CROWD_PROVIDERS = { [PROVIDER]: { rotation: 'single_use' } } as const;

/**
 * So many processes want a token of the same rotating connection at once, again and again, while two sweep as well: each
 * time there is one grant, and everybody gets the token that it brought.
 *
 * @throws AssertionError
 */
export async function crowdRounds(world: CrashWorld, count: number, rounds: number): Promise<void> {
  const processes = await world.processesWith(count, { leaseMs: 45_000 });
  const [first] = processes;
  if (first === undefined) throw new Error('a crowd is of one process at least');
  const { id, family } = await world.connectOne(first, PROVIDER);
  for (let round = 1; round <= rounds; round += 1) {
    await world.makeDue([id]);
    const sweeps = processes.slice(0, 2).map((process) => process.call('sweep'));
    const answers = await Promise.all(processes.map((process) => process.call('token', id, 'fresh_enough')));
    await Promise.all(sweeps);
    const { current } = await world.realm(PROVIDER).grants(family);
    for (const answer of answers) {
      const { generation, accessToken } = answer.kind === 'token' ? answer.token : { generation: 0n, accessToken: '' };
      assert.deepEqual(
        { generation, accessToken },
        { generation: BigInt(round + 1), accessToken: current.access_token },
      );
    }
  }
  const { status, presented, granted, refused, replayed, overlaps } = await world.realm(PROVIDER).grants(family);
  assert.deepEqual(
    { status, presented, granted, refused, replayed, overlaps },
    { status: 'active', presented: rounds, granted: rounds, refused: 0, replayed: 0, overlaps: 0 },
  );
}
