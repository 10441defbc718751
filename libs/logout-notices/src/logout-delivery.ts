import { randomInt } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { SigningKeys } from '@app/keys';
import { findOutboundError, OutboundCalls } from '@app/outbound';
import { outcomeOfAnswer, outcomeOfFault, retryDelayMs, type DeliveryOutcome } from '@app/webhooks';
import { LogoutNoticeRepository, type ClaimedNotice, type LogoutBacklog } from './logout-notice.repository.js';
import { LOGOUT_TOKEN_TYPE, logoutTokenClaims } from './logout-token.js';

/** Injection token of the {@link OutboundCalls} of logout notices: slow applications keep no sockets from anybody else. */
export const LOGOUT_CALLS = Symbol('LogoutCalls');

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The longest that an application may take to answer. */
export const ATTEMPT_TIMEOUT_MS = 10_000;

/** Time enough to send and to settle, twice over. */
const LEASE_MS = 2 * (ATTEMPT_TIMEOUT_MS + 10_000);

/** Attempts under way at once in one process. */
const ROOM = { perApplication: 4, total: 32 };

const RETRIES = { firstRetryMs: 5_000, maxRetryMs: 60 * MINUTE_MS };

/** A day after the logout the application's own session has most likely ended as well. */
const GIVE_UP_MS = DAY_MS;

const KEEP_DELIVERED_MS = 7 * DAY_MS;
const KEEP_FAILED_MS = 30 * DAY_MS;

/** A process that ends gives attempts under way this long before it breaks them off. */
const SHUTDOWN_GRACE_MS = 3_000;

/** Batches that one tidying removes; the rest waits for the next. */
const MOST_BATCHES = 50;

/** What this process has sent since it started. */
export interface LogoutDeliveryCounts {
  readonly delivered: number;
  readonly retried: number;
  readonly failed: number;
}

/**
 * Tells applications of logouts (OpenID Connect Back-Channel Logout 1.0 §2.5), at any number of instances: claim, POST,
 * settle, each on its own, and no connection to Postgres held while an application thinks. A notice arrives at least
 * once: whoever dies between POST and settle leaves a lease that ends, and the next one tells it again.
 */
@Injectable()
export class LogoutDelivery implements OnModuleDestroy {
  private readonly logger = new Logger(LogoutDelivery.name);
  private readonly underWay = new Map<Promise<void>, string>();
  private readonly stopping = new AbortController();
  private totals = { delivered: 0, retried: 0, failed: 0 };
  private filling: Promise<void> | undefined;
  private fillAgain = false;
  private isClosed = false;
  private isFailing = false;

  constructor(
    private readonly repository: LogoutNoticeRepository,
    private readonly keys: SigningKeys,
    @Inject(LOGOUT_CALLS) private readonly calls: OutboundCalls,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    setMaxListeners(ROOM.total, this.stopping.signal);
  }

  /** Sends what is due, until nothing is; one indexed query where nothing is. */
  @Interval('logout-notices', 2_000)
  async tick(): Promise<void> {
    await this.fill();
    while (this.underWay.size > 0) await Promise.all(this.underWay.keys());
  }

  /** Forgets what nobody wants any more, in small statements; a failure is logged and tried again next time. */
  @Interval('logout-notices-retention', MINUTE_MS)
  async tidy(): Promise<void> {
    try {
      if (!this.isClosed) await this.repository.dropUnwanted();
      for (let batch = 0; batch < MOST_BATCHES && !this.isClosed; batch += 1)
        if (!(await this.repository.removeOld(KEEP_DELIVERED_MS, KEEP_FAILED_MS))) break;
    } catch (error) {
      this.logger.error(`Old logout notices could not be removed: ${messageOf(error)}`);
    }
  }

  /** Only of this process. */
  counts(): LogoutDeliveryCounts {
    return this.totals;
  }

  /** What waits at this moment, for whichever instance. Asks Postgres. */
  backlog(): Promise<LogoutBacklog> {
    return this.repository.backlog();
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
      const total = ROOM.total - this.underWay.size;
      if (total <= 0) return;
      try {
        for (const notice of await this.repository.claim(this.busy(), { ...ROOM, total }, LEASE_MS)) this.start(notice);
        this.isFailing = false;
      } catch (error) {
        if (!this.isFailing) this.logger.error(`Applications are not told of logouts: ${messageOf(error)}`);
        this.isFailing = true;
      }
    }
  }

  private busy(): ReadonlyMap<string, number> {
    const counted = new Map<string, number>();
    for (const applicationId of this.underWay.values())
      counted.set(applicationId, (counted.get(applicationId) ?? 0) + 1);
    return counted;
  }

  private start(notice: ClaimedNotice): void {
    const work: Promise<void> = this.deliver(notice).then(async () => {
      this.underWay.delete(work);
      await this.fill();
    });
    this.underWay.set(work, notice.applicationId);
  }

  /** Never rejects: what cannot be kept is done again when the lease has ended. */
  private async deliver(notice: ClaimedNotice): Promise<void> {
    try {
      const outcome = this.isClosed ? undefined : await this.send(notice);
      if (outcome === undefined) await this.repository.release(notice);
      else await this.settle(notice, outcome);
    } catch (error) {
      this.logger.error(`${nameOf(notice)}: what became of it is not stored, it is sent again: ${messageOf(error)}`);
    }
  }

  /** Undefined: broken off, because this process ends. */
  private async send(notice: ClaimedNotice): Promise<DeliveryOutcome | undefined> {
    const claims = logoutTokenClaims(this.config.publicUrl, notice, this.clock());
    const token = await this.keys.sign(claims, { purpose: 'id', typ: LOGOUT_TOKEN_TYPE });
    const body = new URLSearchParams({ logout_token: token }).toString();
    try {
      const call = this.calls.prepare('POST', notice.address, { 'content-type': 'application/x-www-form-urlencoded' });
      return outcomeOfAnswer(await this.calls.send(call, body, { signal: this.stopping.signal }), this.clock());
    } catch (error) {
      if (this.stopping.signal.aborted) return undefined;
      const outbound = findOutboundError(error);
      if (outbound === undefined) throw error;
      return outcomeOfFault(outbound.fault);
    }
  }

  private async settle(notice: ClaimedNotice, outcome: DeliveryOutcome): Promise<void> {
    const delayMs = retryDelayMs(notice.attempts, outcome.notBeforeMs ?? 0, RETRIES, randomInt(10_000) / 10_000);
    const state = await this.repository.settle(notice, outcome, delayMs, GIVE_UP_MS);
    const { delivered, retried, failed } = this.totals;
    if (state === 'delivered') {
      this.totals = { delivered: delivered + 1, retried, failed };
    } else if (state === 'failed') {
      this.totals = { delivered, retried, failed: failed + 1 };
      this.logger.error(`${nameOf(notice)} is given up after ${notice.attempts} attempts: ${outcome.error}`);
    } else if (state === 'waiting') {
      this.totals = { delivered, retried: retried + 1, failed };
      // One line for each streak: the metrics tell the rest.
      if (notice.attempts === 1) this.logger.warn(`${nameOf(notice)} will be sent again: ${outcome.error}`);
    }
  }
}

const nameOf = ({ id, clientId }: ClaimedNotice): string => `Logout notice ${id} for application ${clientId}`;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
