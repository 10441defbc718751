/** What the rows of this bench share: stores, the upstream, the processes, and how connections fall due. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { cpuSeconds } from '../processes.mjs';
import { Upstream } from './upstream.mjs';

const POOL_SIZE = 10;
const TICKS_PER_SECOND = 100;
const OUT_OF_REACH = { interactive: 10_000_000, token: 10_000_000, api: 10_000_000, bad_tokens: 10_000_000 };
const MASTER_KEY = `k1:${Buffer.alloc(32, 7).toString('base64url')}`;

export class World {
  #stage;
  #processes = 0;

  constructor(stage, stores, upstream, concurrency) {
    this.#stage = stage;
    this.stores = stores;
    this.upstream = upstream;
    this.concurrency = concurrency;
  }

  /** @param {number} concurrency refreshes under way at once, of every contender but the sequential one */
  static async open(stage, concurrency) {
    const stores = { redisSocket: await stage.startRedis(), databaseUrl: await stage.startPostgres() };
    return new World(
      stage,
      { ...stores, postmaster: await postmasterOf(stores.databaseUrl) },
      await Upstream.start(),
      concurrency,
    );
  }

  /** A new database of the bench's Postgres. */
  async database(name) {
    await sql(this.stores.databaseUrl, [`CREATE DATABASE ${name}`]);
    return this.stores.databaseUrl.replace(/^([^:]+:\/\/[^/?#]*\/)[^?#]*/, `$1${name}`);
  }

  /** The vault alone, as built, schedule off: it sweeps when it is told. */
  vault(databaseUrl) {
    return this.#stage.startServer(
      'test/bench/vault/vault-process.mjs',
      (port) => this.#env(port, databaseUrl),
      '/raw',
    );
  }

  /** The whole server, as built, schedule off, with an owner of the default organization who signs in as `boss`. */
  server(databaseUrl) {
    const main = 'dist/apps/server/apps/server/src/main.js';
    return this.#stage.startServer(main, (port) => this.#env(port, databaseUrl), '/health/ready');
  }

  floor(databaseUrl) {
    return this.#contender('floor', databaseUrl);
  }

  sequential(databaseUrl) {
    return this.#contender('sequential', databaseUrl);
  }

  async close() {
    await this.upstream.stop();
  }

  /** CPU seconds of Postgres so far: the server, its children, and those that have ended. */
  postgresCpu() {
    const { postmaster } = this.stores;
    let seconds = cpuSeconds(postmaster);
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      try {
        const fields = statFields(name);
        if (Number(name) === postmaster) seconds += (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
        else if (Number(fields[1]) === postmaster) seconds += cpuSeconds(name);
      } catch {
        // It has ended meanwhile.
      }
    }
    return seconds;
  }

  #contender(name, databaseUrl) {
    const { redisSocket } = this.stores;
    return this.#stage.startServer(
      `test/bench/vault/${name}.mjs`,
      () => ({
        DATABASE_URL: databaseUrl,
        REDIS_SOCKET: redisSocket,
        ISSUER: this.upstream.url,
        CONCURRENCY: String(this.concurrency),
        POOL_SIZE: String(POOL_SIZE),
      }),
      '/raw',
    );
  }

  #env(port, databaseUrl) {
    // A folder of its own for each: the spool is in it.
    this.#processes += 1;
    const dataDir = path.join(this.#stage.folder, `process-${this.#processes}`);
    mkdirSync(dataDir);
    const config = path.join(dataDir, 'bench.yaml');
    writeFileSync(config, JSON.stringify(this.#settings()));
    return {
      HOST: '127.0.0.1',
      PUBLIC_URL: `http://localhost:${port}`,
      DATABASE_URL: databaseUrl,
      REDIS_URL: `unix://${this.stores.redisSocket}`,
      GATEHOUSE_DATA_DIR: dataDir,
      GATEHOUSE_MASTER_KEYS: MASTER_KEY,
      GATEHOUSE_CONFIG: config,
      TEST_IDP_PORT: 'off',
    };
  }

  #settings() {
    const { url } = this.upstream;
    return {
      rate_limits: OUT_OF_REACH,
      database_pool_size: POOL_SIZE,
      outbound: { allow_private: true },
      vault: { schedule: false, concurrency: this.concurrency, wait_seconds: 120 },
      oauth_providers: [
        {
          id: 'up',
          type: 'oauth2',
          authorization_url: `${url}/authorize`,
          token_url: `${url}/token`,
          client_id: 'fake-client',
          client_secret: 'fake-secret',
          sign_in: false,
          rotation: 'single_use',
          max_concurrency: Math.min(1000, this.concurrency),
          max_per_second: 10_000,
        },
      ],
      organizations: [{ name: 'default', members: [{ user: 'test:boss@test.tmi', role: 'owner' }] }],
    };
  }
}

/** A backend's parent. */
async function postmasterOf(databaseUrl) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
  const parent = Number(statFields(rows[0].pid)[1]);
  await client.end();
  return parent;
}

function statFields(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Statements one after the other; the rows of the last. */
export async function sql(databaseUrl, statements) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    let rows = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

/** The first so many connections fell due during the last minute. The dead versions that this leaves go at once. */
export async function makeDue(databaseUrl, count) {
  await sql(databaseUrl, [
    `UPDATE connections SET next_refresh_at = now() - random() * interval '1 minute'
     WHERE id IN (SELECT id FROM connections ORDER BY id LIMIT ${Math.trunc(count)})`,
    'VACUUM ANALYZE connections',
    'VACUUM ANALYZE refresh_attempts',
  ]);
}

/** @param {number[]} numbers an odd count of them */
export const medianOf = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
