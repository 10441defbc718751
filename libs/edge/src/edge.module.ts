import { Module } from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { TransientStoreModule } from '@app/transient-store';
import { ErrorFilter } from './error.filter.js';
import { limitRequests } from './limit-requests.js';
import { Lockout } from './lockout.js';
import { RateLimiter } from './rate-limiter.js';

/**
 * Puts the error filter and the rate limits before every route of the application that imports it, and lends the
 * counters to those who count more than requests.
 */
@Module({
  imports: [TransientStoreModule.forRoot()],
  providers: [RateLimiter, Lockout, { provide: APP_FILTER, useClass: ErrorFilter }],
  exports: [RateLimiter, Lockout],
})
export class EdgeModule {
  /**
   * Runs before Nest registers its routes, so the hook is in time for all of them. A context without HTTP (a command)
   * has no adapter and no route to limit.
   */
  constructor(host: HttpAdapterHost, limiter: RateLimiter) {
    const adapter = host.httpAdapter as HttpAdapterHost['httpAdapter'] | null | undefined;
    if (adapter) limitRequests(adapter.getInstance<FastifyInstance>(), limiter);
  }
}
