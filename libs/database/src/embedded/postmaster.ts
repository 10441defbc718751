import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-error.js';
import { spawnOptions, type OperatingUser } from './operating-user.js';

const READY = 'database system is ready to accept connections';
const FAST_SHUTDOWN_MS = 10_000;
/** How much of Postgres's own log an error shows. */
const LOG_TAIL = 4000;

export interface PostmasterOptions {
  readonly binaries: string;
  readonly dataFolder: string;
  readonly socketFolder: string;
  readonly user: OperatingUser | undefined;
  readonly settings: Readonly<Record<string, string>>;
}

/** One running Postgres, a child of this process that ends with it. */
export class Postmaster {
  private logTail = '';
  private readonly killAtExit = () => void this.child.kill('SIGINT');

  private constructor(private readonly child: ChildProcess) {
    child.stderr?.on('data', (chunk: Buffer) => {
      this.logTail = (this.logTail + chunk.toString()).slice(-LOG_TAIL);
    });
  }

  /**
   * Starts Postgres and waits until it takes connections.
   *
   * @throws EmbeddedPostgresError with the end of Postgres's log when it ends instead.
   */
  static async start({ binaries, dataFolder, socketFolder, user, settings }: PostmasterOptions): Promise<Postmaster> {
    const parameters = {
      // A list of folders, where a comma separates unless the entry is quoted.
      unix_socket_directories: `"${socketFolder.replaceAll('"', '""')}"`,
      unix_socket_permissions: '0700',
      listen_addresses: '',
      port: '5432',
      max_connections: '100',
      shared_buffers: '64MB',
      log_destination: 'stderr',
      logging_collector: 'off',
      ...settings,
    };
    const child = spawn(
      join(binaries, 'bin/postgres'),
      ['-D', dataFolder, ...Object.entries(parameters).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      // Detached: its own process group, so that Ctrl-C in the terminal reaches the server alone, which closes its
      // connections and then stops Postgres.
      { ...spawnOptions(user), detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const postmaster = new Postmaster(child);
    await postmaster.untilReady();
    postmaster.tieToThisProcess(user);
    return postmaster;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Calls back when Postgres ends, for whatever reason, with the end of its log. */
  onEnd(listener: (log: string) => void): void {
    this.child.once('exit', () => listener(this.logTail.trim()));
  }

  /** Ends open sessions and Postgres. Does nothing when it has ended already. */
  async stop(): Promise<void> {
    if (!this.running) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGINT');
    const impatience = setTimeout(() => this.child.kill('SIGQUIT'), FAST_SHUTDOWN_MS);
    await ended;
    clearTimeout(impatience);
  }

  private async untilReady(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.child.once('error', (cause) => {
        reject(
          new EmbeddedPostgresError(`its program does not run here (${cause.message}). Set DATABASE_URL.`, { cause }),
        );
      });
      // 'close', not 'exit': only then has its log been read to the end.
      this.child.once('close', () => reject(new EmbeddedPostgresError(`it did not start:\n${this.logTail.trim()}`)));
      this.child.stderr?.on('data', () => {
        if (this.logTail.includes(READY)) resolve();
      });
    });
  }

  /**
   * Postgres must not outlive us. An orderly exit kills it; for every other end a shell waits on a pipe that the kernel
   * closes when we are gone (a signal without a handler runs no exit hook, nor does kill -9).
   */
  private tieToThisProcess(user: OperatingUser | undefined): void {
    this.child.unref();
    (this.child.stderr as Socket | null)?.unref();
    process.once('exit', this.killAtExit);
    const watch = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$1"', 'sh', String(this.child.pid)], {
      ...spawnOptions(user),
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    watch.on('error', () => {});
    watch.stdin?.on('error', () => {});
    watch.unref();
    (watch.stdin as Socket | null)?.unref();
    this.child.once('exit', () => {
      process.removeListener('exit', this.killAtExit);
      watch.kill('SIGKILL');
    });
  }
}
