import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const WELL_FORMED = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/;

/**
 * Makes Fastify's id generator. An id that a trusted proxy sent is kept, so that one request has one name in all logs;
 * anybody else could forge log lines with it.
 */
export function requestIds(believesProxy: 'proxy-trusted' | 'direct'): (request: IncomingMessage) => string {
  const prefix = randomBytes(6).toString('base64url');
  let count = 0;
  const own = () => `${prefix}-${(++count).toString(36)}`;
  if (believesProxy === 'direct') return own;
  return (request) => {
    const sent = request.headers['x-request-id'];
    return typeof sent === 'string' && WELL_FORMED.test(sent) ? sent : own();
  };
}
