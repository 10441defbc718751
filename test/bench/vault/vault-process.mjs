/** The vault alone, as a server or a worker has it, in a process that does what it is told (commands.mjs). */
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { Session } from 'node:inspector/promises';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';
import { ConfigModule, loadConfigFromProcess } from '../../../dist/apps/server/libs/config/src/index.js';
import { Database, DatabaseModule, DEFAULT_ORGANIZATION } from '../../../dist/apps/server/libs/database/src/index.js';
import { KeysModule } from '../../../dist/apps/server/libs/keys/src/index.js';
import { TransientStoreModule } from '../../../dist/apps/server/libs/transient-store/src/index.js';
import { Sweeper, TokenSeal, Vault, VaultModule } from '../../../dist/apps/server/libs/vault/src/index.js';
import { serveCommands } from './commands.mjs';
import { grants } from './upstream.mjs';

const ORGANIZATION = DEFAULT_ORGANIZATION.id;
const config = loadConfigFromProcess();
class Foundation {}
class VaultAlone {}
const stores = [TransientStoreModule.forRoot(), KeysModule.forRoot()];
const app = await NestFactory.createApplicationContext(
  {
    module: VaultAlone,
    imports: [
      ConfigModule.forConfig(config),
      DatabaseModule.forRoot(),
      { module: Foundation, global: true, imports: stores, exports: [TransientStoreModule, KeysModule] },
      VaultModule,
    ],
  },
  { logger: ['fatal', 'error'] },
);
const [database, sweeper, seal, vault] = [Database, Sweeper, TokenSeal, Vault].map((part) => app.get(part));

const INSERT = `
  INSERT INTO connections (id, organization_id, provider_id, origin, label, scope, token_type, data_key_id, access_token,
    refresh_token, issued_at, expires_at, next_refresh_at)
  SELECT id, $1, $2, 'import', label, 'default', 'Bearer', $3, access, refresh, app_now(), app_now() + interval '1 hour',
         app_now() + interval '25 minutes'
  FROM unnest($4::text[], $5::text[], $6::bytea[], $7::bytea[]) AS c (id, label, access, refresh)`;

/** Connections over new grants, sealed as the product seals, not due; their label is the family. Answers their ids. */
async function importGrants({ issuer, count, providerId = 'up' }) {
  await database.query(`INSERT INTO providers (id, organization_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, [
    providerId,
    ORGANIZATION,
  ]);
  const made = [];
  for await (const sets of grants(issuer, count)) {
    const rows = await Promise.all(
      sets.map(async (set) => {
        const connectionId = `conn_${randomBytes(16).toString('hex')}`;
        const place = { organizationId: ORGANIZATION, connectionId, generation: 1n };
        const tokens = { accessToken: set.access_token, refreshToken: set.refresh_token };
        return { connectionId, family: set.family, ...(await seal.seal(place, tokens)) };
      }),
    );
    const column = (name) => rows.map((row) => row[name]);
    const values = [column('connectionId'), column('family'), column('accessToken'), column('refreshToken')];
    await database.query(INSERT, [ORGANIZATION, providerId, rows[0].dataKeyId, ...values]);
    made.push(...column('connectionId'));
  }
  return made;
}

/** One sweep; milliseconds from its beginning until nothing is under way any more, which is after the last commit. */
async function sweep() {
  const began = performance.now();
  const report = await sweeper.sweep();
  return { ...report, milliseconds: performance.now() - began };
}

/** The statements that `work` sends. */
async function statementsOf(work) {
  const { query } = pg.Client.prototype;
  let statements = 0;
  pg.Client.prototype.query = function (...given) {
    statements += 1;
    return query.apply(this, given);
  };
  try {
    await work();
  } finally {
    pg.Client.prototype.query = query;
  }
  return statements;
}

async function timesOf(times, work) {
  const taken = [];
  for (let n = 0; n < times; n++) {
    const began = performance.now();
    await work();
    taken.push(performance.now() - began);
  }
  return taken;
}

/** The CPU profile of one sweep, as DevTools reads it. */
async function profiledSweep() {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
  const report = await sweep();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return { report, profile };
}

const forced = { freshness: 'new_generation', minTtlMs: undefined };

serveCommands({
  import: importGrants,
  sweep,
  idle: async ({ times }) => ({ statements: await statementsOf(sweep), taken: await timesOf(times, sweep) }),
  ping: ({ times }) => timesOf(times, () => database.queryNamed('bench-ping', 'SELECT 1 AS one')),
  profile: profiledSweep,
  /** So many callers at once who all want a token that did not exist before: how many different ones they got. */
  wait: async ({ id, count }) => {
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: count }, () => vault.token(ORGANIZATION, id, forced)));
    const tokens = new Set(answers.map(({ token }) => token?.accessToken));
    return { milliseconds: performance.now() - began, tokens: [...tokens] };
  },
  /** The refresh token that a connection holds, opened. */
  open: async ({ id }) => {
    const [row] = await database.query(
      `SELECT label, generation, data_key_id, refresh_token FROM connections WHERE id = $1`,
      [id],
    );
    const place = { organizationId: ORGANIZATION, connectionId: id, generation: row.generation };
    return { family: row.label, token: await seal.open(place, row.data_key_id, 'refresh_token', row.refresh_token) };
  },
});
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
