import type { Socket } from 'node:net';
import type { ClientBase, Pool, PoolClient, PoolConfig } from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { allEntities } from './entities/all-entities.js';
import { explainStartupError } from './startup-error.js';

/** How to reach Postgres, and how long to wait for it. */
export interface ConnectionSettings {
  /** May hold a password: it goes to the driver, and into no message. */
  readonly url: string;
  readonly poolSize: number;
  /** Reports connections that broke while nobody used them. */
  readonly warn: (message: string) => void;
  /** Milliseconds to wait for a connection, new or from the pool; 3000 unless told. */
  readonly connectTimeoutMs?: number;
}

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** How we use TypeORM and pg's pool. */
export function dataSourceOptions(settings: ConnectionSettings): PostgresOptions {
  const pool: PoolConfig = {
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    idleTimeoutMillis: 60_000,
    onConnect: prepareConnection,
  };
  return {
    type: 'postgres',
    url: settings.url,
    entities: allEntities,
    synchronize: false,
    migrationsRun: false,
    // It would try to install extensions that we do not use, which needs rights that we should not have.
    installExtensions: false,
    applicationName: 'gatehouse',
    // Quiet: the default prints statements with their values to the terminal, past the application's log.
    logger: 'debug',
    poolSize: settings.poolSize,
    connectTimeoutMS: settings.connectTimeoutMs ?? 3000,
    poolErrorHandler: (error: { message?: string; code?: string }) =>
      settings.warn(`A database connection broke (${error.code ?? error.message ?? 'unknown'}); the pool replaces it`),
    extra: pool,
  };
}

/**
 * Our statements find rows by key, so one plan serves every value; Postgres would plan the tables of a token rotation
 * anew each time, which costs it several times the work itself. And where a key has an index it is to be used, also while
 * a table that is about to grow is still small. Queued before the first caller's statement.
 */
function prepareConnection(client: ClientBase): void {
  // A client that breaks between being taken and being used has no listener, and would end the process.
  client.on('error', () => {});
  client
    .query(`SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off`)
    .catch(() => undefined);
}

/**
 * Connects. From then on a lost Postgres makes queries fail, never the process, and its return needs no restart.
 *
 * @param options what `dataSourceOptions` made.
 * @param silenceTimeoutMs milliseconds without a byte from Postgres until a statement is given up.
 * @throws DatabaseStartupError when Postgres cannot be reached or refuses us.
 */
export async function openDataSource(options: PostgresOptions, silenceTimeoutMs = 10_000): Promise<DataSource> {
  const dataSource = new DataSource(options);
  // TypeORM's list of types lacks this one, which revocations are ordered by; it needs no conversion.
  dataSource.driver.supportedDataTypes.push('xid8' as 'text');
  try {
    await dataSource.initialize();
  } catch (error) {
    throw explainStartupError(options.url ?? '', error);
  }
  giveUpOnSilence(poolOf(dataSource), silenceTimeoutMs);
  return dataSource;
}

/** The pg pool under a connected data source. */
export function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as unknown as { master: Pool }).master;
}

/**
 * A host that vanished without a word (power, firewall) leaves a statement waiting for TCP's quarter of an hour. pg's
 * own `query_timeout` does not help: it leaves the connection, stuck, in the pool. So a connection in use that stays
 * silent is closed, which fails its statement and makes the pool drop it.
 */
function giveUpOnSilence(pool: Pool, silenceTimeoutMs: number): void {
  const streamOf = (client: PoolClient) => (client as unknown as { connection: { stream: Socket } }).connection.stream;
  const watched = new WeakSet<Socket>();
  pool.on('acquire', (client) => {
    const stream = streamOf(client);
    stream.setTimeout(silenceTimeoutMs);
    if (watched.has(stream)) return;
    watched.add(stream);
    stream.on('timeout', () => {
      stream.destroy(Object.assign(new Error(`no answer in ${silenceTimeoutMs} ms`), { code: 'ETIMEDOUT' }));
    });
  });
  pool.on('release', (_error, client) => streamOf(client).setTimeout(0));
}
