import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { isDatabaseUnavailable } from '@app/database';
import { ProviderBreakers } from './provider-breakers.js';
import { SpoolRecovery } from './spool-recovery.js';
import { Sweeper, type SweepReport } from './sweeper.js';
import { VAULT_SETTINGS, type VaultSettings } from './vault-settings.js';

const SECOND = 1000;
const SWEEP_EVERY_MS = 30 * 60 * SECOND;

/**
 * When this process refreshes by itself. Every row knows when it is due, long-lived tokens 35 minutes before their end,
 * so looking once a second finds the short-lived in time; the sweep every 30 minutes is the promise that holds even if
 * no second's look had worked.
 */
@Injectable()
export class RefreshSchedule implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(RefreshSchedule.name);
  private stopped = false;
  private failing = false;

  constructor(
    private readonly sweeper: Sweeper,
    private readonly breakers: ProviderBreakers,
    private readonly recovery: SpoolRecovery,
    @Inject(VAULT_SETTINGS) private readonly settings: VaultSettings,
  ) {}

  /** First what an ended process left, then what fell due meanwhile; nothing of it keeps the start waiting. */
  onApplicationBootstrap(): void {
    void this.guarded(async () => {
      await this.recovery.recover();
      if (!this.settings.schedule) return;
      await this.breakers.retryMisconfigured();
      await this.sweeper.sweep();
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.sweeper.stop();
    this.recovery.close();
  }

  @Interval('vault-due', SECOND)
  async lookForDue(): Promise<void> {
    if (this.settings.schedule) await this.guarded(() => this.sweeper.sweep());
  }

  @Interval('vault-sweep', SWEEP_EVERY_MS)
  async sweepAll(): Promise<void> {
    if (!this.settings.schedule) return;
    await this.guarded(async () => {
      await this.recovery.recover();
      return this.sweeper.sweep();
    });
  }

  /** A sweep now, whatever the schedule; callers share it. Does not wait for it. */
  trigger(): void {
    void this.guarded(() => this.sweeper.sweep());
  }

  private async guarded(work: () => Promise<SweepReport | void>): Promise<void> {
    if (this.stopped) return;
    try {
      await work();
      this.failing = false;
    } catch (error) {
      const words = error instanceof Error ? error.message : 'unknown fault';
      // Once a second would drown everything else.
      if (this.failing && isDatabaseUnavailable(error)) return;
      this.failing = true;
      this.logger.error(`What is due could not be refreshed: ${words}; it is tried again every second`);
    }
  }
}
