import { Redis } from 'ioredis';
import {
  startRedis,
  startRedisCluster,
  startSentinel,
  startTcpRedis,
  type RedisServer,
} from '../../../test/harness/redis-server.js';
import { RedisConnection } from './redis-connection.js';
import { MIRROR_SLOT, RedisRevocationMirror } from './redis-revocation-mirror.js';
import { parseRedisUrl } from './redis-url.js';
import type { RevocationEntry } from './revocation-mirror.js';

/** For specs: a Redis of some kind and a connection to the very server that holds the mirror. */
export interface Place {
  readonly url: string;
  /** The server that holds the mirror. */
  readonly server: RedisServer;
  readonly admin: Redis;
  close(): Promise<void>;
}

export async function onSocket(args: readonly string[] = []): Promise<Place> {
  const server = await startRedis({ args });
  const admin = new Redis(server.url.replace('unix://', ''));
  return { url: server.url, server, admin, close: () => end(admin, server) };
}

export async function behindSentinel(): Promise<Place> {
  const server = await startTcpRedis();
  const sentinel = await startSentinel(server.port);
  const admin = new Redis(server.port, '127.0.0.1');
  return { url: sentinel.url, server, admin, close: () => end(admin, sentinel, server) };
}

/** The slot of the mirror belongs to the second node of three, so asking just any node is wrong. */
export async function inCluster(size: number): Promise<Place> {
  const cluster = await startRedisCluster(size);
  const server = cluster.nodes[Math.floor((MIRROR_SLOT / 16_384) * size)] ?? cluster;
  const admin = new Redis(server.url);
  return { url: cluster.url, server, admin, close: () => end(admin, cluster) };
}

async function end(admin: Redis, ...servers: RedisServer[]): Promise<void> {
  admin.disconnect();
  await Promise.all(servers.map((server) => server.stop()));
}

export const later = (): number => Date.now() + 600_000;
export const entry = (subject: string, generation: number): RevocationEntry => ({
  subject,
  generation,
  expiresAtMs: later(),
});
export const none = async (): Promise<RevocationEntry[]> => [];

/** For specs: what one Gatehouse process has of the mirror. */
export class Instance {
  readonly log: string[] = [];
  readonly connection: RedisConnection;
  readonly mirror: RedisRevocationMirror;

  constructor(url: string) {
    const log = (level: string, message: string): void => void this.log.push(`${level}: ${message}`);
    this.connection = new RedisConnection(parseRedisUrl(url), { log, commandTimeoutMs: 1_000 });
    this.mirror = new RedisRevocationMirror(this.connection, { now: Date.now, log });
  }

  static async connect(url: string): Promise<Instance> {
    const instance = new Instance(url);
    await instance.connection.settled();
    await instance.mirror.look();
    return instance;
  }

  untilReady(): Promise<void> {
    return new Promise((resolve) => this.connection.onReady(resolve));
  }

  async close(): Promise<void> {
    this.mirror.close();
    await this.connection.close();
  }
}
