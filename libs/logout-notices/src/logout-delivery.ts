import { randomInt } from 'node:crypto';
import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { SigningKeys } from '@app/keys';
import { OutboundCalls } from '@app/outbound';
import { DeliveryLoop, retryDelayMs, type DeliveryOutcome } from '@app/webhooks';
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
  private totals = { delivered: 0, retried: 0, failed: 0 };
  private readonly loop = new DeliveryLoop<ClaimedNotice>({
    claim: (busy) => this.claim(busy),
    receiverOf: ({ applicationId }) => applicationId,
    send: (notice) => this.send(notice),
    settle: (notice, outcome) => this.settle(notice, outcome),
    release: (notice) => this.repository.release(notice),
    cannotClaim: (error) => this.logger.error(`Applications are not told of logouts: ${messageOf(error)}`),
    cannotStore: (notice, error) =>
      this.logger.error(`${nameOf(notice)}: what became of it is not stored, it is sent again: ${messageOf(error)}`),
  });

  constructor(
    private readonly repository: LogoutNoticeRepository,
    private readonly keys: SigningKeys,
    @Inject(LOGOUT_CALLS) private readonly calls: OutboundCalls,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Sends what is due, until nothing is; one indexed query where nothing is. */
  @Interval('logout-notices', 2_000)
  tick(): Promise<void> {
    return this.loop.run();
  }

  /** Forgets what nobody wants any more, in small statements; a failure is logged and tried again next time. */
  @Interval('logout-notices-retention', MINUTE_MS)
  async tidy(): Promise<void> {
    try {
      if (!this.loop.isClosed) await this.repository.dropUnwanted();
      for (let batch = 0; batch < MOST_BATCHES && !this.loop.isClosed; batch += 1)
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

  onModuleDestroy(): Promise<void> {
    return this.loop.close();
  }

  private async claim(busy: readonly string[]): Promise<readonly ClaimedNotice[] | undefined> {
    const total = ROOM.total - busy.length;
    if (total <= 0) return undefined;
    const counted = new Map<string, number>();
    for (const applicationId of busy) counted.set(applicationId, (counted.get(applicationId) ?? 0) + 1);
    return this.repository.claim(counted, { ...ROOM, total }, LEASE_MS);
  }

  private async send(notice: ClaimedNotice): Promise<DeliveryOutcome | undefined> {
    const claims = logoutTokenClaims(this.config.publicUrl, notice, this.clock());
    const token = await this.keys.sign(claims, { purpose: 'id', typ: LOGOUT_TOKEN_TYPE });
    const body = new URLSearchParams({ logout_token: token }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.loop.post(this.calls, { address: notice.address, headers, body }, this.clock);
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
