import { Inject, Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { VAULT_SETTINGS, type VaultSettings } from '../vault-settings.js';
import { DataKeyRetirement } from './data-key-retirement.js';
import { TokenReseal } from './token-reseal.js';

const HOUR_MS = 3_600_000;

/**
 * What a replacement of data keys leaves behind: tokens that running processes sealed with a key just retired, and keys
 * that nobody needs any more. Where no key was replaced it costs one small query an hour.
 */
@Injectable()
export class DataKeyHousekeeping {
  private readonly logger = new Logger(DataKeyHousekeeping.name);

  constructor(
    private readonly retirement: DataKeyRetirement,
    private readonly tokens: TokenReseal,
    @Inject(VAULT_SETTINGS) private readonly settings: VaultSettings,
  ) {}

  @Interval('data-keys', HOUR_MS)
  async tick(): Promise<void> {
    if (!this.settings.schedule) return;
    try {
      await this.tidy();
    } catch (error) {
      this.logger.error(`Retired data keys stay: ${error instanceof Error ? error.message : 'unknown fault'}`);
    }
  }

  /** Seals anew what retired keys still hold, then removes those that are free. */
  async tidy(): Promise<void> {
    if (!(await this.retirement.anyRetired())) return;
    const { resealed, broken } = await this.tokens.run(() => undefined);
    if (resealed > 0) this.logger.log(`Sealed ${resealed} connections anew that were still under retired data keys`);
    if (broken.length > 0)
      this.logger.error(
        `The sealed tokens of ${broken.length} connections do not open: ${broken.slice(0, 5).join(', ')}`,
      );
    const removed = await this.retirement.removeUnneeded();
    if (removed > 0) this.logger.log(`Removed ${removed} retired data keys that no connection needs`);
  }
}
