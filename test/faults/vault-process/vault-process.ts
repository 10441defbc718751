import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { FailPoint } from '@app/vault';
import type { CallMessage, VaultCalls, VaultMessage, VaultProcessOptions } from './messages.js';

const FOLDER = path.resolve('test/faults/vault-process');
const LOADER = path.join(FOLDER, 'typescript.mjs');

/** How a process ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The process of a call ended before it answered. */
export class ProcessGone extends Error {}

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** One instance of the vault, in a process that can be killed and stopped. */
export class VaultProcess {
  readonly pid: number;
  readonly dataDir: string;
  readonly ended: Promise<End>;
  /** Newest generation of each connection that a caller of this life was answered. */
  readonly told = new Map<string, bigint>();
  private readonly waiting = new Map<number, Waiting>();
  private number = 0;
  private printed = '';

  private constructor(
    private readonly child: ChildProcess,
    options: VaultProcessOptions,
  ) {
    this.pid = child.pid ?? 0;
    this.dataDir = options.dataDir;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.printed = (this.printed + chunk.toString()).slice(-20_000)));
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
    void this.ended.then(({ code, signal }) => {
      for (const { reject } of this.waiting.values())
        reject(new ProcessGone(`the vault's process ended with ${code ?? signal}`));
      this.waiting.clear();
    });
  }

  /** Resolves when it can be called; what it recovers at its start may still be under way. */
  static async start(options: VaultProcessOptions): Promise<VaultProcess> {
    const child = fork(path.join(FOLDER, 'instance.ts'), [JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: ['--import', LOADER],
      serialization: 'advanced',
      env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' },
    });
    const started = new VaultProcess(child, options);
    await new Promise<void>((resolve, reject) => {
      child.on('message', (message) => started.hear(message as VaultMessage, resolve));
      void started.ended.then(({ code, signal }) =>
        reject(new Error(`the vault's process ended with ${code ?? signal} at its start:\n${started.printed}`)),
      );
    });
    return started;
  }

  /** @throws ProcessGone */
  call<K extends keyof VaultCalls>(
    name: K,
    ...parameters: Parameters<VaultCalls[K]>
  ): Promise<Awaited<ReturnType<VaultCalls[K]>>> {
    if (!this.child.connected) return Promise.reject(new ProcessGone(`the vault's process is gone`));
    this.number += 1;
    const message: CallMessage = { number: this.number, name, parameters };
    return new Promise((resolve, reject) => {
      this.waiting.set(message.number, { resolve, reject });
      this.child.send(message);
    });
  }

  get dead(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Whether answers lie in its folder that nobody has committed yet, its own or those of lives before. */
  spooled(): boolean {
    const folder = path.join(this.dataDir, 'spool');
    return existsSync(folder) && readdirSync(folder).some((name) => statSync(path.join(folder, name)).size > 0);
  }

  /** What it printed last. */
  log(): string {
    return this.printed;
  }

  /** The last fail point that each connection's refresh has passed in this life. */
  passed(): ReadonlyMap<string, FailPoint> {
    const lines = readFileSync(path.join(this.dataDir, `trace-${this.pid}.log`), 'utf8').split('\n');
    return new Map(
      lines.flatMap((line) => {
        const [point, id] = line.split(' ');
        return id === undefined ? [] : [[id, point as FailPoint] as const];
      }),
    );
  }

  kill(): Promise<End> {
    this.child.kill('SIGKILL');
    return this.ended;
  }

  /** SIGTERM: as an operator ends it. */
  stop(): Promise<End> {
    this.child.kill('SIGTERM');
    return this.ended;
  }

  /** SIGCONT, after a trap has stopped it. */
  resume(): void {
    this.child.kill('SIGCONT');
  }

  private hear(message: VaultMessage, ready: () => void): void {
    if ('ready' in message) return ready();
    if ('told' in message) {
      const before = this.told.get(message.told) ?? 0n;
      if (message.generation > before) this.told.set(message.told, message.generation);
      return undefined;
    }
    const waiting = this.waiting.get(message.number);
    this.waiting.delete(message.number);
    if ('error' in message) waiting?.reject(new Error(message.error));
    else waiting?.resolve(message.answer as never);
    return undefined;
  }
}
