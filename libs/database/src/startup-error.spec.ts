import { inspect } from 'node:util';
import { createServer } from 'node:net';
import { once } from 'node:events';
import pg from 'pg';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { dataSourceOptions, openDataSource } from './data-source.js';
import { runMigrations } from './migration-runner.js';
import { DatabaseStartupError } from './startup-error.js';

const PASSWORD = 'p4ss-w0rd';

async function failure(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Error) => error,
  );
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

const open = (url: string) => openDataSource(dataSourceOptions({ url, poolSize: 1, warn: () => {} }));

describe('a DATABASE_URL that does not work', () => {
  it.each(['127.0.0.1', 'localhost'])('at %s names host, port and database, and never the password', async (host) => {
    const port = await closedPort();
    const url = `postgres://gatehouse:${PASSWORD}@${host}:${port}/gate`;
    for (const attempt of [runMigrations(url), open(url)]) {
      const error = await failure(attempt);
      expect(error).toBeInstanceOf(DatabaseStartupError);
      expect(error.message).toBe(
        `Postgres at ${host}:${port}/gate (DATABASE_URL): it cannot be reached (ECONNREFUSED). ` +
          'Check that Postgres runs there and takes connections.',
      );
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(PASSWORD);
    }
  });

  it('with a name that does not resolve says so', async () => {
    const error = await failure(runMigrations(`postgres://u:${PASSWORD}@no-such-host.invalid/gate`));
    expect(error.message).toMatch(/at no-such-host\.invalid:5432\/gate .*\((ENOTFOUND|EAI_AGAIN)\)/);
  });

  it.each([
    'nonsense',
    'mysql://u:p4ss-w0rd@host/db',
    'postgres://u:12/p4ss-w0rd@host/db',
    'postgres://u:12?p4ss-w0rd@host/db',
    'postgres://u:12#p4ss-w0rd@host/db',
    'postgres://u:p4ss-w0rd@host:port/db',
  ])('that cannot be understood (%s) is not repeated', async (url) => {
    const error = await failure(runMigrations(url));
    expect(error.message).toMatch(/^DATABASE_URL is not a valid address\. Write postgres:\/\//);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(PASSWORD);
  });

  it('explains a missing database, a wrong password and a missing right', async () => {
    const database = await freshDatabase();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const role = `limited_${process.pid}`;
    const missing = database.url.replace(/(@[^/]*\/)[^?]*/, '$1no_such_database');
    expect((await failure(open(missing))).message).toMatch(/no_such_database .*the database does not exist \(3D000\)/);
    expect((await failure(open(database.url.replace(/\/\/[^@]*@/, `//${role}:x@`)))).message).toMatch(/28000|28P01/);
    await client.end();
    await database.drop();
  });
});
