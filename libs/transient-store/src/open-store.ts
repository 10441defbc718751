import { InProcessTransientStore } from './in-process-store.js';
import { RedisConnection } from './redis-connection.js';
import { RedisRevocationMirror } from './redis-revocation-mirror.js';
import { RedisTransientStore } from './redis-store.js';
import { parseRedisUrl } from './redis-url.js';
import { UntrustedMirror, type RevocationMirror } from './revocation-mirror.js';
import type { StoreLog, TransientStore } from './transient-store.js';

export interface OpenStoreOptions {
  /** undefined: the process's own memory. */
  readonly redisUrl: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: StoreLog;
}

/** A store and the mirror that lives in the same place. */
export interface OpenStore {
  readonly store: TransientStore;
  readonly mirror: RevocationMirror;
  /** Ends both. */
  close(): Promise<void>;
}

/**
 * Opens what the URL names, over one connection. Resolves after the first attempt to connect, whether it succeeded or
 * not: an absent Redis is reported to `log` and awaited in the background.
 * @throws Error when the URL is not understood
 */
export async function openStore(options: OpenStoreOptions): Promise<OpenStore> {
  const { redisUrl, now, log } = options;
  if (redisUrl === undefined) {
    const store = new InProcessTransientStore({ now, log });
    return { store, mirror: new UntrustedMirror(), close: () => store.close() };
  }
  const connection = new RedisConnection(parseRedisUrl(redisUrl), { log });
  const store = new RedisTransientStore(connection, log);
  const mirror = new RedisRevocationMirror(connection, { now, log });
  await connection.settled();
  if (connection.ready) await mirror.look();
  return {
    store,
    mirror,
    close: async () => {
      mirror.close();
      await store.close();
    },
  };
}
