interface Window {
  count: number;
  endsAt: number;
}

/**
 * Fixed-window counters in this process's memory, bounded: when full, the oldest window is dropped. Times are
 * milliseconds since the epoch and come from the caller.
 */
export class LocalWindows {
  readonly #windows = new Map<string, Window>();

  constructor(private readonly capacity: number) {}

  /** The open window of a key, undefined when there is none or it has ended. */
  find(key: string, now: number): Readonly<Window> | undefined {
    const window = this.#windows.get(key);
    if (window === undefined) return undefined;
    if (window.endsAt > now) return window;
    this.#windows.delete(key);
    return undefined;
  }

  /** Counts one here and returns the window; opens one of `windowMs` when none is open. */
  add(key: string, windowMs: number, now: number): Readonly<Window> {
    const open = this.find(key, now) as Window | undefined;
    if (open !== undefined) {
      open.count += 1;
      return open;
    }
    return this.#open(key, { count: 1, endsAt: now + windowMs });
  }

  /** Takes over what a shared counter says; a smaller count for the same window is an answer that came late. */
  learn(key: string, count: number, endsAt: number, now: number): Readonly<Window> {
    const open = this.find(key, now) as Window | undefined;
    if (open === undefined) return this.#open(key, { count, endsAt });
    // More than a second apart, the shared window is another one than ours.
    open.count = Math.abs(open.endsAt - endsAt) < 1000 ? Math.max(open.count, count) : count;
    open.endsAt = endsAt;
    return open;
  }

  /** Number of keys held, ended windows included. */
  get size(): number {
    return this.#windows.size;
  }

  #open(key: string, window: Window): Window {
    if (this.#windows.size >= this.capacity) {
      const oldest = this.#windows.keys().next();
      if (oldest.done !== true) this.#windows.delete(oldest.value);
    }
    this.#windows.set(key, window);
    return window;
  }
}
