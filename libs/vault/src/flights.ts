import { performance } from 'node:perf_hooks';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ClaimedConnection } from './claimed-connection.js';
import { Leases } from './leases.js';
import type { RefreshEnd } from './refresh-end.js';
import { Refresher } from './refresher.js';
import { VAULT_SETTINGS, type VaultSettings } from './vault-settings.js';

interface Flight {
  readonly providerId: string;
  readonly end: Promise<RefreshEnd>;
}

/** The refreshes under way in this process, one for each connection, and the heartbeat that holds their leases. */
@Injectable()
export class Flights {
  private readonly logger = new Logger(Flights.name);
  private readonly flights = new Map<string, Flight>();
  private readonly perProvider = new Map<string, number>();
  private beat: NodeJS.Timeout | undefined;
  private beating: Promise<void> | undefined;
  private lastBeat = 0;
  private wakeUps: (() => void)[] = [];

  constructor(
    private readonly refresher: Refresher,
    private readonly leases: Leases,
    @Inject(VAULT_SETTINGS) private readonly settings: VaultSettings,
  ) {}

  get size(): number {
    return this.flights.size;
  }

  /** Connections whose refresh is under way here. */
  ids(): string[] {
    return [...this.flights.keys()];
  }

  ofProvider(providerId: string): number {
    return this.perProvider.get(providerId) ?? 0;
  }

  /** The refresh of this connection that is under way here. */
  find(connectionId: string): Promise<RefreshEnd> | undefined {
    return this.flights.get(connectionId)?.end;
  }

  /** Begins to refresh what was claimed. A claim that came to nothing gives its lease back. */
  start(connection: ClaimedConnection): Promise<RefreshEnd> {
    const { connectionId, providerId } = connection;
    const end = this.refresher
      .refresh(connection)
      .catch(async (error: unknown) => {
        // Before an intent is committed nothing was sent: another may try at once.
        await this.leases.release([connectionId]).catch(() => undefined);
        throw error;
      })
      .finally(() => {
        this.flights.delete(connectionId);
        this.perProvider.set(providerId, this.ofProvider(providerId) - 1);
        if (this.flights.size === 0) this.stopBeating();
        this.wake();
      });
    this.flights.set(connectionId, { providerId, end });
    this.perProvider.set(providerId, this.ofProvider(providerId) + 1);
    this.beat ??= setInterval(() => this.renew(), this.settings.leaseMs / 3).unref();
    return end;
  }

  /** Resolves when nothing is under way any more, however it ended. */
  async drained(): Promise<void> {
    while (this.flights.size > 0) await Promise.allSettled([...this.flights.values()].map(({ end }) => end));
  }

  /** Resolves when the next one ends, when {@link wake} is called, or after so many milliseconds. */
  nextEnd(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.wakeUps.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Ends every {@link nextEnd}. */
  wake(): void {
    const wakeUps = this.wakeUps;
    this.wakeUps = [];
    for (const wakeUp of wakeUps) wakeUp();
  }

  private renew(): void {
    if (this.beating !== undefined) return;
    const ids = this.ids();
    const before = performance.now();
    this.beating = this.leases
      .renew(ids)
      .then(() => {
        this.lastBeat = before;
      })
      .catch((error: unknown) => {
        if (before - this.lastBeat < this.settings.leaseMs) return;
        this.logger.warn(
          `The leases of ${ids.length} refreshes under way could not be renewed: ` +
            (error instanceof Error ? error.message : 'unknown fault'),
        );
      })
      .finally(() => {
        this.beating = undefined;
      });
  }

  private stopBeating(): void {
    clearInterval(this.beat);
    this.beat = undefined;
  }
}
