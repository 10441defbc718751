import { Inject, Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CLOCK, type Clock } from '@app/config';
import { SigningKeyRepository, type RotationReport } from './signing-key.repository.js';
import { SigningKeys } from './signing-keys.js';
import type { RotationOccasion } from './key-schedule.js';

const EVERY_MINUTE_MS = 60_000;

/** Keeps the table of keys as D40 wants it, at every instance alike: whoever comes first acts, the others follow. */
@Injectable()
export class KeyRotation {
  private readonly logger = new Logger(KeyRotation.name);
  private ticking: Promise<void> | undefined;

  constructor(
    private readonly repository: SigningKeyRepository,
    private readonly signingKeys: SigningKeys,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Rotates where due and learns what other instances did; a failure is logged and tried again at the next tick. */
  @Interval('key-rotation', EVERY_MINUTE_MS)
  async tick(): Promise<void> {
    this.ticking ??= this.rotateAndReload().finally(() => {
      this.ticking = undefined;
    });
    await this.ticking;
  }

  /** Publishes the successors whose time has come and removes the keys whose last token has ended. */
  rotateIfDue(now: Date): Promise<RotationReport> {
    return this.rotate('due', now);
  }

  /**
   * `successor`: publishes the next key of each purpose now, to sign once it has been published long enough; does
   * nothing where one is waiting already. `emergency`: new keys sign at once, waiting ones are thrown away, and the
   * others stop signing; what they signed stays valid until it expires.
   */
  rotateNow(now: Date, occasion: Exclude<RotationOccasion, 'due'> = 'successor'): Promise<RotationReport> {
    return this.rotate(occasion, now);
  }

  private async rotate(occasion: RotationOccasion, now: Date): Promise<RotationReport> {
    const report = await this.repository.rotate(occasion, now);
    for (const key of report.published) {
      const { kid, algorithm, purpose, signsFrom } = key;
      this.logger.log(
        `Published ${algorithm} key ${kid} for ${purpose} tokens; it signs from ${signsFrom.toISOString()}`,
      );
    }
    for (const kid of report.removed) this.logger.log(`Removed signing key ${kid}`);
    if (report.published.length + report.rescheduled.length + report.removed.length > 0) {
      await this.signingKeys.announce();
      await this.signingKeys.reload();
    }
    return report;
  }

  private async rotateAndReload(): Promise<void> {
    try {
      await this.rotateIfDue(this.clock());
      await this.signingKeys.reload();
    } catch (error) {
      this.logger.error(`Key rotation failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
