import { DataSource } from 'typeorm';
import { freshDatabase, startOwnPostgres, type TestPostgres } from '../../../test/harness/postgres.js';
import { dataSourceOptions, openDataSource, poolOf } from './data-source.js';
import { Database } from './database.js';
import { DatabaseUnavailable } from './database-unavailable.js';

type Fresh = Awaited<ReturnType<typeof freshDatabase>>;

describe('Database', () => {
  let fresh: Fresh;
  let source: DataSource;
  let database: Database;

  beforeAll(async () => {
    fresh = await freshDatabase();
    source = await openDataSource(dataSourceOptions({ url: fresh.url, poolSize: 2, warn: () => {} }));
    database = new Database(source);
    await database.query('CREATE TABLE item (id int PRIMARY KEY, name text)');
  });
  afterAll(async () => {
    await source.destroy();
    await fresh.drop();
  });
  beforeEach(() => database.query('TRUNCATE item'));

  it('runs SQL with parameters and returns the rows', async () => {
    await database.query('INSERT INTO item VALUES ($1, $2)', [1, "o'clock"]);
    expect(await database.query('UPDATE item SET id = 2 WHERE id = $1 RETURNING id', [1])).toEqual([{ id: 2 }]);
    expect(await database.query('SELECT id, name FROM item')).toEqual([{ id: 2, name: "o'clock" }]);
  });

  it('has every connection plan as our statements need it, the first one too', async () => {
    const settings = () =>
      database.query(`SELECT current_setting('enable_seqscan') AS seqscan, current_setting('jit') AS jit,
                             current_setting('plan_cache_mode') AS plans, pg_sleep(0.05)::text AS slept`);
    const expected = [{ seqscan: 'off', jit: 'off', plans: 'force_generic_plan', slept: '' }];
    expect(await Promise.all([settings(), settings()])).toEqual([expected, expected]);
  });

  it('prepares a named statement once for each connection', async () => {
    for (const n of [1, 2, 3]) {
      expect(await database.queryNamed('plus-one', 'SELECT $1::int + 1 AS n', [n])).toEqual([{ n: n + 1 }]);
    }
    const prepared = await database.query(`SELECT generic_plans + custom_plans AS uses FROM pg_prepared_statements
                                           WHERE name = 'plus-one'`);
    expect(prepared).toEqual([{ uses: '3' }]);
  });

  it('runs a named statement although a migration has changed its table since', async () => {
    await database.query('CREATE TABLE growing (a int)');
    const read = () => database.queryNamed('growing', 'SELECT * FROM growing');
    await database.query('INSERT INTO growing VALUES (1)');
    await Promise.all([read(), read()]);
    await database.query('ALTER TABLE growing ADD COLUMN b int');
    expect(await read()).toEqual([{ a: 1, b: null }]);
    expect(await Promise.all([read(), read()])).toHaveLength(2);
  });

  it('passes errors of SQL on as they are, and keeps the connection', async () => {
    const pid = () => database.query('SELECT pg_backend_pid() AS pid');
    const before = await pid();
    await database.query('INSERT INTO item VALUES (1)');
    await expect(database.query('INSERT INTO item VALUES (1)')).rejects.toMatchObject({ code: '23505' });
    expect(await pid()).toEqual(before);
  });

  it('commits a transaction and returns its value', async () => {
    const value = await database.transaction(async (manager) => {
      await manager.query('INSERT INTO item VALUES (7)');
      return 'done';
    });
    expect(value).toBe('done');
    expect(await database.query('SELECT id FROM item')).toEqual([{ id: 7 }]);
  });

  it('undoes a transaction that throws, throws the same error, and gives its connection back', async () => {
    const reason = new Error('no');
    for (let i = 0; i < 5; i += 1) {
      const failing = database.transaction(async (manager) => {
        await manager.query('INSERT INTO item VALUES (7)');
        throw reason;
      });
      await expect(failing).rejects.toBe(reason);
    }
    expect(await database.query('SELECT id FROM item')).toEqual([]);
    expect(poolOf(source).idleCount).toBe(poolOf(source).totalCount);
  });

  it('leaves the values out of the error of a statement in a transaction', async () => {
    const failing = database.transaction((manager) => manager.query('SELECT $1::int', ['personal']));
    const error = await failing.catch((thrown: unknown) => thrown as { parameters: unknown });
    expect(error).toHaveProperty('driverError.code', '22P02');
    expect(error).toHaveProperty('parameters', undefined);
  });

  it('says unavailable, to all that wait, when every connection is taken for longer than the limit', async () => {
    const small = await openDataSource(
      dataSourceOptions({ url: fresh.url, poolSize: 1, warn: () => {}, connectTimeoutMs: 100 }),
    );
    const busy = await poolOf(small).connect();
    const starved = new Database(small);
    await expect(starved.query('SELECT 1')).rejects.toBeInstanceOf(DatabaseUnavailable);
    await expect(starved.transaction(async () => 1)).rejects.toBeInstanceOf(DatabaseUnavailable);
    busy.release();
    expect(await starved.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await small.destroy();
  });

  it('says unavailable after it was closed', async () => {
    const closed = await openDataSource(dataSourceOptions({ url: fresh.url, poolSize: 1, warn: () => {} }));
    await closed.destroy();
    await expect(new Database(closed).query('SELECT 1')).rejects.toBeInstanceOf(DatabaseUnavailable);
    await expect(new Database(closed).transaction(async () => 1)).rejects.toBeInstanceOf(DatabaseUnavailable);
  });
});

describe('a Postgres that goes away while the application runs', () => {
  let server: TestPostgres;
  let source: DataSource;
  let database: Database;
  const warnings: string[] = [];

  beforeEach(async () => {
    warnings.length = 0;
    server = await startOwnPostgres();
    source = await openDataSource(
      dataSourceOptions({ url: server.url, poolSize: 4, warn: (text) => warnings.push(text), connectTimeoutMs: 500 }),
      500,
    );
    database = new Database(source);
    await database.query('CREATE TABLE item (id int)');
  });
  afterEach(async () => {
    await source.destroy();
    await server.stop();
  });

  it('fails every kind of call while it is gone, and serves them all when it is back, without a restart', async () => {
    await Promise.all([1, 2, 3, 4].map((n) => database.queryNamed('sleep', 'SELECT pg_sleep(0.05), $1::int', [n])));
    expect(poolOf(source).idleCount).toBe(4);
    let down = 0;
    const restarting = server.restart().then(() => 'up' as const);
    for (let state: 'up' | undefined; state === undefined;) {
      const calls = [
        database.query('SELECT 1'),
        database.queryNamed('sleep', 'SELECT pg_sleep(0.05), $1::int', [1]),
        database.transaction((manager) => manager.query('SELECT 1')),
      ];
      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === 'fulfilled') continue;
        expect(outcome.reason).toBeInstanceOf(DatabaseUnavailable);
        down += 1;
      }
      state = await Promise.race([restarting, new Promise<undefined>((resolve) => setImmediate(resolve, undefined))]);
    }
    expect(down).toBeGreaterThan(0);
    expect(await database.query('SELECT count(*)::int AS n FROM item')).toEqual([{ n: 0 }]);
    expect(await database.queryNamed('sleep', 'SELECT pg_sleep(0.05), $1::int', [2])).toEqual([
      expect.objectContaining({ int4: 2 }),
    ]);
    await database.transaction((manager) => manager.query('INSERT INTO item VALUES (1)'));
  });

  it('reports the idle connections that broke, and nothing else happens', async () => {
    await server.restart();
    while (warnings.length === 0) await new Promise(setImmediate);
    expect(warnings[0]).toMatch(/^A database connection broke \(57P01\)/);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('fails the statement that is under way, and the transaction between two statements', async () => {
    const under = database.query('SELECT pg_sleep(60)').catch((error: unknown) => error);
    const between = database
      .transaction(async (manager) => {
        await manager.query('INSERT INTO item VALUES (1)');
        await server.restart();
        await manager.query('INSERT INTO item VALUES (2)');
      })
      .catch((error: unknown) => error);
    expect(await under).toBeInstanceOf(DatabaseUnavailable);
    expect(await between).toBeInstanceOf(DatabaseUnavailable);
    expect(await database.query('SELECT id FROM item')).toEqual([]);
    expect(poolOf(source).idleCount).toBe(poolOf(source).totalCount);
  });

  it('passes the error of the work on when it fails for a reason of its own meanwhile', async () => {
    const reason = new Error('refused');
    const work = database.transaction(async (manager) => {
      await manager.query('INSERT INTO item VALUES (1)');
      await server.restart();
      throw reason;
    });
    await expect(work).rejects.toBe(reason);
  });

  it('gives up on one that keeps its connections but says nothing, and recovers when it speaks again', async () => {
    await Promise.all([database.query('SELECT pg_sleep(0.05)'), database.query('SELECT pg_sleep(0.05)')]);
    const resume = server.pause();
    try {
      const calls = [
        database.query('SELECT 1'),
        database.transaction((manager) => manager.query('SELECT 1')),
        database.query('SELECT 1'),
      ];
      for (const { reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[]) {
        expect(reason).toBeInstanceOf(DatabaseUnavailable);
      }
    } finally {
      resume();
    }
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(poolOf(source).idleCount).toBe(poolOf(source).totalCount);
  });

  it('does not mistake a connection that idles in the pool for a silent one', async () => {
    const [before] = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const client = await poolOf(source).connect();
    client.release();
    const { stream } = (client as unknown as { connection: { stream: { timeout?: number } } }).connection;
    expect(stream.timeout).toBe(0);
    expect(await database.query('SELECT pg_backend_pid() AS pid')).toEqual([before]);
  });
});
