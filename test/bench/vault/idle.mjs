/** Row 2: what a sweep costs that finds nothing due, with few connections and with very many. */
import { CLAIM_DUE } from '../../../dist/apps/server/libs/vault/src/leases.js';
import { tell } from './commands.mjs';
import { openExplainer } from './explain.mjs';
import { fill } from './filling.mjs';
import { medianOf } from './world.mjs';

const TIMES = 101;
const HEADING = ['idle sweep', 'statements', 'took', 'against SELECT 1', 'pages touched by the claim', 'in', 'by'];

/**
 * Pages may grow with the depth of the index alone: a level for some hundred times as many rows.
 *
 * @param {{ sizes: [number, number], rounds: number }} knobs
 * @returns {Promise<string[][]>} a table
 */
export async function idleRows(world, { sizes, rounds }, say) {
  const contenders = [];
  for (const size of sizes) {
    const url = await world.database(`bench_idle_${size}`);
    const vault = await world.vault(url);
    await fill(world, vault, url, size);
    say(`${size} connections, none due`);
    contenders.push({ size, url, vault, sweeps: [], pings: [] });
  }
  for (let round = 0; round <= rounds; round++)
    for (const { vault, sweeps, pings } of contenders) {
      const { taken } = await tell(vault, 'idle', { times: TIMES });
      const floor = await tell(vault, 'ping', { times: TIMES });
      // The first round warms every process up and is not counted.
      if (round === 0) continue;
      sweeps.push(medianOf(taken));
      pings.push(medianOf(floor));
    }
  const rows = [];
  for (const { size, url, vault, sweeps, pings } of contenders) {
    const { statements } = await tell(vault, 'idle', { times: 1 });
    const { buffers, milliseconds, indexes, scanned } = await claimPlan(url);
    const [took, ping] = [medianOf(sweeps), medianOf(pings)];
    rows.push([
      `${size} connections`,
      String(statements),
      `${took.toFixed(2)} ms`,
      `${(took / ping).toFixed(1)} ×`,
      String(buffers),
      `${milliseconds.toFixed(2)} ms`,
      [...indexes, ...scanned.map((name) => `all of ${name}`)].join(', '),
    ]);
  }
  const [few, many] = rows;
  const more = Number(many[4]) - Number(few[4]);
  many[4] += ` (${more < 0 ? '' : '+'}${more}; target: index depth alone)`;
  return [HEADING, ...rows];
}

async function claimPlan(url) {
  const explainer = await openExplainer(url);
  try {
    const values = [['up'], [64], 'bench', 45_000, []];
    // The first run after a connect reads the catalogues.
    await explainer.explain(CLAIM_DUE, values);
    return await explainer.explain(CLAIM_DUE, values);
  } finally {
    await explainer.close();
  }
}
