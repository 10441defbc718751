import { performance } from 'node:perf_hooks';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { isDatabaseUnavailable } from '@app/database';
import { UpstreamTokenEndpoints } from '@app/upstream-tokens';
import type { ClaimedConnection } from './claimed-connection.js';
import { Flights } from './flights.js';
import { Leases, type ProviderSlots } from './leases.js';
import { ProviderBreakers } from './provider-breakers.js';
import { RateBudget } from './rate-budget.js';
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
  private readonly budgets = new Map<string, RateBudget>();
  private running: Promise<SweepReport> | undefined;
  private again = false;
  private stopping = false;

  constructor(
    private readonly endpoints: UpstreamTokenEndpoints,
    private readonly leases: Leases,
    private readonly flights: Flights,
    private readonly breakers: ProviderBreakers,
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
    let dry: { readonly until: number; readonly closings: number } | undefined;
    while (!this.stopping) {
      // After a claim that found nothing, the ends of refreshes alone are no reason to look again.
      const rests =
        dry !== undefined && !this.again && dry.closings === this.breakers.closings && performance.now() < dry.until;
      const wanted = rests ? [] : this.freeSlots();
      if (wanted.length > 0) {
        this.again = false;
        const { closings } = this.breakers;
        const claimed = await this.leases.claimDue(wanted);
        for (const connection of claimed) this.launch(connection, tally);
        dry = claimed.length > 0 ? undefined : { until: performance.now() + DRY_MS, closings };
        if (dry === undefined) continue;
      }
      const done = dry?.closings === this.breakers.closings && !this.again;
      if (this.flights.size === 0 && !this.limited() && (done || wanted.length === 0)) break;
      await this.flights.nextEnd(this.limited() ? 50 : DRY_MS);
    }
    const { refreshed, failed } = tally;
    if (refreshed + failed > 0)
      this.logger.log(
        `Refreshed ${refreshed} connections, ${failed} failed, in ${Math.round(performance.now() - started)} ms`,
      );
    return tally;
  }

  private launch(connection: ClaimedConnection, tally: Tally): void {
    this.budgetOf(connection.providerId).spend(performance.now());
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

  /** How many more of each provider may be under way: its own bounds, and the process's. */
  private freeSlots(): ProviderSlots[] {
    const now = performance.now();
    let total = this.settings.concurrency - this.flights.size;
    const wanted: ProviderSlots[] = [];
    for (const providerId of this.endpoints.ids()) {
      const traits = this.endpoints.describe(providerId);
      if (traits === undefined || total <= 0) continue;
      const free = traits.maxConcurrency - this.flights.ofProvider(providerId);
      // A handful of claims costs one statement; one by one they would cost one each.
      if (free < Math.ceil(traits.maxConcurrency / 4)) continue;
      const slots = Math.min(free, total, LARGEST_CLAIM, this.budgetOf(providerId).available(now));
      if (slots <= 0) continue;
      total -= slots;
      wanted.push({ providerId, slots });
    }
    return wanted;
  }

  /** Whether a provider's rate alone keeps it from being asked now. */
  private limited(): boolean {
    const now = performance.now();
    return this.endpoints.ids().some((id) => this.budgetOf(id).available(now) <= 0);
  }

  private budgetOf(providerId: string): RateBudget {
    let budget = this.budgets.get(providerId);
    if (budget === undefined) {
      budget = new RateBudget(this.endpoints.describe(providerId)?.maxPerSecond ?? 1, performance.now());
      this.budgets.set(providerId, budget);
    }
    return budget;
  }

  private complain(connectionId: string, error: unknown): void {
    const words = error instanceof Error ? error.message : 'unknown fault';
    if (isDatabaseUnavailable(error)) this.logger.warn(`${connectionId} was not refreshed: ${words}`);
    else this.logger.error(`${connectionId} cannot be refreshed: ${words}`);
  }
}
