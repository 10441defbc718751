import type { RedisConnection } from './redis-connection.js';
import { RedisSubscriptions } from './redis-subscriptions.js';
import { requireLifetime, type StoreLog, type TransientStore, type Unsubscribe } from './transient-store.js';

const PREFIX = 'gth:';

/**
 * The store of production. Every operation is one round trip, and operations of the same turn of the event loop share
 * it. The keys live under `gth:`; the server must run without eviction, or one-time values may vanish and seen ones
 * become unseen.
 */
export class RedisTransientStore implements TransientStore {
  readonly kind = 'redis';
  private readonly subscriptions: RedisSubscriptions;

  constructor(
    private readonly connection: RedisConnection,
    log: StoreLog,
  ) {
    this.subscriptions = new RedisSubscriptions(connection, log);
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.connection.run((redis) => redis.get(PREFIX + key))) ?? undefined;
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    requireLifetime('ttlMs', ttlMs);
    await this.connection.run((redis) => redis.set(PREFIX + key, value, 'PX', ttlMs));
  }

  async take(key: string): Promise<string | undefined> {
    return (await this.connection.run((redis) => redis.getdel(PREFIX + key))) ?? undefined;
  }

  async setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean> {
    requireLifetime('ttlMs', ttlMs);
    return (await this.connection.run((redis) => redis.set(PREFIX + key, value, 'PX', ttlMs, 'NX'))) === 'OK';
  }

  async exchange(key: string, value: string, ttlMs: number): Promise<string | undefined> {
    requireLifetime('ttlMs', ttlMs);
    return (
      (await this.connection.run((redis) => redis.set(PREFIX + key, value, 'PX', ttlMs, 'XX', 'GET'))) ?? undefined
    );
  }

  async increment(key: string, windowMs: number, by = 1): Promise<{ count: number; resetMs: number }> {
    requireLifetime('windowMs', windowMs);
    const [count, resetMs] = await this.connection.run((redis) => redis.gthIncrement(PREFIX + key, windowMs, by));
    return { count, resetMs };
  }

  async compareAndDelete(key: string, expected: string): Promise<boolean> {
    return (await this.connection.run((redis) => redis.gthCompareAndDelete(PREFIX + key, expected))) === 1;
  }

  async delete(key: string): Promise<void> {
    await this.connection.run((redis) => redis.del(PREFIX + key));
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.connection.run((redis) => redis.publish(PREFIX + channel, message));
  }

  async subscribe(channel: string, handler: (message: string) => void): Promise<Unsubscribe> {
    return this.subscriptions.add(PREFIX + channel, handler);
  }

  async ping(): Promise<void> {
    await this.connection.run((redis) => redis.ping());
  }

  async close(): Promise<void> {
    await this.subscriptions.close();
    await this.connection.close();
  }
}
