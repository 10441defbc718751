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
