import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { TransientStoreModule } from '@app/transient-store';
import { ErrorFilter } from './error.filter.js';
import { Lockout } from './lockout.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { RateLimiter } from './rate-limiter.js';

/**
 * Puts the error filter and the rate limits before every route of the application that imports it, and lends the
 * counters to those who count more than requests.
 */
@Module({
  imports: [TransientStoreModule.forRoot()],
  providers: [
    RateLimiter,
    Lockout,
    { provide: APP_FILTER, useClass: ErrorFilter },
    { provide: APP_GUARD, useClass: RateLimitGuard },
  ],
  exports: [RateLimiter, Lockout],
})
export class EdgeModule {}
