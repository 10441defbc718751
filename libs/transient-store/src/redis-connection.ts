import { Cluster, type Redis } from 'ioredis';
import { DeadlineQueue } from './deadline-queue.js';
import { createRedisClient, type RedisClient } from './redis-client.js';
import type { RedisTarget } from './redis-url.js';
import { StoreUnavailable, type StoreLog } from './transient-store.js';

export interface RedisConnectionOptions {
  readonly log: StoreLog;
  /** undefined: 2 s. */
  readonly commandTimeoutMs?: number;
  /** undefined: 5 s. */
  readonly connectTimeoutMs?: number;
}

/**
 * One client for the life of the process, behind one rule: an operation is answered, or rejected with StoreUnavailable
 * within `commandTimeoutMs`. It reconnects for ever and says so in the log once per outage.
 */
export class RedisConnection {
  private readonly client: RedisClient;
  private readonly commandTimeoutMs: number;
  private readonly deadlines: DeadlineQueue;
  private readonly readyHandlers: (() => void)[] = [];
  private readonly firstAttempt: Promise<void>;
  private lastFault: string | undefined;
  private outageLogged = false;
  private closed = false;
  private epochNumber = 0;
  /** The socket that is corked for this turn. */
  private gathering: Redis['stream'] | undefined;

  constructor(
    private readonly target: RedisTarget,
    private readonly options: RedisConnectionOptions,
  ) {
    this.commandTimeoutMs = options.commandTimeoutMs ?? 2_000;
    this.deadlines = new DeadlineQueue(this.commandTimeoutMs);
    this.client = this.createClient();
    this.firstAttempt = this.watch();
  }

  /**
   * Changes whenever a connection was lost or made, before anything can be answered over the new one: what was learnt
   * about the server under another epoch may not hold any more.
   */
  get epoch(): number {
    return this.epochNumber;
  }

  get ready(): boolean {
    return !this.closed && this.client.status === 'ready';
  }

  get isCluster(): boolean {
    return this.client instanceof Cluster;
  }

  /** Which node this client asks about a hash slot; always the same constant outside a cluster. */
  ownerOf(slot: number): string {
    return this.client instanceof Cluster ? (this.client.slots[slot]?.[0] ?? 'nobody') : 'the server';
  }

  /** Resolves when the first connection stands or has failed; the connection goes on trying by itself. */
  settled(): Promise<void> {
    return this.firstAttempt;
  }

  /** Calls `handler` each time the connection (a cluster: any of its nodes) stands anew. */
  onReady(handler: () => void): void {
    this.readyHandlers.push(handler);
  }

  /** @throws StoreUnavailable for every failure, a lost answer and a refusal by the server alike. */
  run<T>(operation: (client: RedisClient) => Promise<T>): Promise<T> {
    if (!this.ready) return Promise.reject(this.unavailable());
    try {
      this.gather();
      return this.bounded(operation(this.client));
    } catch (error) {
      // A cluster whose slots are not all covered makes ioredis throw before it has a promise.
      return Promise.reject(new StoreUnavailable(`Redis cannot serve: ${describeFault(error)}`, { cause: error }));
    }
  }

  /**
   * A second client of the same kind for subscriptions; a cluster client keeps one of its own inside.
   * @throws StoreUnavailable when the socket is dead, which shows a moment before {@link ready} falls.
   */
  subscriber(): RedisClient {
    if (this.client instanceof Cluster) return this.client;
    if (!this.client.stream.writable) throw this.unavailable();
    const client = this.createClient();
    client.on('error', (error: Error) => this.noteFault(error));
    return client;
  }

  /** Rejects with StoreUnavailable when `answer` does, or when it is late. */
  bounded<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const done = this.deadlines.begin(() =>
        reject(new StoreUnavailable(`Redis gave no answer within ${this.commandTimeoutMs} ms`)),
      );
      answer.then(
        (value) => {
          done();
          resolve(value);
        },
        (error: unknown) => {
          done();
          reject(
            isDeadSocket(error)
              ? this.unavailable()
              : new StoreUnavailable(`Redis cannot serve: ${describeFault(error)}`, { cause: error }),
          );
        },
      );
    });
  }

  /** Drops the connection and looks for the primary again, e.g. when the server turned out to be a replica. */
  reconnect(): void {
    if (!this.closed) this.client.disconnect(true);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.epochNumber++;
    await endClient(this.client);
  }

  /**
   * Holds what is written back until the end of this turn of the event loop, so that all its commands leave in one
   * write. ioredis's autopipelining does the same through objects of its own, for more than twice the CPU time; only a
   * cluster, whose commands go to several sockets, uses that.
   */
  private gather(): void {
    if (this.client instanceof Cluster) return;
    const { stream } = this.client;
    if (stream === this.gathering) return;
    this.gathering = stream;
    stream.cork();
    setImmediate(() => {
      if (this.gathering === stream) this.gathering = undefined;
      stream.uncork();
    });
  }

  private createClient(): RedisClient {
    return createRedisClient(this.target, {
      commandTimeoutMs: this.commandTimeoutMs,
      connectTimeoutMs: this.options.connectTimeoutMs ?? 5_000,
    });
  }

  private watch(): Promise<void> {
    const { client } = this;
    client.on('ready', () => this.stands());
    client.on('close', () => this.lost());
    client.on('error', (error: Error) => this.lost(error));
    if (client instanceof Cluster) {
      client.on('+node', () => this.epochNumber++);
      client.on('-node', () => this.epochNumber++);
      client.on('node error', (error: Error) => this.noteFault(error));
      client.on('refresh', () => {
        if (client.status === 'ready') this.announceReady();
      });
    }
    return new Promise((resolve) => {
      for (const event of ['ready', 'close', 'error', 'end']) client.once(event, () => resolve());
    });
  }

  private stands(): void {
    this.epochNumber++;
    this.lastFault = undefined;
    if (this.outageLogged) this.options.log('info', 'Redis is reachable again');
    this.outageLogged = false;
    this.announceReady();
  }

  private announceReady(): void {
    if (!this.closed) for (const handler of this.readyHandlers) handler();
  }

  private lost(error?: Error): void {
    this.epochNumber++;
    if (error !== undefined) this.noteFault(error);
    if (this.closed || this.outageLogged) return;
    this.outageLogged = true;
    this.options.log('warn', `Redis cannot be reached, trying on: ${this.lastFault ?? 'the connection was closed'}`);
  }

  private noteFault(error: Error): void {
    this.lastFault = describeFault(error);
  }

  private unavailable(): StoreUnavailable {
    if (this.closed) return new StoreUnavailable('the connection to Redis is closed');
    return new StoreUnavailable(
      `Redis cannot be reached: ${this.lastFault ?? `the connection is ${this.client.status}`}`,
    );
  }
}

/** Closes a client. Only a standing connection announces its end; the others have nothing to wait for. */
export async function endClient(client: RedisClient): Promise<void> {
  const ended =
    client.status === 'ready' ? new Promise<void>((resolve) => client.once('end', () => resolve())) : undefined;
  client.disconnect();
  await ended;
}

/** The words of an error, for logs: Node's happy-eyeballs AggregateError has an empty message of its own. */
function describeFault(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describeFault(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown fault';
  const last: unknown = 'lastNodeError' in error ? error.lastNodeError : undefined;
  return last instanceof Error ? `${error.message} (${last.message})` : error.message || error.name;
}

/** What ioredis says when the socket died and its own state has not followed yet: the same as being unreachable. */
function isDeadSocket(error: unknown): boolean {
  return describeFault(error).startsWith("Stream isn't writeable");
}
