import { randomInt } from 'node:crypto';
import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { OutboundCalls } from '@app/outbound';
import { DeliveryLoop } from './delivery-loop.js';
import { retryDelayMs, type DeliveryOutcome } from './delivery-outcome.js';
import { OutboxRepository, type ClaimedEvent, type EndpointBacklog, type EndpointRoom } from './outbox.repository.js';
import { signedHeaders } from './signature.js';
import { WebhookOutbox } from './webhook-outbox.js';

/** Injection token of the {@link OutboundCalls} of webhooks: slow receivers keep no sockets from anybody else. */
export const WEBHOOK_CALLS = Symbol('WebhookCalls');

const EVERY_TWO_SECONDS_MS = 2_000;
const EVERY_TEN_MINUTES_MS = 600_000;

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
  private readonly loop = new DeliveryLoop<ClaimedEvent>({
    claim: (busy) => this.claim(busy),
    receiverOf: ({ endpointId }) => endpointId,
    send: (event) => this.send(event),
    settle: (event, outcome) => this.settle(event, outcome),
    release: (event) => this.repository.release(event),
    cannotClaim: (error) => this.logger.error(`Webhooks are not sent: ${messageOf(error)}`),
    cannotStore: (event, error) =>
      this.logger.error(
        `What became of event ${event.eventId} at webhook ${event.endpointId} could not be stored, ` +
          `so it will be sent again: ${messageOf(error)}`,
      ),
  });

  constructor(
    private readonly outbox: WebhookOutbox,
    private readonly repository: OutboxRepository,
    @Inject(WEBHOOK_CALLS) private readonly calls: OutboundCalls,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Sends what is due, until nothing is; one indexed query where nothing is, and none without endpoints. */
  @Interval('webhook-delivery', EVERY_TWO_SECONDS_MS)
  tick(): Promise<void> {
    return this.loop.run();
  }

  /** Removes what has been kept long enough, in small statements; a failure is logged and tried again next time. */
  @Interval('webhook-retention', EVERY_TEN_MINUTES_MS)
  async tidy(): Promise<void> {
    const known = this.rooms([]);
    if (known.length === 0 || this.loop.isClosed) return;
    const { giveUpMs, keepDeliveredMs, keepFailedMs } = this.config.webhookDelivery;
    try {
      const abandoned = await this.repository.abandon(known, giveUpMs);
      if (abandoned > 0) this.logger.warn(`${abandoned} events were for webhooks that are not configured any more`);
      for (let batch = 0; batch < MOST_BATCHES && !this.loop.isClosed; batch += 1)
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

  onModuleDestroy(): Promise<void> {
    return this.loop.close();
  }

  private async claim(busy: readonly string[]): Promise<readonly ClaimedEvent[] | undefined> {
    const { concurrency, timeoutMs } = this.config.webhookDelivery;
    const rooms = this.rooms(busy).filter(({ room }) => room > 0);
    const limit = concurrency - busy.length;
    // Time enough to send and to settle, twice over.
    return rooms.length === 0 || limit <= 0 ? undefined : this.repository.claim(rooms, limit, 30_000 + 3 * timeoutMs);
  }

  /** Begins elsewhere each time, so that no endpoint is always the last when there is not room for all. */
  private rooms(busy: readonly string[]): EndpointRoom[] {
    const { concurrencyPerEndpoint } = this.config.webhookDelivery;
    const rooms = this.outbox.all().map(([organizationId, { id }]) => ({
      endpointId: id,
      organizationId,
      room: concurrencyPerEndpoint - busy.filter((endpointId) => endpointId === id).length,
    }));
    const first = rooms.length > 1 ? randomInt(rooms.length) : 0;
    return [...rooms.slice(first), ...rooms.slice(0, first)];
  }

  /** Undefined for an endpoint that is not configured any more, too. */
  private async send(event: ClaimedEvent): Promise<DeliveryOutcome | undefined> {
    const endpoint = this.config.webhooks.find(({ id }) => id === event.endpointId);
    if (endpoint === undefined) return undefined;
    const body = bodyOf(event);
    const headers = {
      'content-type': 'application/json',
      ...signedHeaders(endpoint.secrets, event.eventId, event.claimedAt, body),
    };
    return this.loop.post(this.calls, { address: endpoint.url, headers, body }, this.clock);
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
