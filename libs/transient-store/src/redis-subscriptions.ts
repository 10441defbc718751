import { endClient, type RedisConnection } from './redis-connection.js';
import type { RedisClient } from './redis-client.js';
import { StoreUnavailable, type StoreLog, type Unsubscribe } from './transient-store.js';

type Handler = (message: string) => void;

/** Subscriptions on a connection of their own, opened by the first one, and taken up again after each reconnect. */
export class RedisSubscriptions {
  private readonly handlers = new Map<string, Set<Handler>>();
  private client: RedisClient | undefined;
  private closed = false;

  constructor(
    private readonly connection: RedisConnection,
    private readonly log: StoreLog,
  ) {}

  /** @throws StoreUnavailable when Redis does not confirm the subscription; then there is none. */
  async add(channel: string, handler: Handler): Promise<Unsubscribe> {
    const own: Handler = (message) => handler(message);
    const known = this.handlers.get(channel) ?? new Set();
    this.handlers.set(channel, known.add(own));
    const remove = (): boolean => {
      known.delete(own);
      return known.size === 0 && this.handlers.get(channel) === known && this.handlers.delete(channel);
    };
    try {
      const client = await this.open();
      await this.connection.bounded(client.subscribe(channel));
    } catch (error) {
      remove();
      throw error;
    }
    return async () => {
      // Nobody is served by knowing that the farewell was lost: without handlers a message goes nowhere.
      if (remove()) await this.forget(channel).catch(() => undefined);
    };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.handlers.clear();
    if (this.client !== undefined && !this.connection.isCluster) await endClient(this.client);
  }

  private async open(): Promise<RedisClient> {
    if (this.closed || !this.connection.ready) throw new StoreUnavailable('Redis cannot be reached to subscribe');
    if (this.client === undefined) {
      const client = this.connection.subscriber();
      this.client = client;
      client.on('message', (channel: string, message: string) => this.deliver(channel, message));
      client.on('ready', () => this.resubscribe(client));
    }
    const { client } = this;
    if (client.status !== 'ready') {
      const ready = new Promise<void>((resolve) => client.once('ready', () => resolve()));
      await this.connection.bounded(ready);
    }
    return client;
  }

  private resubscribe(client: RedisClient): void {
    const channels = [...this.handlers.keys()];
    if (this.closed || channels.length === 0) return;
    // A failure means the connection is gone again; its return calls this again.
    client.subscribe(...channels).catch(() => undefined);
  }

  private async forget(channel: string): Promise<void> {
    if (this.closed || this.client === undefined || this.handlers.has(channel)) return;
    await this.connection.bounded(this.client.unsubscribe(channel));
  }

  private deliver(channel: string, message: string): void {
    for (const handler of this.handlers.get(channel) ?? []) {
      try {
        handler(message);
      } catch (error) {
        this.log('warn', `a subscriber of ${channel} failed: ${String(error)}`);
      }
    }
  }
}
