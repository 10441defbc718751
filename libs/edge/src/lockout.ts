import { hash } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { LocalWindows } from './local-windows.js';
import { countedAddress } from './network-address.js';
import { rateLimitExceeded } from './rate-limiter.js';

const CAPACITY = 20_000;

/**
 * The one lockout of everything that takes a secret (R29): ten failures in five minutes lock the pair of identifier
 * and address for fifteen (D44, D57). Never the identifier alone, or anybody could lock a client out of its own
 * service. With the store gone, this process counts on its own.
 */
@Injectable()
export class Lockout {
  readonly #logger = new Logger('Lockout');
  readonly #failures = new LocalWindows(CAPACITY);
  readonly #locks = new LocalWindows(CAPACITY);
  #storeGone = false;

  constructor(
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Throws 429 `rate_limit_exceeded` while the pair is locked, the same for a right and a wrong secret. One GET at
   * most: start it together with the look-up of the client, and await it before the secret is compared.
   */
  async assertOpen(identifier: string, address: string): Promise<void> {
    if (!this.config.rateLimits.enabled) return;
    const pair = pairKey(identifier, address);
    this.#refuseIfLocked(pair);
    let lockedUntil: string | undefined;
    try {
      lockedUntil = await this.store.get(`lockout:locked:${pair}`);
    } catch (error) {
      this.#ownMemoryOnly(error);
      return;
    }
    this.#storeGone = false;
    if (lockedUntil === undefined) return;
    this.#locks.learn(pair, 1, Number(lockedUntil), this.clock().getTime());
    this.#refuseIfLocked(pair);
  }

  /** Counts a secret that was wrong. Answers `locked` for the one that locked the pair, once. Never throws. */
  async failed(identifier: string, address: string): Promise<'counted' | 'locked'> {
    const { enabled, lockoutFailures, lockoutWindowMs, lockoutDurationMs } = this.config.rateLimits;
    if (!enabled) return 'counted';
    const pair = pairKey(identifier, address);
    const now = this.clock().getTime();
    let { count } = this.#failures.add(pair, lockoutWindowMs, now);
    try {
      ({ count } = await this.store.increment(`lockout:failures:${pair}`, lockoutWindowMs));
      if (count >= lockoutFailures)
        await this.store.set(`lockout:locked:${pair}`, String(now + lockoutDurationMs), lockoutDurationMs);
    } catch (error) {
      this.#ownMemoryOnly(error);
    }
    if (count < lockoutFailures) return 'counted';
    this.#locks.learn(pair, 1, now + lockoutDurationMs, now);
    if (count > lockoutFailures) return 'counted';
    this.#logger.warn({ message: 'Too many wrong secrets; locked', address, seconds: lockoutDurationMs / 1000 });
    return 'locked';
  }

  #refuseIfLocked(pair: string): void {
    const now = this.clock().getTime();
    const lock = this.#locks.find(pair, now);
    if (lock === undefined) return;
    const { lockoutFailures, lockoutWindowMs } = this.config.rateLimits;
    throw rateLimitExceeded(lockoutFailures, lockoutWindowMs, lock.endsAt, now);
  }

  #ownMemoryOnly(error: unknown): void {
    if (!this.#storeGone)
      this.#logger.warn({ message: 'The transient store is gone; lockouts count in this process only', err: error });
    this.#storeGone = true;
  }
}

/** The identifier is hashed: callers put anything there, of any length, now and then a secret by mistake. */
function pairKey(identifier: string, address: string): string {
  return `${hash('sha256', identifier, 'base64url')}:${countedAddress(address)}`;
}
