import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { allMigrations } from './migrations/all-migrations.js';
import { DatabaseStartupError, explainStartupError } from './startup-error.js';

/** Any two numbers that nobody else on this database uses for an advisory lock: "gate" and the first lock of ours. */
const LOCK = [0x67617465, 1] as const;

/**
 * Brings the schema up to date, one transaction for each migration. Instances that start together take turns, by an
 * advisory lock on a connection of its own; those that come second find nothing left to do.
 *
 * Runs on its own connections, because the limits that the application's have would break off a long migration.
 *
 * @returns the names of the migrations that this call ran.
 * @throws DatabaseStartupError when Postgres cannot be reached, or naming the statement that failed.
 */
export async function runMigrations(
  url: string,
  migrations: DataSourceOptions['migrations'] = allMigrations,
): Promise<string[]> {
  try {
    const lock = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000, keepAlive: true });
    let lost: Error | undefined;
    lock.on('error', (error: Error) => {
      lost = error;
    });
    await lock.connect();
    try {
      // A transaction's lock, not a session's: it also holds behind a pooler that hands out transactions.
      await lock.query('BEGIN');
      await lock.query('SET LOCAL lock_timeout = 0');
      await lock.query('SET LOCAL statement_timeout = 0');
      await lock.query('SET LOCAL idle_in_transaction_session_timeout = 0');
      await lock.query('SELECT pg_advisory_xact_lock($1, $2)', [...LOCK]);
      const names = await runPending(url, migrations);
      if (lost !== undefined) throw lost;
      await lock.query('COMMIT');
      return names;
    } finally {
      await lock.end().catch(() => {});
    }
  } catch (error) {
    throw explainStartupError(url, error);
  }
}

async function runPending(url: string, migrations: DataSourceOptions['migrations']): Promise<string[]> {
  const dataSource = await new DataSource({
    type: 'postgres',
    url,
    migrations,
    migrationsTableName: 'schema_migrations',
    installExtensions: false,
    // Quiet: the default prints to the terminal, past the application's log.
    logger: 'debug',
    applicationName: 'gatehouse-migrations',
    poolSize: 2,
    connectTimeoutMS: 3000,
    poolErrorHandler: () => {},
  }).initialize();
  try {
    const done = await dataSource.runMigrations({ transaction: 'each' });
    return done.map(({ name }) => name);
  } catch (error) {
    const { query, message } = error as Error & { query?: string };
    if (query === undefined) throw error;
    const statement = query.trim().replaceAll(/\s+/g, ' ').slice(0, 200);
    throw new DatabaseStartupError(`A migration failed and was rolled back: ${message}. Statement: ${statement}`, {
      cause: error,
    });
  } finally {
    await dataSource.destroy();
  }
}
