import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { freshDatabase, startOwnPostgres } from '../../../test/harness/postgres.js';
import { dataSourceOptions, openDataSource } from './data-source.js';
import { runMigrations } from './migration-runner.js';
import { DatabaseStartupError } from './startup-error.js';

class First1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE first (n int)');
    // Long enough for a second instance to come in between, were it let in.
    await runner.query('SELECT pg_sleep(0.2)');
    await runner.query('INSERT INTO first VALUES (1)');
  }
  async down(): Promise<void> {}
}

class Broken1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE half (n int)');
    await runner.query('ALTER TABLE missing ADD COLUMN n int');
  }
  async down(): Promise<void> {}
}

class Second1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE second (n int)');
  }
  async down(): Promise<void> {}
}

let database: Awaited<ReturnType<typeof freshDatabase>>;
let client: pg.Client;

beforeEach(async () => {
  database = await freshDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await database.drop();
});

async function tables(): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

describe('migrations at start', () => {
  it('run once when several instances start on an empty database together', async () => {
    const migrations = [First1700000000001, Second1700000000003];
    const runs = await Promise.all([1, 2, 3].map(() => runMigrations(database.url, migrations)));
    expect(runs.flat()).toEqual(['First1700000000001', 'Second1700000000003']);
    expect((await client.query('SELECT n FROM first')).rows).toEqual([{ n: 1 }]);
  });

  it('bring two whole instances up in parallel, on the real schema', async () => {
    const instance = async () => {
      await runMigrations(database.url);
      return openDataSource(dataSourceOptions({ url: database.url, poolSize: 2, warn: () => {} }));
    };
    const sources = await Promise.all([instance(), instance()]);
    for (const source of sources) {
      expect(await source.query('SELECT name FROM organizations')).toEqual([{ name: 'default' }]);
      await source.destroy();
    }
  });

  it('are each a transaction: what came before a broken one stays, of the broken one nothing, and it is named', async () => {
    const failing = runMigrations(database.url, [First1700000000001, Broken1700000000002, Second1700000000003]);
    await expect(failing).rejects.toThrow(DatabaseStartupError);
    await expect(failing).rejects.toThrow(/rolled back: relation "missing" does not exist.*ALTER TABLE missing/);
    expect(await tables()).toEqual(['first', 'schema_migrations']);
    expect(await runMigrations(database.url, [First1700000000001, Second1700000000003])).toEqual([
      'Second1700000000003',
    ]);
  });

  it('wait for whoever holds the lock, and leave no lock behind', async () => {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock(1734440037, 1)');
    const waiting = runMigrations(database.url, [Second1700000000003]);
    const watcher = new pg.Client({ connectionString: database.url });
    await watcher.connect();
    const waits = `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                   WHERE d.datname = current_database() AND locktype = 'advisory' AND NOT granted`;
    while ((await watcher.query(waits)).rowCount === 0) await new Promise(setImmediate);
    await watcher.end();
    expect(await tables()).toEqual([]);
    await client.query('COMMIT');
    expect(await waiting).toEqual(['Second1700000000003']);
    const locks = await client.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`);
    expect(locks.rowCount).toBe(0);
  });

  it('are not cut short by time limits of the server', async () => {
    await client.query(`ALTER DATABASE ${new URL(database.url.replace('@/', '@h/')).pathname.slice(1)}
                        SET idle_in_transaction_session_timeout = '50ms'`);
    expect(await runMigrations(database.url, [First1700000000001])).toEqual(['First1700000000001']);
  });
});

describe('migrations on a database that is not there', () => {
  it('fail with the address', async () => {
    const server = await startOwnPostgres();
    await server.stop();
    await expect(runMigrations(server.url)).rejects.toThrow(/\/gatehouse \(DATABASE_URL\): it cannot be reached/);
  });
});
