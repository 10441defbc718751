import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { SCRIPTS } from './redis-scripts.js';
import type { RedisTarget } from './redis-url.js';

export type RedisClient = Redis | Cluster;

/** Bounds in milliseconds. */
export interface RedisTiming {
  /** An operation without an answer after this long is given up. */
  readonly commandTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

/** Exponential from 50 ms to 2 s with jitter, for ever: instances that lost one Redis do not return in step. */
export function reconnectDelay(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt - 1, 10), 2_000) + Math.floor(Math.random() * 100);
}

/**
 * An ioredis client that fails fast. Nothing waits for a connection (no offline queue) and nothing is sent twice: a
 * GETDEL whose answer was lost must not be repeated behind the caller's back.
 */
export function createRedisClient(target: RedisTarget, timing: RedisTiming): RedisClient {
  if (target.kind === 'cluster') return createCluster(target, timing);
  const options: RedisOptions = {
    ...nodeOptions(timing),
    username: target.login.username,
    password: target.login.password,
    db: target.db,
    scripts: SCRIPTS,
    enableOfflineQueue: false,
    retryStrategy: reconnectDelay,
    // ioredis's own resubscription leaves its promise without a catch: the store subscribes again by itself.
    autoResubscribe: false,
  };
  switch (target.kind) {
    case 'tcp':
      return new Redis({ ...options, ...target.address, ...(target.tls ? { tls: {} } : {}) });
    case 'unix':
      return new Redis({ ...options, path: target.path });
    case 'sentinel':
      return new Redis({
        ...options,
        sentinels: target.sentinels.map((address) => ({ ...address })),
        name: target.name,
        sentinelUsername: target.sentinelLogin.username,
        sentinelPassword: target.sentinelLogin.password,
        sentinelCommandTimeout: timing.commandTimeoutMs,
        sentinelRetryStrategy: reconnectDelay,
        ...(target.tls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
      });
  }
}

function nodeOptions(timing: RedisTiming): RedisOptions {
  return {
    connectTimeout: timing.connectTimeoutMs,
    disconnectTimeout: 1_000,
    // A server that holds the connection and says nothing: twice the command's bound, then the socket is torn down.
    socketTimeout: timing.commandTimeoutMs * 2,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectionName: 'gatehouse',
    // A primary that became a replica answers READONLY: find the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

function createCluster(target: Extract<RedisTarget, { kind: 'cluster' }>, timing: RedisTiming): Cluster {
  return new Cluster(
    target.nodes.map((node) => ({ ...node })),
    {
      scripts: SCRIPTS,
      enableAutoPipelining: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: reconnectDelay,
      retryDelayOnFailover: 0,
      maxRedirections: 5,
      slotsRefreshTimeout: timing.commandTimeoutMs,
      slotsRefreshInterval: 5_000,
      // Certificates name hosts: with TLS the names must reach the handshake unresolved.
      ...(target.tls
        ? { dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host) }
        : {}),
      redisOptions: {
        ...nodeOptions(timing),
        username: target.login.username,
        password: target.login.password,
        ...(target.tls ? { tls: {} } : {}),
      },
    },
  );
}
