/** Row 4: a thousand callers who all want a new token of one connection: one refresh upstream, whoever does it. */
import { tell } from './commands.mjs';
import { medianOf } from './world.mjs';

const LATENCY = 50;
const HEADING = ['callers of one refresh', 'upstream calls', 'took', 'beyond the upstream', 'against one bare call'];

/**
 * In one process, and shared between two: those of the other one learn of it from the row.
 *
 * @param {{ waiters: number, rounds: number }} knobs
 * @returns {Promise<string[][]>} a table
 */
export async function waiterRows(world, { waiters, rounds }) {
  const url = await world.database('bench_waiters');
  const [first, second] = [await world.vault(url), await world.vault(url)];
  const floor = await world.floor(url);
  const [id] = await tell(first, 'import', { issuer: world.upstream.url, count: 1 });
  await tell(floor, 'import', { count: 1 });
  await world.upstream.latency(LATENCY);
  const half = Math.ceil(waiters / 2);
  const plans = [
    { who: 'one bare refresh', ask: () => tell(floor, 'sweep', { count: 1 }).then((run) => run.milliseconds) },
    { who: `${waiters} in one process`, ask: () => wait([first], id, waiters) },
    { who: `${half} in each of two`, ask: () => wait([first, second], id, half) },
  ].map((plan) => ({ ...plan, taken: [] }));
  for (let round = 0; round <= rounds; round++)
    for (const plan of plans) {
      const before = await world.upstream.stats();
      const took = await plan.ask();
      await world.upstream.audit(before, 1);
      // The first round warms every process up and is not counted.
      if (round > 0) plan.taken.push(took);
    }
  await world.upstream.latency(0);
  const bare = medianOf(plans[0].taken);
  return [
    HEADING,
    ...plans.map(({ who, taken }) => {
      const took = medianOf(taken);
      return [
        who,
        '1',
        `${took.toFixed(0)} ms`,
        `${(took - LATENCY).toFixed(0)} ms`,
        who === plans[0].who ? '' : `${(took / bare).toFixed(1)} ×`,
      ];
    }),
  ];
}

/** Milliseconds until the last was answered. @throws Error unless all got the same, new token */
async function wait(processes, id, count) {
  const answers = await Promise.all(processes.map((vault) => tell(vault, 'wait', { id, count })));
  const tokens = new Set(answers.flatMap((answer) => answer.tokens));
  if (tokens.size !== 1 || tokens.has(null)) throw new Error(`the callers got ${tokens.size} different tokens`);
  return Math.max(...answers.map((answer) => answer.milliseconds));
}
