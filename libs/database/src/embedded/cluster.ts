import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { makeOwnFolder } from './data-place.js';
import { EmbeddedPostgresError } from './embedded-error.js';
import { spawnOptions, type OperatingUser } from './operating-user.js';

/** Name of the role and of the database that the product uses; not a superuser. */
export const APPLICATION = 'gatehouse';

/**
 * Where the application connects: the port and TLS are said, because pg would take PGPORT and PGSSLMODE from the
 * environment for what the address leaves open.
 */
export function addressOf(socketFolder: string, role = APPLICATION, database = APPLICATION): string {
  return `postgres://${role}@/${database}?host=${encodeURIComponent(socketFolder)}&port=5432&sslmode=disable`;
}

/**
 * Makes the cluster unless it is there. It is made under another name and renamed, so that an interrupted start leaves
 * no half of one. `trust` is safe: the socket's folder admits nobody but the user, who owns the files anyway.
 *
 * @throws EmbeddedPostgresError with what initdb said.
 */
export function makeCluster(binaries: string, dataFolder: string, user: OperatingUser | undefined): void {
  if (existsSync(join(dataFolder, 'PG_VERSION'))) return;
  const unfinished = `${dataFolder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  makeOwnFolder(unfinished, user);
  const flags = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--wal-segsize=1'];
  const { status, error, stderr } = spawnSync(join(binaries, 'bin/initdb'), ['-D', unfinished, ...flags], {
    ...spawnOptions(user),
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (error !== undefined || status !== 0) {
    throw new EmbeddedPostgresError(
      `its programs do not run here, set DATABASE_URL to another Postgres. initdb: ${error?.message ?? stderr.trim()}`,
      { cause: error },
    );
  }
  renameSync(unfinished, dataFolder);
}

/** Makes the application's role and database unless they are there. */
export async function makeApplicationDatabase(socketFolder: string): Promise<void> {
  const client = new pg.Client({ connectionString: addressOf(socketFolder, 'postgres', 'postgres') });
  await client.connect();
  try {
    const found = await client.query<{ role: boolean; database: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1) AS role,
              EXISTS (SELECT 1 FROM pg_database WHERE datname = $1) AS database`,
      [APPLICATION],
    );
    if (found.rows[0]?.role === false) await client.query(`CREATE ROLE ${APPLICATION} LOGIN CREATEDB`);
    if (found.rows[0]?.database === false) await client.query(`CREATE DATABASE ${APPLICATION} OWNER ${APPLICATION}`);
  } finally {
    await client.end();
  }
}
