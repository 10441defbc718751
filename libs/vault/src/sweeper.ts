import { performance } from 'node:perf_hooks';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { isDatabaseUnavailable } from '@app/database';
import { UpstreamTokenEndpoints } from '@app/upstream-tokens';
import type { ClaimedConnection } from './claimed-connection.js';
import { Flights } from './flights.js';
import { Leases, type ProviderSlots } from './leases.js';
import { ProviderBreakers } from './provider-breakers.js';
import { RateBudgets } from './rate-budget.js';
import { VAULT_SETTINGS, type VaultSettings } from './vault-settings.js';

/** What one sweep came to. */
export interface SweepReport {
  readonly refreshed: number;
  readonly failed: number;
  /** Went on without us, or could not be begun. */
  readonly passed: number;
}

type Tally = { -readonly [K in keyof SweepReport]: number };

/** Claimed at once for one provider; a claim's lease runs while it waits for its turn. */
const LARGEST_CLAIM = 64;
const DRY_MS = 250;

/**
 * Refreshes whatever is due, many at a time, each provider within its own bounds, so that a slow one starves nobody.
 * Nothing is read of what is not due, and memory holds only what is under way.
 */
@Injectable()
export class Sweeper {
  private readonly logger = new Logger(Sweeper.name);
  private running: Promise<SweepReport> | undefined;
  private again = false;
  /** Providers that had less due than was asked for, and until when the ends of others are no reason to ask again. */
  private readonly dry = new Map<string, number>();
  /** Where the next round over the providers begins, so that none is always last. */
  private turn = 0;
  private stopping = false;
  /** Whether, at the last look, its rate alone kept a provider from being asked. */
  private held = false;

  constructor(
    private readonly endpoints: UpstreamTokenEndpoints,
    private readonly leases: Leases,
    private readonly flights: Flights,
    private readonly breakers: ProviderBreakers,
    private readonly budgets: RateBudgets,
    @Inject(VAULT_SETTINGS) private readonly settings: VaultSettings,
  ) {}

  get sweeping(): boolean {
    return this.running !== undefined;
  }

  /**
   * Works until nothing is due. Callers who come while a sweep runs share it (mix's trigger, called a hundred times, is
   * one sweep); what falls due meanwhile is still taken.
   */
  sweep(): Promise<SweepReport> {
    this.again = true;
    this.flights.wake();
    this.running ??= this.run().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  /** Claims nothing more, and waits for what is under way. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.running?.catch(() => undefined);
    await this.flights.drained();
  }

  private async run(): Promise<SweepReport> {
    const tally: Tally = { refreshed: 0, failed: 0, passed: 0 };
    const started = performance.now();
    await this.breakers.reload();
    let { closings } = this.breakers;
    while (!this.stopping) {
      if (this.again || closings !== this.breakers.closings) this.dry.clear();
      this.again = false;
      ({ closings } = this.breakers);
      const wanted = this.freeSlots();
      if (wanted.length > 0) {
        const claimed = await this.leases.claimDue(wanted, this.flights.ids());
        this.remember(wanted, claimed);
        for (const connection of claimed) this.launch(connection, tally);
        continue;
      }
      if (this.flights.size === 0 && !this.held) break;
      await this.flights.nextEnd(this.held ? 50 : DRY_MS);
    }
    const { refreshed, failed } = tally;
    if (refreshed + failed > 0)
      this.logger.log(
        `Refreshed ${refreshed} connections, ${failed} failed, in ${Math.round(performance.now() - started)} ms`,
      );
    return tally;
  }

  private launch(connection: ClaimedConnection, tally: Tally): void {
    this.budgets.spend(connection.providerId);
    // Its own promise is handled here; the sweep goes on.
    this.flights.start(connection).then(
      (end) => {
        tally[end.kind === 'refreshed' ? 'refreshed' : end.kind === 'superseded' ? 'passed' : 'failed'] += 1;
      },
      (error: unknown) => {
        tally.passed += 1;
        this.complain(connection.connectionId, error);
      },
    );
  }

  /**
   * How many more of each provider may be under way: its own bounds, and an even share of what the process has left.
   * Otherwise those that come first, with much due or with nothing, would leave none for the others.
   */
  private freeSlots(): ProviderSlots[] {
    const now = performance.now();
    this.held = false;
    const open = this.endpoints
      .ids()
      .map((providerId) => ({ providerId, slots: this.mayClaim(providerId, now) }))
      .filter(({ slots }) => slots > 0);
    let left = this.settings.concurrency - this.flights.size;
    if (open.length === 0 || left <= 0) return [];
    const share = Math.ceil(left / open.length);
    const first = this.turn % open.length;
    this.turn += 1;
    return [...open.slice(first), ...open.slice(0, first)].flatMap(({ providerId, slots }) => {
      const granted = Math.min(slots, share, left);
      left -= granted;
      return granted > 0 ? [{ providerId, slots: granted }] : [];
    });
  }

  /** By its own bounds, and where something may be due. */
  private mayClaim(providerId: string, now: number): number {
    const dryUntil = this.dry.get(providerId);
    if (dryUntil !== undefined && (this.flights.size === 0 || now < dryUntil)) return 0;
    const traits = this.endpoints.describe(providerId);
    if (traits === undefined) return 0;
    const free = traits.maxConcurrency - this.flights.ofProvider(providerId);
    // A handful of claims costs one statement; one by one they would cost one each.
    if (free < Math.ceil(traits.maxConcurrency / 4)) return 0;
    const rate = this.budgets.available(providerId);
    if (rate <= 0) this.held = true;
    return Math.min(free, LARGEST_CLAIM, rate);
  }

  private remember(wanted: readonly ProviderSlots[], claimed: readonly ClaimedConnection[]): void {
    const until = performance.now() + DRY_MS;
    for (const { providerId, slots } of wanted) {
      const found = claimed.filter((connection) => connection.providerId === providerId).length;
      if (found < slots) this.dry.set(providerId, until);
      else this.dry.delete(providerId);
    }
  }

  private complain(connectionId: string, error: unknown): void {
    const words = error instanceof Error ? error.message : 'unknown fault';
    if (isDatabaseUnavailable(error)) this.logger.warn(`${connectionId} was not refreshed: ${words}`);
    else this.logger.error(`${connectionId} cannot be refreshed: ${words}`);
  }
}
