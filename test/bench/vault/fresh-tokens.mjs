/** Row 3: a token that is fresh, asked of the running server by HTTP, beside one SELECT and one AES open behind HTTP. */
import { measure, median } from '../load.mjs';
import { tell } from './commands.mjs';

const CONNECTIONS = 32;
const KEPT = 1000;
const JSON_HEADERS = { 'content-type': 'application/json' };
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const HEADING = ['fresh token', 'who', 'requests/s', 'CPU/request', 'p50', 'p99', 'CPU', 'p99 against'];

/**
 * @param {{ milliseconds: number, rounds: number }} knobs
 * @returns {Promise<string[][]>} a table
 */
export async function freshTokenRows(world, { milliseconds, rounds }, say) {
  const url = await world.database('bench_tokens');
  const [vault, floor] = [await world.vault(url), await world.floor(url)];
  const server = await world.server(url);
  const ids = await tell(vault, 'import', { issuer: world.upstream.url, count: KEPT });
  await tell(floor, 'import', { count: KEPT });
  const headers = { ...JSON_HEADERS, 'x-api-key': await apiKeyOf(server.url) };
  const callers = (request) =>
    Array.from({ length: CONNECTIONS }, (_, caller) => {
      let asked = caller;
      return { next: () => request((asked += CONNECTIONS) % KEPT) };
    });
  const check = (status, body) => status === 200 && body.includes('"access_token"');
  const plans = [
    { who: 'floor', ...floor, callers: callers((n) => ({ method: 'GET', path: `/${n}` })) },
    {
      who: 'gatehouse',
      ...server,
      callers: callers((n) => ({ path: `/api/v1/connections/${ids[n]}/token`, headers, body: '{}' })),
    },
  ].map((plan) => ({ ...plan, check, runs: [] }));
  for (let round = 0; round <= rounds; round++)
    for (const plan of plans) {
      // The first round warms every process up and is not counted.
      const run = await measure({ ...plan, milliseconds: round === 0 ? Math.min(2000, milliseconds) : milliseconds });
      if (round > 0) plan.runs.push(run);
      say(`${round === 0 ? 'warm-up' : `round ${round}`}: fresh token, ${plan.who} ${run.cpuMicros.toFixed(0)} µs`);
    }
  const [bare, ours] = plans.map((plan) => median(plan.runs));
  const cells = (who, run) => [
    `${CONNECTIONS} callers`,
    who,
    run.perSecond.toFixed(0),
    `${run.cpuMicros.toFixed(0)} µs`,
    `${run.p50.toFixed(1)} ms`,
    `${run.p99.toFixed(1)} ms`,
  ];
  return [
    HEADING,
    [...cells('floor', bare), '', ''],
    [
      ...cells('gatehouse', ours),
      `${(ours.cpuMicros / bare.cpuMicros).toFixed(1)} × the floor`,
      `${(ours.p99 / bare.p99).toFixed(1)} × the floor`,
    ],
  ];
}

/** An API key of the default organization that may read tokens, made by its owner. */
async function apiKeyOf(url) {
  const query = `idp=test&scope=openid%20email&code_challenge=${CHALLENGE}&login_hint=boss`;
  const { access_token } = await answered(`${url}/oauth2/authorize?${query}`, {
    headers: { accept: 'application/json' },
  });
  const { key } = await answered(`${url}/api/v1/api-keys`, {
    method: 'POST',
    headers: { ...JSON_HEADERS, authorization: `Bearer ${access_token}` },
    body: JSON.stringify({ name: 'bench', permissions: ['read_connection_tokens'] }),
  });
  return key;
}

async function answered(url, init) {
  const answer = await fetch(url, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status} ${text}`);
  return JSON.parse(text);
}
