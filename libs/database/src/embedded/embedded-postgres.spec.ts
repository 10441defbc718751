import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  gone,
  installLauncher,
  LauncherProcess,
  postmasterOf,
  watcherOf,
} from '../../../../test/harness/embedded-launcher.js';
import { fillFromTemplate } from '../../../../test/harness/postgres.js';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { isPostmasterOf } from './process-identity.js';
import { lockFolder } from './server-lock.js';

const settings = { fsync: 'off' };
const reports: string[] = [];
const log = { log: (text: string) => void reports.push(text), warn: (text: string) => void reports.push(text) };
const opened: EmbeddedPostgres[] = [];
const launched: LauncherProcess[] = [];
let folder: string;
let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'gatehouse-launcher-'));
  chmodSync(home, 0o711);
  home = installLauncher(home);
});
afterAll(() => rmSync(join(home, '..'), { recursive: true, force: true }));
beforeEach(async () => {
  reports.length = 0;
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-embedded-'));
  chmodSync(folder, 0o711);
  await fillFromTemplate(join(folder, 'pg'));
});
afterEach(async () => {
  for (const server of opened.splice(0)) await server.stop();
  for (const server of launched.splice(0)) await server.kill();
  rmSync(folder, { recursive: true, force: true });
});

function embedded(dir: string): EmbeddedPostgres {
  const server = new EmbeddedPostgres({ dir, log, settings });
  opened.push(server);
  return server;
}

function launch(dir: string): LauncherProcess {
  const server = new LauncherProcess(home, { dir });
  launched.push(server);
  return server;
}

async function ask(url: string, sql: string): Promise<Record<string, unknown> | undefined> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows[0];
  } finally {
    await client.end();
  }
}

describe('the embedded server', () => {
  it('listens on a private unix socket only, for 100 connections, and gives the application no superuser', async () => {
    const dir = join(folder, 'pg');
    const url = await embedded(dir).start();
    const row = await ask(
      url,
      `SELECT current_setting('listen_addresses') AS tcp, current_setting('max_connections') AS max,
              current_user AS "user", usesuper AS super FROM pg_user WHERE usename = current_user`,
    );
    expect(row).toEqual({ tcp: '', max: '100', user: 'gatehouse', super: false });
    expect(statSync(join(dir, 'socket')).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, 'data')).mode & 0o777).toBe(0o700);
  });

  it('keeps its data over a restart, at the same address', async () => {
    const server = embedded(join(folder, 'pg'));
    const url = await server.start();
    await ask(url, 'CREATE TABLE kept AS SELECT 42 AS n');
    await server.stop();
    expect(await server.start()).toBe(url);
    expect(await ask(url, 'SELECT n FROM kept')).toEqual({ n: 42 });
  });

  it('shows none of our environment to the other user, and obeys none of it', async () => {
    const dir = join(folder, 'pg');
    const server = launch(dir);
    await server.hear('url');
    expect(readFileSync(`/proc/${server.pid}/environ`, 'utf8')).toContain('do-not-leak');
    for (const pid of [postmasterOf(dir), watcherOf(postmasterOf(dir))]) {
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('do-not-leak');
    }
  });

  it('lives in a folder of any name', async () => {
    const url = await embedded(join(folder, `with space, comma 'quote' "quote" %20 ümlaut`)).start();
    expect(await ask(url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  });

  it('uses a short private folder when the path of the socket would pass 107 bytes, and removes it', async () => {
    const server = embedded(join(folder, 'long'.repeat(30)));
    const url = await server.start();
    const socket = new URL(url.replace('@/', '@localhost/')).searchParams.get('host') ?? '';
    expect(socket.startsWith(folder)).toBe(false);
    expect(Buffer.byteLength(join(socket, '.s.PGSQL.5432'))).toBeLessThanOrEqual(107);
    expect(statSync(socket).mode & 0o777).toBe(0o700);
    await server.stop();
    expect(existsSync(socket)).toBe(false);
  });

  it('removes the short folder that a killed server left', async () => {
    const dir = join(folder, 'long'.repeat(30));
    const first = launch(dir);
    const socket = new URL((await first.hear('url')).replace('@/', '@localhost/')).searchParams.get('host') ?? '';
    await first.kill();
    expect(existsSync(socket)).toBe(true);
    await embedded(dir).start();
    expect(existsSync(socket)).toBe(false);
  });

  it('starts after an initdb that was broken off', async () => {
    const dir = join(folder, 'broken');
    mkdirSync(join(dir, 'data.new'), { recursive: true });
    writeFileSync(join(dir, 'data.new/PG_VERSION'), '18\n');
    if (process.getuid?.() === 0) chmodSync(dir, 0o711);
    expect(await ask(await embedded(dir).start(), 'SELECT 1 AS one')).toEqual({ one: 1 });
  });

  it('says what Postgres said when it does not start, and gives the folder free', async () => {
    const dir = join(folder, 'pg');
    const server = embedded(dir);
    await server.start();
    await server.stop();
    const config = readFileSync(join(dir, 'data/postgresql.conf'), 'utf8');
    writeFileSync(join(dir, 'data/postgresql.conf'), 'no_such_parameter = 1\n');
    await expect(server.start()).rejects.toThrow(/did not start:[^]*no_such_parameter/);
    writeFileSync(join(dir, 'data/postgresql.conf'), config);
    await server.start();
  });

  it('reports a Postgres that ended by itself, and can start again', async () => {
    const dir = join(folder, 'pg');
    const server = embedded(dir);
    const url = await server.start();
    const postmaster = postmasterOf(dir);
    process.kill(postmaster, 'SIGINT');
    await gone(postmaster);
    while (!reports.some((text) => text.includes('has ended by itself'))) await new Promise(setImmediate);
    await server.start();
    expect(await ask(url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  });
});

describe('two servers on one data folder', () => {
  it('refuses the second, in the same process', async () => {
    const dir = join(folder, 'pg');
    const url = await embedded(dir).start();
    const second = embedded(dir).start();
    await expect(second).rejects.toThrow(`another server (process ${process.pid}) already uses the data folder ${dir}`);
    await expect(second).rejects.toThrow('GATEHOUSE_DATA_DIR');
    expect(await ask(url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  });

  it('refuses the second, in another process', async () => {
    const dir = join(folder, 'pg');
    const first = launch(dir);
    await first.hear('url');
    await expect(embedded(dir).start()).rejects.toThrow(`another server (process ${first.pid})`);
    expect(await first.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('lets one of many in that start in the same instant', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('lets one of several processes in that start in the same instant', async () => {
    const dir = join(folder, 'pg');
    const contenders = [launch(dir), launch(dir), launch(dir)];
    const outcomes = await Promise.allSettled(contenders.map((server) => server.hear('url')));
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
    for (const { status, reason } of outcomes as PromiseRejectedResult[]) {
      if (status === 'rejected') expect(String(reason)).toContain('already uses the data folder');
    }
  });

  it('is not stopped by the lock of a process that is gone, or by another one that got its pid', async () => {
    writeFileSync(join(folder, `server-4194999-1-${'a'.repeat(16)}.lock`), '');
    writeFileSync(join(folder, `server-${process.pid}-1-${'b'.repeat(16)}.lock`), '');
    const lock = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toThrow('already uses');
    lock.release();
    (await lockFolder(folder)).release();
  });
});

describe('a server that ends', () => {
  it('leaves Postgres running when Ctrl-C reaches its process group, so that it can close in order', async () => {
    const dir = join(folder, 'pg');
    const server = launch(dir);
    await server.hear('url');
    server.signalGroup('SIGINT');
    expect(await server.hear('rows')).toEqual([{ answer: 'after SIGINT' }]);
    expect(isPostmasterOf(postmasterOf(dir), join(dir, 'data'))).toBe(true);
  });

  it('takes Postgres with it at an exit without stop()', async () => {
    const dir = join(folder, 'pg');
    const server = launch(dir);
    await server.hear('url');
    const postmaster = postmasterOf(dir);
    await server.end('exit');
    await gone(postmaster);
  });

  it('takes Postgres with it when it is killed (kill -9), and loses nothing', async () => {
    const dir = join(folder, 'pg');
    const server = launch(dir);
    const url = await server.hear('url');
    await server.query('CREATE TABLE kept AS SELECT 42 AS n');
    const postmaster = postmasterOf(dir);
    await server.kill();
    await gone(postmaster);
    await embedded(dir).start();
    expect(await ask(url, 'SELECT n FROM kept')).toEqual({ n: 42 });
  });

  it('ends its watcher together with Postgres', async () => {
    const dir = join(folder, 'pg');
    const server = embedded(dir);
    await server.start();
    const watcher = watcherOf(postmasterOf(dir));
    await server.stop();
    await gone(watcher);
  });
});

describe('an orphan', () => {
  async function orphan(dir: string): Promise<number> {
    const server = launch(dir);
    await server.hear('url');
    const postmaster = postmasterOf(dir);
    process.kill(watcherOf(postmaster), 'SIGKILL');
    await server.kill();
    return postmaster;
  }

  it('is stopped before a new Postgres starts, and reported', async () => {
    const dir = join(folder, 'pg');
    const left = await orphan(dir);
    expect(isPostmasterOf(left, join(dir, 'data'))).toBe(true);
    const url = await embedded(dir).start();
    await gone(left);
    expect(reports).toContainEqual(expect.stringContaining(`process ${left}`));
    expect(await ask(url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  });

  it('is not a Postgres of another folder, whatever our pid file says', async () => {
    const other = launch(join(folder, 'other'));
    await other.hear('url');
    const dir = join(folder, 'pg');
    const server = embedded(dir);
    await server.start();
    await server.stop();
    writeFileSync(join(dir, 'data/postmaster.pid'), `${postmasterOf(join(folder, 'other'))}\n${join(dir, 'data')}\n`);
    await server.start();
    expect(await other.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is not a process that was given its pid; that one neither dies nor hinders the start', async () => {
    const dir = join(folder, 'pg');
    const server = embedded(dir);
    await server.start();
    await server.stop();
    const { uid, gid } = statSync(join(dir, 'data'));
    const bystander = spawn('sleep', ['600'], { uid, gid, cwd: '/' });
    try {
      writeFileSync(join(dir, 'data/postmaster.pid'), `${bystander.pid}\n${join(dir, 'data')}\n`);
      await server.start();
      expect(bystander.exitCode).toBeNull();
      expect(bystander.signalCode).toBeNull();
    } finally {
      bystander.kill();
    }
  });
});
