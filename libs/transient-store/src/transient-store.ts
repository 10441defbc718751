/** Injection token of the {@link TransientStore}. */
export const TRANSIENT_STORE = Symbol('TransientStore');

/** Stops the delivery that {@link TransientStore.subscribe} started. */
export type Unsubscribe = () => Promise<void>;

/**
 * Values that live minutes. Every method rejects with {@link StoreUnavailable} when the store cannot answer, at once or
 * within a bounded wait: the caller decides what that means, and for a one-time value it can only mean "refused".
 * A rejected write may still have been carried out: the answer was lost, not necessarily the command.
 * Keys and channels are plain strings without a prefix; lifetimes are whole milliseconds above zero (RangeError).
 */
export interface TransientStore {
  readonly kind: 'redis' | 'in-process';
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  /** Reads and deletes in one step: of any number of callers exactly one gets the value (D10, R22). */
  take(key: string): Promise<string | undefined>;
  /** True for the one caller that stored its value; false when the key was held already. */
  setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean>;
  /** Puts a value in place of another and answers that; undefined, and nothing is stored, where there was none. */
  exchange(key: string, value: string, ttlMs: number): Promise<string | undefined>;
  /**
   * Adds `by` (a whole number above zero; one unless told) to a counter that starts with its first call and ends `windowMs` later, however often it is called
   * (D44, D57). `resetMs` is what remains of the window.
   */
  increment(key: string, windowMs: number, by?: number): Promise<{ count: number; resetMs: number }>;
  /** Deletes only what the caller put there, so a lock that ran out is not taken from its next holder. */
  compareAndDelete(key: string, expected: string): Promise<boolean>;
  delete(key: string): Promise<void>;
  /** Fire and forget: who is not subscribed right now never hears of it. */
  publish(channel: string, message: string): Promise<void>;
  /** Lives through outages, but what was published during one is lost. A throwing handler is logged, no more. */
  subscribe(channel: string, handler: (message: string) => void): Promise<Unsubscribe>;
  ping(): Promise<void>;
  /** Ends the store; every later call rejects with {@link StoreUnavailable}. */
  close(): Promise<void>;
}

/** The store did not answer. Its message names the reason without any secret; `cause` is the driver's error. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** Where a store says, once per outage, that it lost its server and that it has it back. */
export type StoreLog = (level: 'info' | 'warn', message: string) => void;

/** @throws RangeError for a lifetime that no store can keep; Redis and a Map would fail differently. */
export function requireLifetime(name: 'ttlMs' | 'windowMs', value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new RangeError(`${name} must be a whole number of milliseconds above 0, not ${value}`);
}
