import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Log } from '@app/operations';

const LONGEST_PATH = 200;

/** The route's pattern, so that no id or code is logged; for unknown addresses the path, without its query. */
function loggedPath(request: FastifyRequest): string {
  const pattern = request.routeOptions.url;
  if (pattern !== undefined) return pattern;
  const [path = ''] = request.url.split('?');
  return path.slice(0, LONGEST_PATH);
}

/** The text of each pattern as JSON, made once: there are as many as there are routes. */
const quotedPatterns = new Map<string, string>();

function quotedPath(request: FastifyRequest): string {
  const pattern = request.routeOptions.url;
  if (pattern === undefined) return JSON.stringify(loggedPath(request));
  let quoted = quotedPatterns.get(pattern);
  if (quoted === undefined) quotedPatterns.set(pattern, (quoted = JSON.stringify(pattern)));
  return quoted;
}

/**
 * One line a finished request: method, path, status, milliseconds, request id. Never a header, a query or a body (R31).
 * Below the level `info` nothing is registered and nothing is paid.
 */
export function registerRequestLog(fastify: FastifyInstance, { logger, writeLine }: Log): void {
  if (!logger.isLevelEnabled('info')) return;
  fastify.addHook('onResponse', (request, reply, done) => {
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    if (writeLine === undefined)
      logger.info(
        { method: request.method, path: loggedPath(request), status: reply.statusCode, ms, requestId: request.id },
        'request',
      );
    else
      writeLine(
        `{"level":30,"time":${Date.now()},"method":"${request.method}","path":${quotedPath(request)},` +
          `"status":${reply.statusCode},"ms":${ms},"requestId":${JSON.stringify(request.id)},"msg":"request"}\n`,
      );
    done();
  });
}
