import { Inject, Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CLOCK, type Clock } from '@app/config';
import type { SamlKeyOccasion } from './key-plan.js';
import { SamlKeyRepository, type SamlRotationReport } from './saml-key.repository.js';
import { SamlKeys } from './saml-keys.js';

const EVERY_MINUTE_MS = 60_000;

/** Keeps the table of SAML keys as D40 wants it, at every instance alike: whoever comes first acts, the others follow. */
@Injectable()
export class SamlKeyRotation {
  private readonly logger = new Logger(SamlKeyRotation.name);
  private ticking: Promise<void> | undefined;

  constructor(
    private readonly repository: SamlKeyRepository,
    private readonly keys: SamlKeys,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Rotates where due and learns what other instances did; a failure is logged and tried again at the next tick. */
  @Interval('saml-key-rotation', EVERY_MINUTE_MS)
  async tick(): Promise<void> {
    if (!this.keys.needed) return;
    this.ticking ??= this.rotateAndReload().finally(() => {
      this.ticking = undefined;
    });
    await this.ticking;
  }

  /**
   * `successor`: publishes the next certificate now, to sign once it has been published long enough; does nothing where
   * one is waiting already. `emergency`: a new key signs at once, the metadata names no other any more, and the others
   * decrypt for the retention time on.
   * @throws Error where no SAML provider is configured.
   */
  async rotateNow(now: Date, occasion: Exclude<SamlKeyOccasion, 'due'>): Promise<SamlRotationReport> {
    if (!this.keys.needed) throw new Error('no SAML provider is configured, so there are no SAML keys');
    return this.rotate(occasion, now);
  }

  private async rotate(occasion: SamlKeyOccasion, now: Date): Promise<SamlRotationReport> {
    const report = await this.repository.rotate(occasion, now);
    const { published, rescheduled, removed } = report;
    if (published !== undefined) {
      this.logger.log(`Published SAML certificate ${published.id}; it signs from ${published.signsFrom.toISOString()}`);
    }
    for (const id of removed) this.logger.log(`Removed SAML key ${id}`);
    if (published !== undefined || rescheduled.length + removed.length > 0) {
      await this.keys.announce();
      await this.keys.reload();
    }
    return report;
  }

  private async rotateAndReload(): Promise<void> {
    try {
      await this.rotate('due', this.clock());
      await this.keys.reload();
    } catch (error) {
      this.logger.error(`SAML key rotation failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
