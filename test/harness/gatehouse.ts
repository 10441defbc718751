import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const MAIN = path.resolve('dist/apps/server/apps/server/src/main.js');

export interface GatehouseOptions {
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  /** Of a server whose issuer is another's address: the second of two. */
  readonly publicUrl?: string;
  /** The YAML file's text. */
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Gatehouse {
  /** Where this process listens. */
  readonly url: string;
  /** The issuer. */
  readonly publicUrl: string;
  readonly pid: number;
  /** What came out so far; lines of requests may still wait in the server for company. */
  log(): string;
  /** Everything that it said about what was answered before this call. */
  logged(): Promise<string>;
  /** Ends it as an operator would; answers its exit code. */
  stop(): Promise<number | null>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

const CLI = path.resolve('dist/apps/server/apps/server/src/cli.js');
/** Whatever the server seals, the command must open: both get this key. */
const MASTER_KEYS = `test:${Buffer.alloc(32, 7).toString('base64url')}`;

/** Runs a command of the `gatehouse` program against the stores of a running server, with the server's YAML if given. */
export async function runGatehouse(
  args: readonly string[],
  options: Required<Pick<GatehouseOptions, 'databaseUrl' | 'redisUrl' | 'publicUrl'>> &
    Pick<GatehouseOptions, 'yaml' | 'env'>,
): Promise<{ code: number | null; output: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-command-'));
  const config = path.join(folder, 'gatehouse.yaml');
  if (options.yaml !== undefined) writeFileSync(config, options.yaml);
  const child = spawn(process.execPath, [CLI, ...args], {
    env: {
      PATH: process.env.PATH,
      PUBLIC_URL: options.publicUrl,
      DATABASE_URL: options.databaseUrl,
      REDIS_URL: options.redisUrl,
      GATEHOUSE_MASTER_KEYS: MASTER_KEYS,
      ...(options.yaml === undefined ? {} : { GATEHOUSE_CONFIG: config }),
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  rmSync(folder, { recursive: true, force: true });
  return { code, output };
}

/** Starts the built server as a process of its own, the way a user does, and waits until it is ready. */
export async function startGatehouse(options: GatehouseOptions = {}): Promise<Gatehouse> {
  if (!existsSync(MAIN)) throw new Error('the server is not built: run npm run build first');
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const publicUrl = options.publicUrl ?? url;
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
  const config = path.join(dataDir, 'gatehouse.yaml');
  if (options.yaml !== undefined) writeFileSync(config, options.yaml);
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
    env: {
      PATH: process.env.PATH,
      HOME: dataDir,
      PORT: String(port),
      PUBLIC_URL: publicUrl,
      GATEHOUSE_DATA_DIR: dataDir,
      GATEHOUSE_RATE_LIMITS: 'off',
      GATEHOUSE_MASTER_KEYS: MASTER_KEYS,
      TEST_IDP_PORT: 'off',
      LOG_LEVEL: 'info',
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
      ...(options.redisUrl === undefined ? {} : { REDIS_URL: options.redisUrl }),
      ...(options.yaml === undefined ? {} : { GATEHOUSE_CONFIG: config }),
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  await ready(url, child, () => printed);
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const code = await exited;
    rmSync(dataDir, { recursive: true, force: true });
    return code;
  };
  return {
    url,
    publicUrl,
    pid: child.pid ?? 0,
    log: () => printed,
    logged: async () => {
      const mark = `/mark-${randomUUID()}`;
      await fetch(`${url}${mark}`);
      while (!printed.includes(mark)) await new Promise(setImmediate);
      return printed;
    },
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
  };
}

/** Asks until it answers or is gone. */
async function ready(url: string, child: ChildProcess, printed: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}:\n${printed()}`);
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (answer?.status === 200) return;
    await answer?.arrayBuffer();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
