/**
 * npm run bench: what a request costs the server, as a ratio to a floor and to a peer measured in the same run.
 *
 * Absolute times depend on the machine and on who else uses it; server CPU per request and the ratios do not, much.
 * Runs are interleaved, the median of the rounds is printed, every answer is checked. Needs redis-server on the PATH.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { APPLICATION } from './application-logins.mjs';
import { contenders } from './contenders.mjs';
import { measure, median } from './load.mjs';
import { LOAD_CORE, pin, pinned, residentMiB } from './processes.mjs';
import { Stage, table } from './stage.mjs';

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 32);
const MILLISECONDS = Number(process.env.BENCH_MILLISECONDS ?? 4000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
/** Comma-separated; all unless told. */
const PATHS = process.env.BENCH_PATHS?.split(',');

const stage = new Stage();
const say = (line) => console.log(line);

async function startServers(redisSocket, databaseUrl) {
  const config = path.join(stage.folder, 'bench.yaml');
  // Limits stay on, only out of reach: their round trip is part of what a request costs.
  const rateLimits = { interactive: 10_000_000, token: 10_000_000, bad_tokens: 10_000_000 };
  writeFileSync(config, JSON.stringify({ rate_limits: rateLimits, applications: [APPLICATION] }));
  const floor = await stage.startServer(
    'test/bench/floor.mjs',
    () => ({ REDIS_SOCKET: redisSocket, DATABASE_URL: databaseUrl }),
    '/raw',
  );
  const gatehouse = await stage.startServer(
    'dist/apps/server/apps/server/src/main.js',
    (port) => ({
      HOST: '127.0.0.1',
      PUBLIC_URL: `http://localhost:${port}`,
      DATABASE_URL: databaseUrl,
      REDIS_URL: `unix://${redisSocket}`,
      GATEHOUSE_DATA_DIR: stage.folder,
      GATEHOUSE_CONFIG: config,
      TEST_IDP_PORT: 'off',
    }),
    '/health/ready',
  );
  const peer = await stage.startServer(
    'test/bench/peer.mjs',
    () => ({ REDIS_SOCKET: redisSocket }),
    '/.well-known/openid-configuration',
  );
  return { floor, gatehouse, peer };
}

const HEADING = ['path', 'who', 'requests/s', 'CPU/request', 'p99', 'ratio by CPU', 'target'];
const cells = (row) => [
  row.path,
  row.who,
  Math.round(row.perSecond).toString(),
  `${row.cpuMicros.toFixed(0)} µs`,
  `${row.p99.toFixed(1)} ms`,
  row.ratio ?? '',
  row.target ?? '',
];

try {
  say(
    `starting; ${CONNECTIONS} connections, ${ROUNDS} rounds of ${MILLISECONDS} ms, ${pinned ? 'server on a core of its own' : 'not pinned'}`,
  );
  pin(process.pid, LOAD_CORE);
  const redisSocket = await stage.startRedis();
  const databaseUrl = await stage.startPostgres();
  const servers = await startServers(redisSocket, databaseUrl);
  say(`idle memory of the server: ${residentMiB(servers.gatehouse.pid).toFixed(0)} MiB RSS`);
  const plans = (await contenders(servers, CONNECTIONS)).filter(({ path }) => PATHS?.includes(path) ?? true);
  const runs = new Map(plans.map((plan) => [plan, []]));
  for (let round = 0; round <= ROUNDS; round++)
    for (const plan of plans) {
      // The first round warms every process up and is not counted.
      const milliseconds = round === 0 ? (plan.warmUp ?? Math.min(1500, MILLISECONDS)) : MILLISECONDS;
      const measured = await measure({ ...plan, milliseconds });
      if (round > 0) runs.get(plan).push(measured);
      say(
        `${round === 0 ? 'warm-up' : `round ${round}`}: ${plan.path} ${plan.who} ${measured.cpuMicros.toFixed(0)} µs`,
      );
    }
  const results = plans.map((plan) => {
    const { path: name, who, target } = plan;
    return { path: name, who, target, ...median(runs.get(plan)) };
  });
  for (const path of new Set(results.map((row) => row.path))) {
    const of = (who) => results.find((row) => row.path === path && row.who === who);
    const ours = of('gatehouse');
    ours.ratio = `${(of('floor').cpuMicros / ours.cpuMicros).toFixed(2)} of the floor`;
    of('oidc-provider').ratio = `${(of('oidc-provider').cpuMicros / ours.cpuMicros).toFixed(1)} × ours`;
  }
  say(`\n${table([HEADING, ...results.map(cells)])}`);
  say(`\nmemory of the server after load: ${residentMiB(servers.gatehouse.pid).toFixed(0)} MiB RSS`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await stage.close();
}
process.exit();
