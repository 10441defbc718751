import { setMaxListeners } from 'node:events';
import type { Clock } from '@app/config';
import { findOutboundError, type OutboundCalls } from '@app/outbound';
import { outcomeOfAnswer, outcomeOfFault, type DeliveryOutcome } from './delivery-outcome.js';

/** What differs from one outbox to the next. */
export interface Deliveries<Item> {
  /** Takes what is due and there is room for; undefined where there is no room. @param busy the receiver of each attempt under way */
  claim(busy: readonly string[]): Promise<readonly Item[] | undefined>;
  receiverOf(item: Item): string;
  /** One attempt; undefined where it was broken off, or nobody is to be told any more. */
  send(item: Item): Promise<DeliveryOutcome | undefined>;
  settle(item: Item, outcome: DeliveryOutcome): Promise<void>;
  /** Gives it back, for another instance to send at once. */
  release(item: Item): Promise<void>;
  /** Told once a streak. */
  cannotClaim(error: unknown): void;
  /** It is sent again when its lease has ended. */
  cannotStore(item: Item, error: unknown): void;
}

/** A process that ends gives attempts under way this long before it breaks them off. */
const SHUTDOWN_GRACE_MS = 3_000;

/**
 * Empties an outbox at any number of instances: claim, send, settle, each on its own, and no connection to Postgres held
 * while a receiver thinks.
 */
export class DeliveryLoop<Item> {
  private readonly underWay = new Map<Promise<void>, string>();
  private readonly stopping = new AbortController();
  private filling: Promise<void> | undefined;
  private fillAgain = false;
  private isFailing = false;
  private closed = false;

  constructor(private readonly deliveries: Deliveries<Item>) {
    // One of each attempt under way.
    setMaxListeners(0, this.stopping.signal);
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Sends what is due, until nothing is. */
  async run(): Promise<void> {
    await this.fill();
    while (this.underWay.size > 0) await Promise.all(this.underWay.keys());
  }

  /** Lets attempts under way end, breaks off those that take long, and leaves no lease behind. */
  async close(): Promise<void> {
    this.closed = true;
    const timer = setTimeout(() => this.stopping.abort(), SHUTDOWN_GRACE_MS);
    await this.filling;
    await Promise.all(this.underWay.keys());
    clearTimeout(timer);
  }

  /** POSTs one attempt. Undefined: broken off, because this process ends. */
  async post(
    calls: OutboundCalls,
    { address, headers, body }: { address: string; headers: Readonly<Record<string, string>>; body: string },
    clock: Clock,
  ): Promise<DeliveryOutcome | undefined> {
    try {
      const call = calls.prepare('POST', address, headers);
      return outcomeOfAnswer(await calls.send(call, body, { signal: this.stopping.signal }), clock());
    } catch (error) {
      if (this.stopping.signal.aborted) return undefined;
      const outbound = findOutboundError(error);
      if (outbound === undefined) throw error;
      return outcomeOfFault(outbound.fault);
    }
  }

  /** Claims as much as there is room for, one claim at a time. Never rejects. */
  private fill(): Promise<void> {
    this.fillAgain = true;
    this.filling ??= this.claimWhileAsked().finally(() => {
      this.filling = undefined;
    });
    return this.filling;
  }

  private async claimWhileAsked(): Promise<void> {
    while (this.fillAgain && !this.closed) {
      this.fillAgain = false;
      try {
        const claimed = await this.deliveries.claim([...this.underWay.values()]);
        if (claimed === undefined) return;
        for (const item of claimed) this.start(item);
        this.isFailing = false;
      } catch (error) {
        if (!this.isFailing) this.deliveries.cannotClaim(error);
        this.isFailing = true;
      }
    }
  }

  private start(item: Item): void {
    const work: Promise<void> = this.deliver(item).then(async () => {
      this.underWay.delete(work);
      await this.fill();
    });
    this.underWay.set(work, this.deliveries.receiverOf(item));
  }

  /** Never rejects: what cannot be kept is done again when the lease has ended. */
  private async deliver(item: Item): Promise<void> {
    try {
      const outcome = this.closed ? undefined : await this.deliveries.send(item);
      if (outcome === undefined) await this.deliveries.release(item);
      else await this.deliveries.settle(item, outcome);
    } catch (error) {
      this.deliveries.cannotStore(item, error);
    }
  }
}
