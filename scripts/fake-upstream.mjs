#!/usr/bin/env node
/** `npm run fake-upstream`: an authorization server that lies on demand, for trying out how a vault stands it. */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { FakeUpstream } from '../test/faults/fake-upstream/fake-upstream.mjs';
import { BadRequest, SETTINGS, settingsFromOptions, settingsHelp } from '../test/faults/fake-upstream/settings.mjs';

const text = { type: 'string' };
const flag = { type: 'boolean' };
const names = Object.keys(SETTINGS).map((name) => name.replaceAll('_', '-'));
const booleans = Object.entries(SETTINGS)
  .filter(([, { initial }]) => typeof initial === 'boolean')
  .map(([name]) => name.replaceAll('_', '-'));

const HELP = `npm run fake-upstream -- [options]

An OAuth 2.0 authorization server for tests: it rotates refresh tokens, lies on demand, keeps a ledger.

  --port                port, 0 for any free one (default 9400)
  --host                address (default 127.0.0.1; it consents to everybody, so keep it on loopback)
  --seed                the same text brings the same tokens and the same dice (default random, printed)
  --verbose             a line for each request
  --help

Settings, which POST /__control/settings changes too:
${settingsHelp()}

docs/fake-upstream.md tells the rest.
`;

function fail(message) {
  process.stderr.write(`${message}\nnpm run fake-upstream -- --help says what there is.\n`);
  process.exit(1);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      // --family-revocation alone means true: Node's parser knows no option with an optional value.
      args: process.argv.slice(2).map((arg, index, all) => {
        if (booleans.some((name) => arg === `--no-${name}`)) return `--${arg.slice('--no-'.length)}=false`;
        const alone = all[index + 1]?.startsWith('--') ?? true;
        return alone && booleans.some((name) => arg === `--${name}`) ? `${arg}=true` : arg;
      }),
      options: {
        ...Object.fromEntries(names.map((name) => [name, text])),
        latency: text,
        port: text,
        host: text,
        seed: text,
        verbose: flag,
        help: flag,
      },
    });
    const settings = settingsFromOptions({ 'latency-ms': values.latency, ...values });
    const port = Number(values.port ?? 9400);
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new BadRequest('port must be from 0 to 65535');
    return { ...values, settings, port };
  } catch (error) {
    return fail(error.message);
  }
}

const options = readOptions();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const { host = '127.0.0.1', port, settings, seed = randomBytes(6).toString('hex') } = options;
const log = options.verbose ? (line) => process.stdout.write(`${line}\n`) : undefined;
const upstream = new FakeUpstream({ seed, settings, log });

async function end() {
  await upstream.close().catch(() => undefined);
  process.exit(0);
}
process.on('SIGTERM', end);
process.on('SIGINT', end);

try {
  await upstream.listen(port, host);
} catch (error) {
  fail(error.code === 'EADDRINUSE' ? `port ${port} is taken: give another --port` : error.message);
}
process.stdout.write(`fake upstream at ${upstream.url} (seed ${seed}), control at ${upstream.url}/__control/stats\n`);

// Started with an IPC channel by a harness: it learns the address, may make an outage, and takes us along when it ends.
if (process.send !== undefined) {
  process.on('disconnect', end);
  process.on('message', async (wish) => {
    if (wish === 'close') await upstream.close();
    if (wish === 'reopen') await upstream.reopen();
    process.send({ done: wish });
  });
  process.send({ url: upstream.url });
}
