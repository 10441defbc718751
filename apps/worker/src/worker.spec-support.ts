import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../../../test/harness/gatehouse.js';

const MAIN = path.resolve('dist/apps/worker/apps/worker/src/main.js');

/** The built worker as a process of its own, the way a supervisor sees it. */
export interface WorkerProcess {
  /** Where it answers for itself. */
  readonly url: string;
  readonly pid: number;
  /** Everything that it printed so far. */
  log(): string;
  /** Resolves when it has ended by itself. */
  readonly exited: Promise<number | null>;
  /** Resolves once it is ready; rejects when it ends before. */
  ready(): Promise<void>;
  /** Ends it as an operator would; answers its exit code. */
  stop(): Promise<number | null>;
}

export async function spawnWorker(yaml: string, env: Readonly<Record<string, string>>): Promise<WorkerProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-worker-'));
  const file = path.join(folder, 'gatehouse.yaml');
  writeFileSync(file, yaml);
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
    env: {
      PATH: process.env['PATH'],
      WORKER_PORT: String(port),
      GATEHOUSE_CONFIG: file,
      GATEHOUSE_DATA_DIR: folder,
      TEST_IDP_PORT: 'off',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      rmSync(folder, { recursive: true, force: true });
      resolve(code);
    }),
  );
  return {
    url,
    pid: child.pid ?? 0,
    log: () => printed,
    exited,
    ready: async () => {
      for (;;) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`the worker ended with ${child.exitCode ?? child.signalCode}:\n${printed}`);
        const answer = await fetch(`${url}/health/ready`).catch(() => undefined);
        await answer?.arrayBuffer();
        if (answer?.status === 200) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      return exited;
    },
  };
}
