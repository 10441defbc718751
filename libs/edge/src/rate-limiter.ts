import { Inject, Injectable, Logger } from '@nestjs/common';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { LocalWindows } from './local-windows.js';
import { countedAddress } from './network-address.js';
import type { RateClassName } from './route-policy.js';

const WINDOW_MS = 60_000;
/** Addresses remembered by one process: at most some ten megabytes. */
const CAPACITY = 50_000;
/** Below this share of a limit a request does not wait for the shared counter's answer. */
const UNHURRIED_SHARE = 0.8;
/** How long what was counted here may be unknown to the other instances, far below a limit. */
const TELL_AFTER_MS = 50;

interface Counted {
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
}

/** The 429 of every limit (D4): `Retry-After`, the three X-RateLimit headers, and the same in `details`. */
export function rateLimitExceeded(limit: number, windowMs: number, endsAt: number, now: number): OAuthError {
  const retryAfter = Math.max(1, Math.ceil((endsAt - now) / 1000));
  return new OAuthError('rate_limit_exceeded', `Too many requests; try again in ${retryAfter} seconds`, {
    retryAfterSeconds: retryAfter,
    details: { limit, window: Math.round(windowMs / 1000), retry_after: retryAfter },
    headers: {
      'X-RateLimit-Limit': String(limit),
      'X-RateLimit-Remaining': '0',
      'X-RateLimit-Reset': String(Math.ceil(endsAt / 1000)),
    },
  });
}

/**
 * Requests per address and minute, per class of route (D44), counted in the transient store, so that all instances
 * share the count; with the store gone, in this process (D57).
 */
@Injectable()
export class RateLimiter {
  readonly #logger = new Logger('RateLimits');
  readonly #windows = new LocalWindows(CAPACITY);
  #storeGone = false;
  /** Counted here, and not yet in the store. */
  readonly #untold = new Map<string, number>();
  #telling: NodeJS.Timeout | undefined;

  constructor(
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Counts one request; throws 429 `rate_limit_exceeded` above the limit. Far below it nothing is worth waiting for: the
   * answer is then undefined, and the store is told a moment later, of many requests at once. A burst on many instances
   * can so pass the limit by what they let through in that moment, and by nothing after that.
   */
  take(rateClass: RateClassName, address: string): Promise<void> | undefined {
    if (rateClass === 'none' || !this.config.rateLimits.enabled) return undefined;
    const limit = this.config.rateLimits[rateClass];
    const key = `rate:${rateClass}:${countedAddress(address)}`;
    const now = this.clock().getTime();
    const known = this.#windows.find(key, now);
    if (known !== undefined && known.count >= limit) throw rateLimitExceeded(limit, WINDOW_MS, known.endsAt, now);
    if (known === undefined || known.count >= limit * UNHURRIED_SHARE) return this.#judge(this.#count(key, now), limit);
    this.#windows.add(key, WINDOW_MS, now);
    this.#untold.set(key, (this.#untold.get(key) ?? 0) + 1);
    this.#telling ??= setTimeout(() => void this.tell(), TELL_AFTER_MS).unref();
    return undefined;
  }

  /** Tells the store now what was counted here since the last time. Never rejects. */
  async tell(): Promise<void> {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    const untold = [...this.#untold];
    this.#untold.clear();
    await Promise.all(untold.map(([key, count]) => this.#share(key, count)));
  }

  /**
   * Counts a token that was not good at introspection or userinfo (D57). Good tokens cost nothing. Returns at once;
   * the shared count arrives a moment later and never as an error.
   */
  countBadToken(address: string): void {
    if (!this.config.rateLimits.enabled) return;
    void this.#count(badTokenKey(address), this.clock().getTime());
  }

  /** Throws 429 when this address has sent too many bad tokens. Reads memory only. */
  assertBadTokensAllowed(address: string): void {
    const { enabled, badTokens } = this.config.rateLimits;
    if (!enabled) return;
    const now = this.clock().getTime();
    const known = this.#windows.find(badTokenKey(address), now);
    if (known !== undefined && known.count >= badTokens)
      throw rateLimitExceeded(badTokens, WINDOW_MS, known.endsAt, now);
  }

  async #judge(shared: Promise<Counted>, limit: number): Promise<void> {
    const { count, endsAt } = await shared;
    if (count > limit) throw rateLimitExceeded(limit, WINDOW_MS, endsAt, this.clock().getTime());
  }

  /** Counts here at once and in the store; never rejects: with the store gone this process's own count decides. */
  async #count(key: string, at: number): Promise<Counted> {
    const own = this.#windows.add(key, WINDOW_MS, at);
    const untold = this.#untold.get(key) ?? 0;
    this.#untold.delete(key);
    return (await this.#share(key, untold + 1)) ?? own;
  }

  /** The count that all instances share, with ours added; undefined when the store is gone. */
  async #share(key: string, added: number): Promise<Counted | undefined> {
    try {
      const { count, resetMs } = await this.store.increment(key, WINDOW_MS, added);
      this.#storeGone = false;
      const now = this.clock().getTime();
      this.#windows.learn(key, count, now + resetMs, now);
      return { count, endsAt: now + resetMs };
    } catch (error) {
      if (!this.#storeGone)
        this.#logger.warn({ message: 'The transient store is gone; this process counts on its own', err: error });
      this.#storeGone = true;
      return undefined;
    }
  }
}

function badTokenKey(address: string): string {
  return `rate:bad-token:${countedAddress(address)}`;
}
