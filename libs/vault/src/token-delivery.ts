import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { UpstreamTokenEndpoints } from '@app/upstream-tokens';
import { ConnectionReader } from './connection-reader.js';
import type { DeadReason } from './failure-policy.js';
import { Flights } from './flights.js';
import { Leases } from './leases.js';
import { RateBudgets } from './rate-budget.js';
import type { RefreshEnd } from './refresh-end.js';
import { callerMarginMs } from './refresh-time.js';
import type { SealedConnection } from './stored-connection.js';
import { TokenSeal } from './token-seal.js';
import { VAULT_SETTINGS, type VaultSettings } from './vault-settings.js';

/** `fresh_enough`: what is there, if it lives long enough. `new_generation`: one that did not exist at the time of asking. */
export type Freshness = 'fresh_enough' | 'new_generation';

export interface TokenWish {
  readonly freshness: Freshness;
  /** Least life that the token must have left; undefined: the provider's margin, five minutes by default. */
  readonly minTtlMs: number | undefined;
}

/** An access token for its user. Never a refresh token: those do not leave the vault. */
export interface DeliveredToken {
  readonly accessToken: string;
  readonly tokenType: string;
  readonly scope: string | undefined;
  readonly expiresAt: Date | undefined;
  readonly generation: bigint;
  /** Set where the token is good still but its renewal fails: what operators call stale-while-error. */
  readonly stale: { readonly code: string; readonly retryInMs: number | undefined } | undefined;
}

/** Why there is no token. `dead`: its person must connect again. `unavailable`: not now. */
export type DeliveryRefusal =
  | { readonly kind: 'not_found' }
  | { readonly kind: 'dead'; readonly reason: DeadReason | 'expired_no_refresh' | 'disabled' | 'revoked_by_us' }
  | { readonly kind: 'unavailable'; readonly code: string; readonly retryInMs: number | undefined };

/** A token, or why there is none. */
export type Delivery = { readonly kind: 'token'; readonly token: DeliveredToken } | DeliveryRefusal;

/** A refresh under way; wrapped, because a promise of a promise would be waited for. */
interface Started {
  readonly end: Promise<RefreshEnd>;
}

const FIRST_LOOK_MS = 50;
const LONGEST_LOOK_MS = 500;

/**
 * A token for whoever asks: the one that is there while it lives long enough, otherwise a refreshed one. All who ask at
 * once share one refresh, whichever instance does it; nobody refreshes without the lease.
 */
@Injectable()
export class TokenDelivery {
  private readonly starting = new Map<string, Promise<Started | undefined>>();

  constructor(
    private readonly reader: ConnectionReader,
    private readonly leases: Leases,
    private readonly flights: Flights,
    private readonly seal: TokenSeal,
    private readonly endpoints: UpstreamTokenEndpoints,
    private readonly budgets: RateBudgets,
    @Inject(VAULT_SETTINGS) private readonly settings: VaultSettings,
  ) {}

  /** @throws DatabaseUnavailable */
  async deliver(organizationId: string, id: string, wish: TokenWish): Promise<Delivery> {
    const deadline = performance.now() + this.settings.waitMs;
    let asked: bigint | undefined;
    for (let look = FIRST_LOOK_MS; ; look = Math.min(look * 2, LONGEST_LOOK_MS)) {
      const connection = await this.reader.find(organizationId, id);
      if (connection === undefined) return { kind: 'not_found' };
      asked ??= connection.generation;
      const settled = await this.withoutRefresh(connection, asked, wish);
      if (settled !== undefined) return settled;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return this.otherwise(connection, wish, 'refresh_pending', FIRST_LOOK_MS);
      const flight = this.flights.find(id) ?? (await this.startWithin(connection))?.end;
      if (flight === undefined) {
        await pause(Math.min(look, leftMs), undefined, { ref: false });
        continue;
      }
      const end = await within(flight, leftMs);
      if (end === undefined) return this.otherwise(connection, wish, 'refresh_pending', FIRST_LOOK_MS);
      const answer = await this.answerOf(end, connection, asked, wish);
      if (answer !== undefined) return answer;
    }
  }

  /** What can be said of a connection as it is; undefined: it is to be refreshed. */
  private async withoutRefresh(
    connection: SealedConnection,
    asked: bigint,
    wish: TokenWish,
  ): Promise<Delivery | undefined> {
    const { status, statusReason, generation, expiresAt, readAt } = connection;
    if (status === 'needs_reauth') return { kind: 'dead', reason: statusReason ?? 'revoked' };
    if (status === 'disabled') return { kind: 'dead', reason: 'disabled' };
    if (status === 'revoked') return { kind: 'dead', reason: 'revoked_by_us' };
    if (generation > asked || (wish.freshness === 'fresh_enough' && this.livesLongEnough(connection, wish)))
      return this.token(connection, undefined);
    if (!connection.refreshable) {
      if (wish.freshness === 'fresh_enough' && (expiresAt === undefined || expiresAt > readAt))
        return this.token(connection, undefined);
      return { kind: 'dead', reason: 'expired_no_refresh' };
    }
    if (this.endpoints.describe(connection.providerId) === undefined)
      return this.otherwise(connection, wish, 'provider_not_configured', undefined);
    const restsMs = rests(connection);
    if (restsMs === undefined) return undefined;
    return this.otherwise(connection, wish, connection.lastErrorCode ?? 'provider_resting', restsMs);
  }

  /** Undefined also while the provider's rate is used up: who asks waits his turn. */
  private async startWithin(connection: SealedConnection): Promise<Started | undefined> {
    return this.budgets.available(connection.providerId) < 1 ? undefined : this.claimAndStart(connection);
  }

  /** One claim for all who come to it together; of one generation only one can succeed anyhow. */
  private claimAndStart(connection: SealedConnection): Promise<Started | undefined> {
    const key = `${connection.id}:${connection.generation}`;
    let starting = this.starting.get(key);
    if (starting === undefined) {
      starting = this.claim(connection).finally(() => this.starting.delete(key));
      this.starting.set(key, starting);
    }
    return starting;
  }

  private async claim({ organizationId, id, generation }: SealedConnection): Promise<Started | undefined> {
    const claimed = await this.leases.claimOne(organizationId, id, generation);
    if (claimed === undefined) return undefined;
    this.budgets.spend(claimed.providerId);
    return { end: this.flights.start(claimed) };
  }

  private async answerOf(
    end: RefreshEnd,
    connection: SealedConnection,
    asked: bigint,
    wish: TokenWish,
  ): Promise<Delivery | undefined> {
    switch (end.kind) {
      case 'refreshed': {
        if (end.generation <= asked) return undefined;
        const { accessToken, tokenType, scope, expiresAt, generation } = end;
        return { kind: 'token', token: { accessToken, tokenType, scope, expiresAt, generation, stale: undefined } };
      }
      case 'failed':
        return this.otherwise(connection, wish, end.code, end.retryInMs);
      case 'dead':
        return { kind: 'dead', reason: end.reason };
      case 'superseded':
        return undefined;
    }
  }

  /** There is no newer token now: the one in force while it lives, for those who do not insist on another. */
  private async otherwise(
    connection: SealedConnection,
    wish: TokenWish,
    code: string,
    retryInMs: number | undefined,
  ): Promise<Delivery> {
    const { expiresAt, readAt } = connection;
    const alive = expiresAt === undefined || expiresAt > readAt;
    if (alive && wish.freshness === 'fresh_enough') return this.token(connection, { code, retryInMs });
    return { kind: 'unavailable', code, retryInMs };
  }

  private livesLongEnough(connection: SealedConnection, wish: TokenWish): boolean {
    const { expiresAt, issuedAt, readAt, providerId } = connection;
    if (expiresAt === undefined) return true;
    const setting = this.endpoints.describe(providerId)?.refreshMarginSeconds;
    const life = expiresAt.getTime() - issuedAt.getTime();
    const least = wish.minTtlMs ?? callerMarginMs(life, setting === undefined ? undefined : setting * 1000);
    return expiresAt.getTime() - readAt.getTime() > least;
  }

  private async token(connection: SealedConnection, stale: DeliveredToken['stale']): Promise<Delivery> {
    const { organizationId, id, generation, dataKeyId, tokenType, scope, expiresAt } = connection;
    const place = { organizationId, connectionId: id, generation };
    const accessToken = await this.seal.open(place, dataKeyId, 'access_token', connection.accessToken);
    return { kind: 'token', token: { accessToken, tokenType, scope, expiresAt, generation, stale } };
  }
}

/** Milliseconds that a connection, or its provider's whole queue, must be left alone; undefined: no reason to. */
function rests({ status, nextRefreshAt, restsUntil, readAt }: SealedConnection): number | undefined {
  const now = readAt.getTime();
  const own = status === 'backing_off' && nextRefreshAt !== undefined ? nextRefreshAt.getTime() - now : 0;
  const longest = Math.max(own, restsUntil === undefined ? 0 : restsUntil.getTime() - now);
  return longest > 0 ? longest : undefined;
}

/** Undefined: it took longer. A flight that could not begin counts as superseded: look again. */
async function within(flight: Promise<RefreshEnd>, ms: number): Promise<RefreshEnd | undefined> {
  const timer = new AbortController();
  try {
    return await Promise.race([flight, pause(ms, undefined, { signal: timer.signal, ref: false })]);
  } finally {
    timer.abort();
  }
}
