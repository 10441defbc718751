import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { RefreshTokens } from './refresh-tokens.js';

const HOUR_MS = 3_600_000;

/** Erases what nobody may use any more. Any number of instances may do it at once. */
@Injectable()
export class TokenHousekeeping implements OnApplicationBootstrap {
  private readonly logger = new Logger(TokenHousekeeping.name);

  constructor(private readonly refreshTokens: RefreshTokens) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.eraseForgottenSeals();
  }

  @Interval('refresh-seals-spent', 10_000)
  async eraseSpentSeals(): Promise<void> {
    await this.attempt('erase spent seals', () => this.refreshTokens.eraseSpentSeals());
  }

  @Interval('refresh-seals-forgotten', HOUR_MS)
  async eraseForgottenSeals(): Promise<void> {
    await this.attempt('erase forgotten seals', () => this.refreshTokens.eraseForgottenSeals());
  }

  @Interval('sessions-purge', 60_000)
  async purge(): Promise<void> {
    await this.attempt('purge sessions', () => this.refreshTokens.purge());
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => this.logger.warn(`could not ${what}: ${String(error)}`));
  }
}
