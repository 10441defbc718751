/** What every bench needs: a folder, private stores on the load core, an end that leaves nothing behind, a table. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { EmbeddedPostgres } from '../../dist/apps/server/libs/database/src/embedded/embedded-postgres.js';
import { LOAD_CORE, freePort, pin, startPinned } from './processes.mjs';

/** Everything started on it ends with `close`, in reverse order. */
export class Stage {
  folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-bench-'));
  #cleanUp = [() => rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })];

  /** For those who cannot speak to a socket. */
  redisUrl;

  /** Answers the path of its socket. */
  async startRedis() {
    const port = await freePort();
    this.redisUrl = `redis://127.0.0.1:${port}`;
    const socket = path.join(this.folder, 'redis.sock');
    const child = spawn(
      process.env.REDIS_SERVER ?? 'redis-server',
      // prettier-ignore
      ['--bind', '127.0.0.1', '--port', String(port), '--unixsocket', socket, '--dir', this.folder, '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'],
      { stdio: 'ignore' },
    );
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    pin(child.pid, LOAD_CORE);
    this.#cleanUp.push(() => new Promise((resolve) => child.once('exit', resolve) && child.kill('SIGTERM')));
    return socket;
  }

  /** Answers its URL. */
  async startPostgres() {
    const postgres = new EmbeddedPostgres({
      dir: path.join(this.folder, 'postgres'),
      log: { log: () => {}, warn: () => {} },
    });
    const url = await postgres.start();
    this.#cleanUp.push(() => postgres.stop());
    return url;
  }

  /**
   * Starts a script on the server core.
   * @param env from the port that it is to listen on
   * @param probe a path that answers when it is ready
   */
  async startServer(script, env, probe, options) {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const answers = async () => (await fetch(`${url}${probe}`)).status < 500;
    const process = await startPinned(script, { PORT: String(port), ...env(port) }, answers, options);
    this.#cleanUp.push(() => process.stop());
    return { url, pid: process.pid, port };
  }

  async close() {
    for (const step of this.#cleanUp.toReversed()) await step();
    this.#cleanUp.length = 0;
  }
}

/** @param {string[][]} rows the heading first */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
