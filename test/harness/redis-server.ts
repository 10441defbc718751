import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, Socket, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

export interface RedisServerOptions {
  /** Further arguments of redis-server, e.g. `['--maxmemory-policy', 'allkeys-lru']`. */
  readonly args?: readonly string[];
}

/** A private redis-server that stores nothing on disk and belongs to one test file. */
export interface RedisServer {
  /** `unix://…`, or `redis+cluster://…`, `redis+sentinel://…` from the launchers of those. */
  readonly url: string;
  readonly pid: number;
  /** Ends the process as a crash would; what it held is lost. */
  kill(): Promise<void>;
  /** Kills it if need be and starts an empty one at the same address. */
  restart(): Promise<void>;
  /** Freezes the process: connections stand and nobody answers. */
  suspend(): void;
  resume(): void;
  /** Ends it for good and removes its folder. */
  stop(): Promise<void>;
}

const BINARY = process.env.REDIS_SERVER ?? 'redis-server';
const QUIET = ['--save', '', '--appendonly', 'no', '--daemonize', 'no', '--loglevel', 'notice', '--logfile', ''];

/** Starts a Redis on a unix socket in a folder of its own; no port is opened. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'gth-redis-'));
  const socket = join(folder, 'r.sock');
  const args = ['--port', '0', '--unixsocket', socket, '--dir', folder, ...QUIET, ...(options.args ?? [])];
  return launch({ folder, args, url: `unix://${socket}` });
}

/** Starts a Redis on a loopback port, for what cannot speak over a socket file (replicas, Sentinels). */
export async function startTcpRedis(
  options: RedisServerOptions = {},
): Promise<RedisServer & { readonly port: number }> {
  return onFreePorts(1, async ([port = 0]) => {
    const folder = await mkdtemp(join(tmpdir(), 'gth-redis-'));
    const args = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', folder, ...QUIET, ...(options.args ?? [])];
    return Object.assign(await launch({ folder, args, url: `redis://127.0.0.1:${port}` }), { port });
  });
}

/** Starts a Redis Cluster of `size` primaries that share the slots; kill, suspend and restart concern the first. */
export async function startRedisCluster(size = 1): Promise<RedisServer & { readonly nodes: readonly RedisServer[] }> {
  return onFreePorts(size * 2, async (ports) => {
    const nodes: RedisServer[] = [];
    try {
      for (let i = 0; i < size; i++) {
        const folder = await mkdtemp(join(tmpdir(), 'gth-redis-'));
        const place = ['--bind', '127.0.0.1', '--port', `${ports[i]}`, '--cluster-port', `${ports[size + i]}`];
        // A node that never met another one does not know its own address, and would tell clients none.
        const cluster = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'];
        const args = [...place, ...cluster, '--dir', folder, ...QUIET];
        nodes.push(await launch({ folder, args, url: `redis://127.0.0.1:${ports[i]}` }));
      }
      await formCluster(ports.slice(0, size), ports.slice(size));
    } catch (error) {
      await Promise.all(nodes.map((node) => node.stop()));
      throw error;
    }
    const [first] = nodes;
    if (first === undefined) throw new Error('a cluster has at least one node');
    const url = `redis+cluster://${ports
      .slice(0, size)
      .map((port) => `127.0.0.1:${port}`)
      .join(',')}`;
    const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())));
    return { ...first, pid: first.pid, url, nodes, stop };
  });
}

/** Starts a Sentinel that watches the Redis at `primaryPort` under the name `gatehouse`. */
export async function startSentinel(primaryPort: number): Promise<RedisServer & { readonly sentinelPort: number }> {
  return onFreePorts(1, async ([port = 0]) => {
    const folder = await mkdtemp(join(tmpdir(), 'gth-redis-'));
    // A Sentinel rewrites its configuration file, so it cannot live on arguments alone.
    const file = join(folder, 'sentinel.conf');
    const lines = [
      'bind 127.0.0.1',
      `port ${port}`,
      `dir ${folder}`,
      `sentinel monitor gatehouse 127.0.0.1 ${primaryPort} 1`,
      'sentinel down-after-milliseconds gatehouse 300',
      'sentinel failover-timeout gatehouse 3000',
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    const url = `redis+sentinel://127.0.0.1:${port}/gatehouse`;
    const sentinel = await launch({ folder, args: [file, '--sentinel'], url, readyWhen: /Sentinel ID is/ });
    return Object.assign(sentinel, { sentinelPort: port });
  });
}

interface Launch {
  readonly folder: string;
  readonly args: readonly string[];
  readonly url: string;
  readonly readyWhen?: RegExp;
}

async function launch(plan: Launch): Promise<RedisServer> {
  let child: ChildProcess;
  try {
    child = await run(plan);
  } catch (error) {
    await rm(plan.folder, { recursive: true, force: true });
    throw error;
  }
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.ref();
    child.kill('SIGKILL');
    await exit;
  };
  return {
    url: plan.url,
    get pid() {
      return child.pid ?? 0;
    },
    kill,
    restart: async () => {
      await kill();
      child = await run(plan);
    },
    suspend: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    stop: async () => {
      await kill();
      await rm(plan.folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when the server says on its log that it serves. */
function run({ args, folder, readyWhen = /ready to accept connections/i }: Launch): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(BINARY, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    if (child.pid !== undefined) guard(child, child.pid, folder);
    let said = '';
    const listen = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-4_000);
      if (!readyWhen.test(said)) return;
      // A test that failed before its clean-up must not keep its process from ending; the guard does the rest.
      child.unref();
      for (const pipe of [child.stdout, child.stderr]) if (pipe instanceof Socket) pipe.unref();
      resolve(child);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('exit', (code) => reject(new Error(`${BINARY} ended with code ${code} before it served:\n${said}`)));
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') return reject(error);
      const fix = 'install it (Debian: apt-get install redis-server, macOS: brew install redis) or set REDIS_SERVER';
      reject(new Error(`the tests need a Redis: ${BINARY} was not found; ${fix} to the path of a redis-server binary`));
    });
  });
}

/**
 * Ends the server and removes its folder when the test process ends in any way, a SIGKILL included: the guard waits on
 * a pipe that only the test process holds open. Jest runs no `exit` handlers of test code.
 */
function guard(child: ChildProcess, pid: number, folder: string): void {
  const script = 'read -r _; kill -9 "$1"; rm -rf "$2"';
  const args = ['-c', script, 'redis-guard', `${pid}`, folder];
  const watch = spawn('sh', args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  watch.unref();
  if (watch.stdin instanceof Socket) watch.stdin.unref();
  watch.on('error', () => undefined);
  child.once('exit', () => watch.kill('SIGKILL'));
}

/** Another process may take a free port before ours does: then with other ports once more. */
async function onFreePorts<T>(count: number, start: (ports: number[]) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const holders = await Promise.all(
      Array.from({ length: count }, async () => {
        const holder = createServer().listen(0, '127.0.0.1');
        await once(holder, 'listening');
        return holder;
      }),
    );
    const ports = holders.map((holder) => (holder.address() as AddressInfo).port);
    await Promise.all(holders.map((holder) => new Promise((closed) => holder.close(closed))));
    try {
      return await start(ports);
    } catch (error) {
      if (attempt === 3 || !/in use|bind/i.test(String(error))) throw error;
    }
  }
}

async function formCluster(ports: readonly number[], busPorts: readonly number[]): Promise<void> {
  const nodes = ports.map((port) => new Redis({ port, host: '127.0.0.1' }));
  try {
    const share = Math.ceil(16_384 / nodes.length);
    for (const [i, node] of nodes.entries()) {
      await node.cluster('ADDSLOTSRANGE', i * share, Math.min((i + 1) * share, 16_384) - 1);
      if (i > 0) await node.call('CLUSTER', 'MEET', '127.0.0.1', `${ports[0]}`, `${busPorts[0]}`);
    }
    for (const node of nodes) {
      for (;;) {
        const info = String(await node.cluster('INFO'));
        if (info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`)) break;
        await new Promise((again) => setTimeout(again, 20));
      }
    }
  } finally {
    for (const node of nodes) node.disconnect();
  }
}
