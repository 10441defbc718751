/**
 * The second half of npm run bench: SAML logins. What one costs the server from the POST at the ACS to the code that the
 * client gets, as a ratio to a floor and to a peer of the same run; and how long introspection takes while logins flood in.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { measure, median } from '../load.mjs';
import { LOAD_CORE, pin, pinned, residentMiB } from '../processes.mjs';
import { Stage, table } from '../stage.mjs';
import { FastIdp } from './idp.mjs';
import { requireJackson } from './jackson.mjs';
import { beginAtGatehouse, beginAtPeer, signForFloor } from './logins.mjs';
import { measureLogins } from './measure.mjs';

const LOGINS = Number(process.env.BENCH_LOGINS ?? 1000);
/** Until then V8 still compiles: a login runs through more code than any other path. */
const WARM_UP = Number(process.env.BENCH_WARM_UP ?? 4000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const CONNECTIONS = 8;
const FLOOD_CONNECTIONS = 4;
const BOTH_CORES = { cores: '0,1' };

const stage = new Stage();
const say = (line) => console.log(line);

/** A Gatehouse with one SAML provider, `bench`, and as many workers of that engine as asked for. */
async function startGatehouse(idp, stores, { verifier, workers }, options) {
  const config = path.join(stage.folder, `${verifier}-${workers}.yaml`);
  writeFileSync(
    config,
    JSON.stringify({
      rate_limits: { interactive: 10_000_000, token: 10_000_000, api: 10_000_000, bad_tokens: 10_000_000 },
      saml: { verifier, workers },
      saml_providers: [{ id: 'bench', metadata_xml: idp.metadata, sign_requests: false }],
    }),
  );
  const server = await stage.startServer(
    'dist/apps/server/apps/server/src/main.js',
    (port) => ({
      HOST: '127.0.0.1',
      PUBLIC_URL: `http://localhost:${port}`,
      DATABASE_URL: stores.databaseUrl,
      REDIS_URL: `unix://${stores.redisSocket}`,
      GATEHOUSE_DATA_DIR: stage.folder,
      GATEHOUSE_CONFIG: config,
      TEST_IDP_PORT: 'off',
    }),
    '/health/ready',
    options,
  );
  return { ...server, publicUrl: `http://localhost:${server.port}` };
}

/** Every contender: how its logins are prepared, and which server takes them. */
async function contenders(idp, stores) {
  const floor = await stage.startServer(
    'test/bench/saml/floor.mjs',
    () => ({
      REDIS_SOCKET: stores.redisSocket,
      DATABASE_URL: stores.databaseUrl,
      IDP_CERTIFICATE: idp.key.certificate,
    }),
    '/raw',
  );
  const ours = async (who, settings, options) => {
    const server = await startGatehouse(idp, stores, settings, options);
    return { who, server, complete: true, begin: (count) => beginAtGatehouse(server, idp, count) };
  };
  const plans = [
    { who: 'floor', server: floor, begin: async (count) => signForFloor(idp, count) },
    await ours('gatehouse, 1 worker', { verifier: 'strict', workers: 1 }),
    await ours('gatehouse, 2 workers on 2 cores', { verifier: 'strict', workers: 2 }, BOTH_CORES),
    await ours('gatehouse, node-saml', { verifier: 'node-saml', workers: 1 }),
  ];
  const jackson = requireJackson();
  if (jackson !== undefined) {
    const env = { JACKSON: jackson, REDIS_URL: stage.redisUrl, IDP_METADATA: idp.metadata };
    const server = await stage.startServer('test/bench/saml/peer.mjs', () => env, '/raw');
    plans.push({ who: 'saml-jackson', server, begin: (count) => beginAtPeer(server, idp, count) });
  }
  return plans;
}

async function accessTokenOf({ url }) {
  const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
  const answer = await fetch(
    `${url}/oauth2/authorize?idp=test&scope=openid&code_challenge=${challenge}&login_hint=bench`,
    {
      headers: { accept: 'application/json' },
    },
  );
  return (await answer.json()).access_token;
}

/** The p99 of introspection in ms, alone and while logins come in as fast as they are taken. */
async function introspectionUnderFlood({ server, begin }) {
  const token = await accessTokenOf(server);
  const request = {
    path: '/oauth2/introspect',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token }).toString(),
  };
  const introspect = (milliseconds) =>
    measure({
      ...server,
      milliseconds,
      callers: Array.from({ length: FLOOD_CONNECTIONS }, () => ({ next: () => request })),
      check: (status, body) => status === 200 && body.includes('"active":true'),
    });
  const logins = await begin(LOGINS);
  await introspect(500);
  const idle = await introspect(3000);
  let flooding = true;
  const flood = measureLogins({ ...server, logins, connections: FLOOD_CONNECTIONS, complete: true }).finally(
    () => (flooding = false),
  );
  const flooded = await introspect(1500);
  if (!flooding) say('the flood ended before the measurement did: raise BENCH_LOGINS');
  await flood;
  return { idle: idle.p99, flooded: flooded.p99 };
}

try {
  say(`starting; ${ROUNDS} rounds of ${LOGINS} logins, ${pinned ? 'server on a core of its own' : 'not pinned'}`);
  pin(process.pid, LOAD_CORE);
  const idp = await FastIdp.create();
  const stores = { redisSocket: await stage.startRedis(), databaseUrl: await stage.startPostgres() };
  const plans = await contenders(idp, stores);
  const runs = new Map(plans.map((plan) => [plan, []]));
  for (let round = 0; round <= ROUNDS; round++)
    for (const plan of plans) {
      // The first round warms every process up and is not counted.
      const logins = await plan.begin(round === 0 ? WARM_UP : LOGINS);
      const { complete } = plan;
      const measured = await measureLogins({ ...plan.server, logins, connections: CONNECTIONS, complete });
      if (round > 0) runs.get(plan).push(measured);
      say(`${round === 0 ? 'warm-up' : `round ${round}`}: ${plan.who} ${measured.cpuMicros.toFixed(0)} µs`);
    }
  const medians = new Map(plans.map((plan) => [plan.who, median(runs.get(plan))]));
  const ours = medians.get('gatehouse, 1 worker').cpuMicros;
  const rows = [...medians].map(([who, { perSecond, cpuMicros, p99 }]) => [
    who,
    Math.round(perSecond).toString(),
    `${cpuMicros.toFixed(0)} µs`,
    `${p99.toFixed(1)} ms`,
    who === 'floor' ? `ours is ${(ours / cpuMicros).toFixed(2)} × (target ≤ 1.5)` : '',
    who === 'saml-jackson' ? `${(cpuMicros / ours).toFixed(1)} × ours (target ≥ 5)` : '',
  ]);
  say(`\n${table([['SAML login', 'logins/s', 'CPU/login', 'p99', 'against the floor', 'against the peer'], ...rows])}`);
  const micros = (plan, kind) =>
    runs
      .get(plan)
      .map((run) => run[kind])
      .toSorted((a, b) => a - b)
      .at(Math.floor(ROUNDS / 2))
      .toFixed(0);
  const byThread = plans.map((plan) => [plan.who, ...['main', 'workers', 'engine'].map((kind) => micros(plan, kind))]);
  say(`\n${table([['CPU/login by thread, in µs', 'event loop', 'SAML workers', 'V8 and libuv'], ...byThread])}`);
  const floods = [];
  for (const plan of plans.filter(({ complete }) => complete)) {
    const { idle, flooded } = await introspectionUnderFlood(plan);
    floods.push([plan.who, `${idle.toFixed(1)} ms`, `${flooded.toFixed(1)} ms`, `${(flooded / idle).toFixed(1)} ×`]);
  }
  say(`\n${table([['introspection during a flood of logins', 'p99 alone', 'p99 flooded', 'ratio'], ...floods])}`);
  for (const { who, server } of plans.filter(({ complete }) => complete))
    say(`memory after load, ${who}: ${residentMiB(server.pid).toFixed(0)} MiB RSS`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await stage.close();
}
process.exit();
