/**
 * node test/bench/vault/main.mjs: what keeping upstream tokens fresh costs, as ratios to floors of the same run.
 *
 *   BENCH_ROWS          comma-separated: refresh, idle, plans, token, waiters, herd; all unless told. `profile` on demand.
 *   BENCH_ROUNDS        counted rounds of each comparison, odd (3); one more warms up
 *   BENCH_REFRESHES     connections due in each run of `refresh` and `profile` (5000)
 *   BENCH_LATENCIES     milliseconds that the upstream takes in `refresh` (0,50,500)
 *   BENCH_CONCURRENCY   refreshes under way at once, of the vault and of the floor (256)
 *   BENCH_SEQUENTIAL_MS how long the sequential sweep is let run (3000)
 *   BENCH_IDLE_ROWS     connections of the two idle sweeps (1000,1000000)
 *   BENCH_PLAN_ROWS     connections under the four plans (100000)
 *   BENCH_WAITERS       callers of one refresh (1000)
 *   BENCH_HERD          connections due at once (100000)
 *   BENCH_MILLISECONDS  of a measured run of `token` (4000)
 *
 * The process under test has a core for itself where there are two; upstream, stores and load share the other. Needs
 * redis-server on the PATH.
 */
import { LOAD_CORE, pin, pinned } from '../processes.mjs';
import { Stage, table } from '../stage.mjs';
import { freshTokenRows } from './fresh-tokens.mjs';
import { herdRows } from './herd.mjs';
import { idleRows } from './idle.mjs';
import { planRows } from './plans.mjs';
import { profileRows } from './profile.mjs';
import { refreshRows } from './refreshes.mjs';
import { waiterRows } from './waiters.mjs';
import { World } from './world.mjs';

const number = (name, initial) => Number(process.env[name] ?? initial);
const numbers = (name, initial) => (process.env[name] ?? initial).split(',').map(Number);
const rounds = number('BENCH_ROUNDS', 3);
const count = number('BENCH_REFRESHES', 5000);
const wanted = process.env.BENCH_ROWS?.split(',') ?? ['refresh', 'idle', 'plans', 'token', 'waiters', 'herd'];
if (rounds % 2 === 0) throw new Error('BENCH_ROUNDS must be odd: the median is printed');

const ROWS = {
  refresh: (world) =>
    refreshRows(
      world,
      {
        latencies: numbers('BENCH_LATENCIES', '0,50,500'),
        count,
        rounds,
        sequentialMs: number('BENCH_SEQUENTIAL_MS', 3000),
      },
      say,
    ),
  idle: (world) => idleRows(world, { sizes: numbers('BENCH_IDLE_ROWS', '1000,1000000'), rounds }, say),
  plans: (world) => planRows(world, number('BENCH_PLAN_ROWS', 100_000)),
  token: (world) => freshTokenRows(world, { milliseconds: number('BENCH_MILLISECONDS', 4000), rounds }, say),
  waiters: (world) => waiterRows(world, { waiters: number('BENCH_WAITERS', 1000), rounds }),
  herd: (world) => herdRows(world, number('BENCH_HERD', 100_000), say),
  profile: (world) => profileRows(world, count),
};

const stage = new Stage();
function say(line) {
  console.log(line);
}
let world;
try {
  const concurrency = number('BENCH_CONCURRENCY', 256);
  say(`starting; ${concurrency} at once, ${rounds} rounds, ${pinned ? 'server on a core of its own' : 'not pinned'}`);
  pin(process.pid, LOAD_CORE);
  world = await World.open(stage, concurrency);
  for (const name of wanted) say(`\n${table(await ROWS[name](world))}\n`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await world?.close();
  await stage.close();
}
process.exit();
