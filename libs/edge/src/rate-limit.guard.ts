import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { remoteAddress } from './http-context.js';
import { RateLimiter } from './rate-limiter.js';
import { routePolicy } from './route-policy.js';

/** Spends the route's class (D44) before anything else looks at the request. Register globally, first. */
@Injectable()
export class RateLimitGuard implements CanActivate {
  constructor(private readonly limiter: RateLimiter) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const pending = this.limiter.take(routePolicy(request).rateClass, remoteAddress(request));
    return pending === undefined ? true : pending.then(() => true);
  }
}
