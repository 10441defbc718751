import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

const LONGEST_PATH = 200;

/** The route's pattern, so that no id or code is logged; for unknown addresses the path, without its query. */
function loggedPath(request: FastifyRequest): string {
  const pattern = request.routeOptions.url;
  if (pattern !== undefined) return pattern;
  const [path = ''] = request.url.split('?');
  return path.slice(0, LONGEST_PATH);
}

/**
 * One line a finished request: method, path, status, milliseconds, request id. Never a header, a query or a body (R31).
 * Below the level `info` nothing is registered and nothing is paid.
 */
export function registerRequestLog(fastify: FastifyInstance, logger: Logger): void {
  if (!logger.isLevelEnabled('info')) return;
  fastify.addHook('onResponse', (request, reply, done) => {
    logger.info(
      {
        method: request.method,
        path: loggedPath(request),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        requestId: request.id,
      },
      'request',
    );
    done();
  });
}
