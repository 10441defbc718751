/** Row 1: due connections refreshed per second by one process, beside the floor and the sequential sweep. */
import { cpuSeconds } from '../processes.mjs';
import { tell } from './commands.mjs';
import { makeDue, medianOf, sql } from './world.mjs';

const TARGET = 0.6;
const HEADING = [
  'refresh of what is due',
  'who',
  'refreshes/s',
  'CPU each',
  'Postgres each',
  'rate',
  'CPU',
  'Postgres',
];

/**
 * @param {{ latencies: number[], count: number, rounds: number, sequentialMs: number }} knobs milliseconds; an odd
 *   number of rounds
 * @returns {Promise<string[][]>} a table
 */
export async function refreshRows(world, { latencies, count, rounds, sequentialMs }, say) {
  const url = await world.database('bench_refresh');
  const vault = await world.vault(url);
  const { url: issuer } = world.upstream;
  const [floor, sequential] = [await world.floor(url), await world.sequential(url)];
  await tell(vault, 'import', { issuer, count });
  await tell(floor, 'import', { count });
  await tell(sequential, 'import', { count });
  const contenders = [
    { who: 'floor', process: floor, wish: { count } },
    { who: 'gatehouse', process: vault, prepare: () => makeDue(url, count), checked: () => checkVault(url, count) },
    { who: 'sequential sweep', process: sequential, wish: { count, milliseconds: sequentialMs }, bounded: true },
  ];
  const runs = new Map(latencies.flatMap((latency) => contenders.map(({ who }) => [`${latency} ${who}`, []])));
  for (let round = 0; round <= rounds; round++)
    for (const latency of latencies)
      for (const contender of contenders) {
        await world.upstream.latency(latency);
        const run = await measured(world, contender, count);
        // The first round warms every process up and is not counted.
        if (round > 0) runs.get(`${latency} ${contender.who}`).push(run);
        say(
          `${round === 0 ? 'warm-up' : `round ${round}`}: ${latency} ms, ${contender.who}: ` +
            `${run.perSecond.toFixed(0)}/s, ${run.cpu.toFixed(0)} µs, Postgres ${run.postgres.toFixed(0)} µs`,
        );
      }
  await world.upstream.latency(0);
  const medians = (latency, who) => {
    const of = runs.get(`${latency} ${who}`);
    return Object.fromEntries(
      ['perSecond', 'cpu', 'postgres'].map((figure) => [figure, medianOf(of.map((run) => run[figure]))]),
    );
  };
  return [HEADING, ...latencies.flatMap((latency) => rowsOf(latency, (who) => medians(latency, who)))];
}

function rowsOf(latency, medians) {
  const [floor, ours, sequential] = ['floor', 'gatehouse', 'sequential sweep'].map(medians);
  const cells = (who, run) => [
    `upstream takes ${latency} ms`,
    who,
    run.perSecond.toFixed(run.perSecond < 10 ? 1 : 0),
    `${run.cpu.toFixed(0)} µs`,
    `${run.postgres.toFixed(0)} µs`,
  ];
  const ratio = ours.perSecond / floor.perSecond;
  return [
    [...cells('floor', floor), '', '', ''],
    [
      ...cells('gatehouse', ours),
      `${ratio.toFixed(2)} of the floor (target ≥ ${TARGET.toFixed(2)})`,
      `${(ours.cpu / floor.cpu).toFixed(2)} × the floor`,
      `${(ours.postgres / floor.postgres).toFixed(2)} × the floor`,
    ],
    [
      ...cells('sequential sweep', sequential),
      `gatehouse is ${(ours.perSecond / sequential.perSecond).toFixed(1)} × as fast`,
      `${(sequential.cpu / ours.cpu).toFixed(1)} × ours`,
      `${(sequential.postgres / ours.postgres).toFixed(1)} × ours`,
    ],
  ];
}

async function measured(world, { process, wish = {}, prepare, checked, bounded = false }, count) {
  await prepare?.();
  const before = await world.upstream.stats();
  const [cpu, postgres] = [cpuSeconds(process.pid), world.postgresCpu()];
  const report = await tell(process, 'sweep', wish);
  const spent = [cpuSeconds(process.pid) - cpu, world.postgresCpu() - postgres];
  const expected = bounded ? report.refreshed : count;
  await world.upstream.audit(before, expected);
  if (report.refreshed !== expected || report.failed !== 0 || expected === 0) throw new Error(JSON.stringify(report));
  await checked?.();
  const [ownMicros, postgresMicros] = spent.map((seconds) => (seconds / expected) * 1e6);
  return { perSecond: (expected / report.milliseconds) * 1000, cpu: ownMicros, postgres: postgresMicros };
}

/** Nothing is due any more, nothing is claimed, and every refresh of the run is in the journal. */
async function checkVault(url, count) {
  const [found] = await sql(url, [
    `SELECT count(*) FILTER (WHERE next_refresh_at <= now())::int AS due, sum(generation - 1)::int AS moved,
            count(*) FILTER (WHERE lease_owner IS NOT NULL OR intent_epoch IS NOT NULL OR status <> 'active')::int AS open,
            (SELECT count(*) FILTER (WHERE outcome = 'refreshed')::int FROM refresh_attempts) AS journal
     FROM connections`,
  ]);
  const { due, open, moved, journal } = found;
  if (due !== 0 || open !== 0 || moved !== journal || moved % count !== 0)
    throw new Error(`the vault's rows are not as they should be after ${count}: ${JSON.stringify(found)}`);
}
