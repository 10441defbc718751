/**
 * npm run bench: what a request costs the server, as a ratio to a floor and to a peer measured in the same run.
 *
 * Absolute times depend on the machine and on who else uses it; server CPU per request and the ratios do not, much.
 * Runs are interleaved, the median of the rounds is printed, every answer is checked. Needs redis-server on the PATH.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { EmbeddedPostgres } from '../../dist/apps/server/libs/database/src/embedded/embedded-postgres.js';
import { contenders } from './contenders.mjs';
import { measure, median } from './load.mjs';
import { LOAD_CORE, freePort, pin, pinned, residentMiB, startPinned } from './processes.mjs';

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 32);
const MILLISECONDS = Number(process.env.BENCH_MILLISECONDS ?? 4000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
/** Comma-separated; all unless told. */
const PATHS = process.env.BENCH_PATHS?.split(',');

const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-bench-'));
const cleanUp = [() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })];
const say = (line) => console.log(line);

async function startRedis() {
  const socket = path.join(folder, 'redis.sock');
  const child = spawn(
    process.env.REDIS_SERVER ?? 'redis-server',
    ['--port', '0', '--unixsocket', socket, '--dir', folder, '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'],
    { stdio: 'ignore' },
  );
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  pin(child.pid, LOAD_CORE);
  cleanUp.push(() => new Promise((resolve) => child.once('exit', resolve) && child.kill('SIGTERM')));
  return socket;
}

async function startPostgres() {
  const postgres = new EmbeddedPostgres({
    dir: path.join(folder, 'postgres'),
    log: { log: () => {}, warn: () => {} },
  });
  const url = await postgres.start();
  cleanUp.push(() => postgres.stop());
  return url;
}

async function startServers(redisSocket, databaseUrl) {
  const answers = (url) => async () => (await fetch(url)).status < 500;
  const start = async (script, env, probe) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const process = await startPinned(script, { PORT: String(port), ...env(port) }, answers(`${url}${probe}`));
    cleanUp.push(() => process.stop());
    return { url, pid: process.pid, port };
  };
  const config = path.join(folder, 'bench.yaml');
  // Limits stay on, only out of reach: their round trip is part of what a request costs.
  writeFileSync(config, 'rate_limits: { interactive: 10000000, token: 10000000, bad_tokens: 10000000 }\n');
  const floor = await start(
    'test/bench/floor.mjs',
    () => ({ REDIS_SOCKET: redisSocket, DATABASE_URL: databaseUrl }),
    '/raw',
  );
  const gatehouse = await start(
    'dist/apps/server/apps/server/src/main.js',
    (port) => ({
      HOST: '127.0.0.1',
      PUBLIC_URL: `http://localhost:${port}`,
      DATABASE_URL: databaseUrl,
      REDIS_URL: `unix://${redisSocket}`,
      GATEHOUSE_DATA_DIR: folder,
      GATEHOUSE_CONFIG: config,
      TEST_IDP_PORT: 'off',
    }),
    '/health/ready',
  );
  const peer = await start(
    'test/bench/peer.mjs',
    () => ({ REDIS_SOCKET: redisSocket }),
    '/.well-known/openid-configuration',
  );
  return { floor, gatehouse, peer };
}

function table(rows) {
  const cells = (row) => [
    row.path,
    row.who,
    Math.round(row.perSecond).toString(),
    `${row.cpuMicros.toFixed(0)} µs`,
    `${row.p99.toFixed(1)} ms`,
    row.ratio ?? '',
    row.target ?? '',
  ];
  const lines = [['path', 'who', 'requests/s', 'CPU/request', 'p99', 'ratio by CPU', 'target'], ...rows.map(cells)];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column])).join('  ')).join('\n');
}

try {
  say(
    `starting; ${CONNECTIONS} connections, ${ROUNDS} rounds of ${MILLISECONDS} ms, ${pinned ? 'server on a core of its own' : 'not pinned'}`,
  );
  pin(process.pid, LOAD_CORE);
  const redisSocket = await startRedis();
  const databaseUrl = await startPostgres();
  const servers = await startServers(redisSocket, databaseUrl);
  say(`idle memory of the server: ${residentMiB(servers.gatehouse.pid).toFixed(0)} MiB RSS`);
  const plans = (await contenders(servers, CONNECTIONS)).filter(({ path }) => PATHS?.includes(path) ?? true);
  const runs = new Map(plans.map((plan) => [plan, []]));
  for (let round = 0; round <= ROUNDS; round++)
    for (const plan of plans) {
      // The first round warms every process up and is not counted.
      const milliseconds = round === 0 ? Math.min(1500, MILLISECONDS) : MILLISECONDS;
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
  say(`\n${table(results)}`);
  say(`\nmemory of the server after load: ${residentMiB(servers.gatehouse.pid).toFixed(0)} MiB RSS`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  for (const step of cleanUp.toReversed()) await step();
}
process.exit();
