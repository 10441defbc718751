import type { FastifyInstance } from 'fastify';
import { remoteAddress } from './http-context.js';
import type { RateLimiter } from './rate-limiter.js';
import { routePolicy } from './route-policy.js';

/**
 * Spends the class of the matched route (D44), and `api` for addresses that match none, before the body is read and
 * before any guard looks at a token. A hook of Fastify and not a guard of Nest: guards of several modules run in an
 * order that nobody wrote down, and a guard costs every request a promise.
 */
export function limitRequests(fastify: FastifyInstance, limiter: RateLimiter): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    let pending: Promise<void> | undefined;
    try {
      pending = limiter.take(routePolicy(request).rateClass, remoteAddress(request));
    } catch (error) {
      done(error as Error);
      return;
    }
    if (pending === undefined) done();
    else pending.then(() => done(), done);
  });
}
