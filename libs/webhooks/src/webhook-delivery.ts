import { randomInt } from 'node:crypto';
import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig, type WebhookEndpoint } from '@app/config';
import { findOutboundError, OutboundCalls } from '@app/outbound';
import { outcomeOfAnswer, outcomeOfFault, retryDelayMs, type DeliveryOutcome } from './delivery-outcome.js';
import { OutboxRepository, type ClaimedEvent, type EndpointBacklog, type EndpointRoom } from './outbox.repository.js';
import { signedHeaders } from './signature.js';
import { WebhookOutbox } from './webhook-outbox.js';

/** Injection token of the {@link OutboundCalls} of webhooks: slow receivers keep no sockets from anybody else. */
export const WEBHOOK_CALLS = Symbol('WebhookCalls');

const EVERY_TWO_SECONDS_MS = 2_000;
const EVERY_TEN_MINUTES_MS = 600_000;

/** A process that ends gives attempts under way this long before it breaks them off. */
const SHUTDOWN_GRACE_MS = 3_000;

/** Batches that one tidying removes; the rest waits for the next. */
const MOST_BATCHES = 50;

/** What this process has done for one endpoint since it started. */
export interface DeliveryCounts {
  delivered: number;
  retried: number;
  failed: number;
}

/**
 * Sends what is in the outbox, at any number of instances: claim, POST, settle, each on its own, and no connection to
 * Postgres held while a receiver thinks. An event arrives at least once: whoever dies between POST and settle leaves a
 * lease that ends, and the next one sends it again, under the same id.
 */
@Injectable()
export class WebhookDelivery implements OnModuleDestroy {
  private readonly logger = new Logger(WebhookDelivery.name);
  private readonly totals = new Map<string, DeliveryCounts>();
  private readonly underWay = new Map<Promise<void>, string>();
  private readonly stopping = new AbortController();
  private filling: Promise<void> | undefined;
  private fillAgain = false;
  private isClosed = false;
  private isFailing = false;

  constructor(
    private readonly outbox: WebhookOutbox,
    private readonly repository: OutboxRepository,
    @Inject(WEBHOOK_CALLS) private readonly calls: OutboundCalls,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Sends what is due, until nothing is; one indexed query where nothing is, and none without endpoints. */
  @Interval('webhook-delivery', EVERY_TWO_SECONDS_MS)
  async tick(): Promise<void> {
    await this.fill();
    while (this.underWay.size > 0) await Promise.all(this.underWay.keys());
  }

  /** Removes what has been kept long enough, in small statements; a failure is logged and tried again next time. */
  @Interval('webhook-retention', EVERY_TEN_MINUTES_MS)
  async tidy(): Promise<void> {
    const known = this.rooms();
    if (known.length === 0 || this.isClosed) return;
    const { giveUpMs, keepDeliveredMs, keepFailedMs } = this.config.webhookDelivery;
    try {
      const abandoned = await this.repository.abandon(known, giveUpMs);
      if (abandoned > 0) this.logger.warn(`${abandoned} events were for webhooks that are not configured any more`);
      for (let batch = 0; batch < MOST_BATCHES && !this.isClosed; batch += 1)
        if (!(await this.repository.removeOld(keepDeliveredMs, keepFailedMs))) break;
    } catch (error) {
      this.logger.error(`Old webhook events could not be removed: ${messageOf(error)}`);
    }
  }

  /** By endpoint; only of this process. */
  counts(): ReadonlyMap<string, Readonly<DeliveryCounts>> {
    return this.totals;
  }

  /** What waits at this moment, for whichever instance. Asks Postgres; nothing without endpoints. */
  async backlog(): Promise<readonly EndpointBacklog[]> {
    return this.config.webhooks.length === 0 ? [] : this.repository.backlog();
  }

  /** Lets attempts under way end, breaks off those that take long, and leaves no lease behind. */
  async onModuleDestroy(): Promise<void> {
    this.isClosed = true;
    const timer = setTimeout(() => this.stopping.abort(), SHUTDOWN_GRACE_MS);
    await this.filling;
    await Promise.all(this.underWay.keys());
    clearTimeout(timer);
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
    while (this.fillAgain && !this.isClosed) {
      this.fillAgain = false;
      const { concurrency, timeoutMs } = this.config.webhookDelivery;
      const rooms = this.rooms().filter(({ room }) => room > 0);
      const limit = concurrency - this.underWay.size;
      if (rooms.length === 0 || limit <= 0) return;
      try {
        // Time enough to send and to settle, twice over.
        for (const event of await this.repository.claim(rooms, limit, 30_000 + 3 * timeoutMs)) this.start(event);
        this.isFailing = false;
      } catch (error) {
        if (!this.isFailing) this.logger.error(`Webhooks are not sent: ${messageOf(error)}`);
        this.isFailing = true;
      }
    }
  }

  /** Begins elsewhere each time, so that no endpoint is always the last when there is not room for all. */
  private rooms(): EndpointRoom[] {
    const { concurrencyPerEndpoint } = this.config.webhookDelivery;
    const busy = [...this.underWay.values()];
    const rooms = this.outbox.all().map(([organizationId, { id }]) => ({
      endpointId: id,
      organizationId,
      room: concurrencyPerEndpoint - busy.filter((endpointId) => endpointId === id).length,
    }));
    const first = rooms.length > 1 ? randomInt(rooms.length) : 0;
    return [...rooms.slice(first), ...rooms.slice(0, first)];
  }

  private start(event: ClaimedEvent): void {
    const work: Promise<void> = this.deliver(event).then(async () => {
      this.underWay.delete(work);
      await this.fill();
    });
    this.underWay.set(work, event.endpointId);
  }

  /** Never rejects: what cannot be kept is done again when the lease has ended. */
  private async deliver(event: ClaimedEvent): Promise<void> {
    try {
      const endpoint = this.config.webhooks.find(({ id }) => id === event.endpointId);
      const outcome = endpoint === undefined || this.isClosed ? undefined : await this.send(event, endpoint);
      if (outcome === undefined) await this.repository.release(event);
      else await this.settle(event, outcome);
    } catch (error) {
      this.logger.error(
        `What became of event ${event.eventId} at webhook ${event.endpointId} could not be stored, ` +
          `so it will be sent again: ${messageOf(error)}`,
      );
    }
  }

  /** Undefined: broken off, because this process ends. */
  private async send(event: ClaimedEvent, endpoint: WebhookEndpoint): Promise<DeliveryOutcome | undefined> {
    const body = bodyOf(event);
    const headers = {
      'content-type': 'application/json',
      ...signedHeaders(endpoint.secrets, event.eventId, event.claimedAt, body),
    };
    try {
      const call = this.calls.prepare('POST', endpoint.url, headers);
      return outcomeOfAnswer(await this.calls.send(call, body, { signal: this.stopping.signal }), this.clock());
    } catch (error) {
      if (this.stopping.signal.aborted) return undefined;
      const outbound = findOutboundError(error);
      if (outbound === undefined) throw error;
      return outcomeOfFault(outbound.fault);
    }
  }

  private async settle(event: ClaimedEvent, outcome: DeliveryOutcome): Promise<void> {
    const { webhookDelivery: rules } = this.config;
    const delayMs = retryDelayMs(event.attempts, outcome.notBeforeMs ?? 0, rules, randomInt(10_000) / 10_000);
    const state = await this.repository.settle(event, outcome, delayMs, rules.giveUpMs);
    if (state === 'lost') return;
    const counts = this.totals.get(event.endpointId) ?? { delivered: 0, retried: 0, failed: 0 };
    this.totals.set(event.endpointId, counts);
    const what = `Event ${event.eventId} (${event.kind}) at webhook ${event.endpointId}`;
    if (state === 'delivered') {
      counts.delivered += 1;
    } else if (state === 'failed') {
      counts.failed += 1;
      this.logger.error(`${what} is given up after ${event.attempts} attempts: ${outcome.error}`);
    } else {
      counts.retried += 1;
      // One line for each streak: the metrics tell the rest.
      if (event.attempts === 1) this.logger.warn(`${what} will be sent again: ${outcome.error}`);
    }
  }
}

/** The same bytes in every attempt. */
function bodyOf({ eventId, kind, createdAt, payload }: ClaimedEvent): string {
  return JSON.stringify({ id: eventId, type: kind, timestamp: createdAt.toISOString(), data: payload });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
