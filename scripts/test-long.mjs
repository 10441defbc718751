/**
 * `npm run test:long`: what takes too long for `npm test`. The vault's processes are killed a thousand times, Postgres is
 * away for minutes, and short-lived tokens are watched for ten minutes under two servers and a worker from dist/. It
 * continues where it was stopped.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildIfNeeded } from './build.mjs';
import { cacheFolder, fail, requireInstalled } from './checkout.mjs';

const HELP = `npm run test:long -- [options]

  --rounds=1000          how many processes are killed, and how often a crowd wants one token
  --processes=4          how many there are at a time
  --outage-seconds=60    how long Postgres is away, with leases of 0.6 s
  --minutes=10           how long tokens are watched
  --connections=2000     how many of them, of 60 s each
  --only=PART            kills, crowds, outages or freshness alone
  --fresh                begin anew; without it a run continues where the last one was stopped
`;

const stateFile = join(cacheFolder, 'test-long.json');

function optionsOf(args) {
  const text = (initial) => ({ type: 'string', default: initial });
  const { values } = parseArgs({
    args,
    options: {
      rounds: text('1000'),
      processes: text('4'),
      'outage-seconds': text('60'),
      minutes: text('10'),
      connections: text('2000'),
      only: { type: 'string' },
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const number = (name) => {
    const value = Number(values[name]);
    if (!(value > 0)) fail(`--${name} must be a number above 0`);
    return value;
  };
  if (values.only !== undefined && !['kills', 'crowds', 'outages', 'freshness'].includes(values.only)) {
    fail('--only must be kills, crowds, outages or freshness');
  }
  return {
    rounds: number('rounds'),
    processes: number('processes'),
    outageSeconds: number('outage-seconds'),
    minutes: number('minutes'),
    connections: number('connections'),
    only: values.only,
    fresh: values.fresh,
    help: values.help,
  };
}

/** What runs before have done of the same; a state of other numbers is none. */
function readState(options) {
  const numbers = JSON.stringify({ ...options, fresh: undefined, only: undefined });
  const empty = { numbers, kills: undefined, crowds: undefined, outages: undefined, freshness: undefined };
  if (options.fresh || !existsSync(stateFile)) return empty;
  const state = JSON.parse(readFileSync(stateFile, 'utf8'));
  return state.numbers === numbers ? state : empty;
}

let options;
try {
  options = optionsOf(process.argv.slice(2));
} catch (error) {
  fail(`${error.message}\n\n${HELP}`);
}
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
requireInstalled();
mkdirSync(cacheFolder, { recursive: true });
const state = readState(options);
const keep = (more) => writeFileSync(stateFile, JSON.stringify(Object.assign(state, more)));
const wanted = (part) => options.only === undefined || options.only === part;

await import('../test/faults/vault-process/typescript.mjs');
const { longKills, killsPassed, NO_KILLS } = await import('../test/faults/vault-long/kills.ts');
const { longCrowds } = await import('../test/faults/vault-long/crowds.ts');
const { longOutages } = await import('../test/faults/vault-long/outages.ts');
const { longFreshness } = await import('../test/faults/vault-long/freshness.ts');
const { startPostgres } = await import('../test/harness/postgres.ts');
const { startRedis } = await import('../test/harness/redis-server.ts');

if (wanted('freshness') && !state.freshness?.passed) {
  // What it lacks is to be said now, not after an hour of kills.
  await buildIfNeeded();
  await (await startRedis()).stop();
}
const failed = [];
if (wanted('kills')) {
  if (state.kills !== undefined) process.stdout.write(`continuing after ${state.kills.rounds} kill rounds\n`);
  const totals = await longKills(options, state.kills ?? NO_KILLS, (kills) => keep({ kills }));
  if (!killsPassed(totals)) failed.push('kills');
}
if (wanted('crowds')) {
  if (state.crowds) process.stdout.write('the crowds were done before\n');
  else keep({ crowds: await longCrowds(options.rounds) });
  if (!state.crowds) failed.push('crowds');
}
if (wanted('outages')) {
  if (state.outages) process.stdout.write('the outages were done before\n');
  else keep({ outages: await longOutages(options.outageSeconds) });
  if (!state.outages) failed.push('outages');
}
if (wanted('freshness')) {
  if (state.freshness?.passed) process.stdout.write(`${state.freshness.line}\n`);
  else keep({ freshness: await longFreshness(options) });
  if (!state.freshness.passed) failed.push('freshness');
}
await (await startPostgres()).stop();
// What is done and well is done; the next run is a new one. Kills that lost something are shown until --fresh, the other
// parts are tried again.
const done = [
  state.kills !== undefined && state.kills.rounds >= options.rounds && killsPassed(state.kills),
  state.crowds,
  state.outages,
  state.freshness?.passed,
].every(Boolean);
if (done) rmSync(stateFile, { force: true });
process.stdout.write(failed.length === 0 ? 'test:long passed\n' : `test:long FAILED: ${failed.join(', ')}\n`);
process.exit(failed.length === 0 ? 0 : 1);
