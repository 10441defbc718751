import {
  requireLifetime,
  StoreUnavailable,
  type StoreLog,
  type TransientStore,
  type Unsubscribe,
} from './transient-store.js';

interface Entry {
  value: string;
  readonly expiresAt: number;
}

export interface InProcessStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: StoreLog;
  /** Live entries kept at most; undefined: one million. */
  readonly maxEntries?: number;
}

const SWEEP_EVERY_MS = 30_000;
/** How many entries a write looks at on its way, so that a burst of writes pays for its own cleaning. */
const GLANCE = 8;

/**
 * The store of development and of a single process: a Map with expiry. What it holds dies with the process and no other
 * process sees it, so two instances behind one address need Redis. Like a Redis without eviction it refuses new
 * entries when it is full of live ones: dropping one would make a used code or a seen assertion good again.
 */
export class InProcessTransientStore implements TransientStore {
  readonly kind = 'in-process';
  private readonly entries = new Map<string, Entry>();
  private readonly handlers = new Map<string, Set<(message: string) => void>>();
  private readonly maxEntries: number;
  private readonly sweeper: NodeJS.Timeout;
  private glancing: Iterator<[string, Entry]> | undefined;
  private closed = false;

  constructor(private readonly options: InProcessStoreOptions) {
    this.maxEntries = options.maxEntries ?? 1_000_000;
    this.sweeper = setInterval(() => this.sweep(), SWEEP_EVERY_MS);
    this.sweeper.unref();
  }

  /** Entries held, expired ones that nobody has met yet included. */
  get size(): number {
    return this.entries.size;
  }

  async get(key: string): Promise<string | undefined> {
    this.requireOpen();
    return this.live(key)?.value;
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    requireLifetime('ttlMs', ttlMs);
    this.requireOpen();
    this.put(key, value, ttlMs);
  }

  async take(key: string): Promise<string | undefined> {
    this.requireOpen();
    const value = this.live(key)?.value;
    this.entries.delete(key);
    return value;
  }

  async setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean> {
    requireLifetime('ttlMs', ttlMs);
    this.requireOpen();
    if (this.live(key) !== undefined) return false;
    this.put(key, value, ttlMs);
    return true;
  }

  async exchange(key: string, value: string, ttlMs: number): Promise<string | undefined> {
    requireLifetime('ttlMs', ttlMs);
    this.requireOpen();
    const former = this.live(key)?.value;
    if (former !== undefined) this.put(key, value, ttlMs);
    return former;
  }

  async increment(key: string, windowMs: number, by = 1): Promise<{ count: number; resetMs: number }> {
    requireLifetime('windowMs', windowMs);
    this.requireOpen();
    const entry = this.live(key);
    if (entry === undefined) {
      this.put(key, String(by), windowMs);
      return { count: by, resetMs: windowMs };
    }
    const count = Number(entry.value) + by;
    if (!Number.isSafeInteger(count)) throw new StoreUnavailable('the value to increment is not a whole number');
    entry.value = String(count);
    return { count, resetMs: entry.expiresAt - this.options.now() };
  }

  async compareAndDelete(key: string, expected: string): Promise<boolean> {
    this.requireOpen();
    if (this.live(key)?.value !== expected) return false;
    return this.entries.delete(key);
  }

  async delete(key: string): Promise<void> {
    this.requireOpen();
    this.entries.delete(key);
  }

  async publish(channel: string, message: string): Promise<void> {
    this.requireOpen();
    // Later, as over a network: a handler must not run inside its publisher.
    for (const handler of this.handlers.get(channel) ?? []) setImmediate(() => this.deliver(channel, handler, message));
  }

  async subscribe(channel: string, handler: (message: string) => void): Promise<Unsubscribe> {
    this.requireOpen();
    const own = (message: string): void => handler(message);
    const known = this.handlers.get(channel) ?? new Set();
    this.handlers.set(channel, known.add(own));
    return async () => {
      known.delete(own);
      if (known.size === 0 && this.handlers.get(channel) === known) this.handlers.delete(channel);
    };
  }

  async ping(): Promise<void> {
    this.requireOpen();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.sweeper);
    this.entries.clear();
    this.handlers.clear();
  }

  /** Drops everything that has expired. Runs every 30 seconds by itself. */
  sweep(): void {
    const now = this.options.now();
    for (const [key, entry] of this.entries) if (entry.expiresAt <= now) this.entries.delete(key);
  }

  private live(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined || entry.expiresAt > this.options.now()) return entry;
    this.entries.delete(key);
    return undefined;
  }

  private put(key: string, value: string, ttlMs: number): void {
    this.glance();
    if (this.entries.size >= this.maxEntries && !this.entries.has(key)) {
      this.sweep();
      if (this.entries.size >= this.maxEntries)
        throw new StoreUnavailable(`the in-process store is full (${this.maxEntries} live entries): use Redis`);
    }
    this.entries.set(key, { value, expiresAt: this.options.now() + ttlMs });
  }

  /** Walks on through the map, a few steps a write; a Map iterator tolerates changes and sees later additions. */
  private glance(): void {
    const now = this.options.now();
    this.glancing ??= this.entries.entries();
    for (let step = 0; step < GLANCE; step++) {
      const next = this.glancing.next();
      if (next.done === true) {
        this.glancing = undefined;
        return;
      }
      const [key, entry] = next.value;
      if (entry.expiresAt <= now) this.entries.delete(key);
    }
  }

  private deliver(channel: string, handler: (message: string) => void, message: string): void {
    if (this.handlers.get(channel)?.has(handler) !== true) return;
    try {
      handler(message);
    } catch (error) {
      this.options.log('warn', `a subscriber of ${channel} failed: ${String(error)}`);
    }
  }

  private requireOpen(): void {
    if (this.closed) throw new StoreUnavailable('the in-process store is closed');
  }
}
