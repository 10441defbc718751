import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import { UpstreamTokenEndpoints } from '@app/upstream-tokens';

/** A token bucket: `perSecond` on average, a second's worth at once. Time is milliseconds of a monotonic clock. */
export class RateBudget {
  private tokens: number;

  constructor(
    private readonly perSecond: number,
    private filledAt: number,
  ) {
    this.tokens = Math.max(1, perSecond);
  }

  /** How many may go now; a whole number. */
  available(now: number): number {
    const most = Math.max(1, this.perSecond);
    this.tokens = Math.min(most, this.tokens + ((now - this.filledAt) / 1000) * this.perSecond);
    this.filledAt = now;
    return Math.floor(this.tokens);
  }

  /** Takes one; may go below zero when something was sent that had to be. */
  spend(now: number): void {
    this.available(now);
    this.tokens -= 1;
  }
}

/** The rates of the providers in this process (`max_per_second`): schedule and callers spend from the same. */
@Injectable()
export class RateBudgets {
  private readonly budgets = new Map<string, RateBudget>();

  constructor(private readonly endpoints: UpstreamTokenEndpoints) {}

  /** How many requests to this provider may be sent now; below one: none. */
  available(providerId: string): number {
    return this.of(providerId).available(performance.now());
  }

  spend(providerId: string): void {
    this.of(providerId).spend(performance.now());
  }

  private of(providerId: string): RateBudget {
    let budget = this.budgets.get(providerId);
    if (budget === undefined) {
      budget = new RateBudget(this.endpoints.describe(providerId)?.maxPerSecond ?? 1, performance.now());
      this.budgets.set(providerId, budget);
    }
    return budget;
  }
}
