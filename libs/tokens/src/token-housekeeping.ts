import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { RefreshTokens } from './refresh-tokens.js';

/** Erases what nobody may use any more. Any number of instances may do it at once. */
@Injectable()
export class TokenHousekeeping {
  private readonly logger = new Logger(TokenHousekeeping.name);

  constructor(private readonly refreshTokens: RefreshTokens) {}

  @Interval('refresh-tokens-purge', 60_000)
  async purge(): Promise<void> {
    await this.refreshTokens
      .purge()
      .catch((error: unknown) => this.logger.warn(`could not purge refresh tokens: ${String(error)}`));
  }
}
