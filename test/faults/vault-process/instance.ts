/**
 * One instance of the vault as a process of its own: the modules that a server or a worker has of it, and traps at the
 * fail points. Everything comes from its parent; it ends with it.
 */
import 'reflect-metadata';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ConsoleLogger, Global, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { ConfigModule, loadConfig } from '@app/config';
import { Database, DatabaseModule, DEFAULT_ORGANIZATION } from '@app/database';
import { KeysModule } from '@app/keys';
import { TransientStoreModule } from '@app/transient-store';
import { AT_FAIL_POINT, Sweeper, Vault, VaultModule, type FailPoint, type Freshness } from '@app/vault';
import { Flights } from '../../../libs/vault/src/flights.js';
import { VAULT_SETTINGS } from '../../../libs/vault/src/vault-settings.js';
import type { CallMessage, Trap, VaultCalls, VaultMessage, VaultProcessOptions } from './messages.js';

const ORGANIZATION = DEFAULT_ORGANIZATION.id;
const MASTER_KEY = `k1:${Buffer.alloc(32, 7).toString('base64url')}`;
const CONTEXT = { requestId: 'crash', remoteAddress: '127.0.0.1' };
const CONNECT_AT_ONCE = 100;

/** No Redis, here and everywhere in these tests: the vault needs none. */
@Global()
@Module({
  imports: [TransientStoreModule.forRoot(), KeysModule.forRoot()],
  exports: [TransientStoreModule, KeysModule],
})
class Foundation {}

const options = JSON.parse(process.argv[2] ?? '{}') as VaultProcessOptions;
const say = (message: VaultMessage) => process.send?.(message);
process.once('disconnect', () => process.exit(1));

let trap: Trap | undefined;
let skip = 0;
const trace = openSync(join(options.dataDir, `trace-${process.pid}.log`), 'a');

/** Written before the trap closes, and at once, so that its parent knows what this life had come to. */
function atFailPoint(point: FailPoint, connectionId: string): void {
  writeSync(trace, `${point} ${connectionId}\n`);
  if (trap?.point !== point || (trap.connectionId ?? connectionId) !== connectionId) return;
  if (skip > 0) {
    skip -= 1;
    return;
  }
  const { signal } = trap;
  trap = undefined;
  process.kill(process.pid, signal);
}

const config = loadConfig(
  {
    GATEHOUSE_CONFIG: 'vault.yaml',
    DATABASE_URL: options.databaseUrl,
    GATEHOUSE_DATA_DIR: options.dataDir,
    GATEHOUSE_MASTER_KEYS: MASTER_KEY,
    TEST_IDP_PORT: 'off',
  },
  () => options.yaml,
);
const module = await Test.createTestingModule({
  imports: [
    ConfigModule.forConfig(config),
    DatabaseModule.forRoot(),
    ScheduleModule.forRoot(),
    Foundation,
    VaultModule,
  ],
})
  .setLogger(new ConsoleLogger({ logLevels: ['fatal', 'error', 'warn', 'log'], colors: false }))
  .overrideProvider(VAULT_SETTINGS)
  .useValue({ ...config.vault, spoolDir: join(options.dataDir, 'spool'), schedule: false, ...options.settings })
  .overrideProvider(AT_FAIL_POINT)
  .useValue(atFailPoint)
  .compile();
const database = module.get(Database);
await database.query(
  `INSERT INTO providers (id, organization_id) SELECT unnest($1::text[]), $2 ON CONFLICT DO NOTHING`,
  [config.providers.map(({ id }) => id), ORGANIZATION],
);
await module.init();
const vault = module.get(Vault);
const flights = module.get(Flights);

let mostFlights = 0;
const watching = setInterval(() => (mostFlights = Math.max(mostFlights, flights.size)), 5).unref();
const quiet = new AbortController();
for (let caller = 0; caller < (options.callers ?? 0); caller += 1) void ask();

/** Somebody who needs tokens: of any connection, and now and then one that did not exist before. */
async function ask(): Promise<void> {
  let known: string[] = [];
  for (let asked = 0; !quiet.signal.aborted; asked += 1) {
    try {
      if (asked % 20 === 0) known = await alive();
      const id = known[Math.floor(Math.random() * known.length)];
      if (id !== undefined) await askFor(id, Math.random() < 0.7 ? 'new_generation' : 'fresh_enough');
    } catch {
      // The database is away; so it is for everybody.
    }
    await pause(10 + Math.random() * 30);
  }
}

async function askFor(id: string, freshness: Freshness): Promise<void> {
  const delivery = await vault.token(ORGANIZATION, id, { freshness, minTtlMs: undefined });
  if (delivery.kind === 'token') say({ told: id, generation: delivery.token.generation });
}

async function alive(): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `SELECT id FROM connections WHERE status IN ('active', 'backing_off')`,
  );
  return rows.map(({ id }) => id);
}

const calls: VaultCalls = {
  connect: async (providerId, tokens) => {
    const input = { organizationId: ORGANIZATION, providerId, userId: undefined, label: undefined, subject: undefined };
    const ids: string[] = [];
    for (let from = 0; from < tokens.length; from += CONNECT_AT_ONCE) {
      const made = tokens
        .slice(from, from + CONNECT_AT_ONCE)
        .map((set) => vault.create({ ...input, origin: 'import', tokens: set, actor: 'user:crash' }, CONTEXT));
      ids.push(...(await Promise.all(made)).map(({ id }) => id));
    }
    return ids;
  },
  token: (id, freshness) => vault.token(ORGANIZATION, id, { freshness, minTtlMs: undefined }),
  sweep: () => module.get(Sweeper).sweep(),
  trap: (wanted) => {
    trap = wanted;
    skip = wanted.skip ?? 0;
  },
  observe: () => ({ flights: flights.size, mostFlights, rssBytes: process.memoryUsage.rss() }),
};

async function serve({ number, name, parameters }: CallMessage): Promise<void> {
  try {
    const call = calls[name] as (...given: readonly unknown[]) => unknown;
    say({ number, answer: await call(...parameters) });
  } catch (error) {
    say({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

process.on('message', (message) => void serve(message as CallMessage));
process.once('SIGTERM', () => {
  quiet.abort();
  clearInterval(watching);
  void module.close().then(() => process.exit(0));
});
say({ ready: `${process.pid}` });
