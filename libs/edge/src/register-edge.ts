import type { FastifyInstance } from 'fastify';
import type { GatehouseConfig } from '@app/config';
import { registerBodyParsers } from './body-parsers.js';
import { RouteTable } from './route-table.js';
import { registerSecurityHeaders } from './security-headers.js';

/**
 * Everything of the edge that lives in Fastify: parsers, headers, CORS, the table of routes. Call it before Nest is
 * created on the adapter, with Nest's `bodyParser` off, because hooks see only what is registered after them.
 */
export function registerEdge(
  fastify: FastifyInstance,
  config: Pick<GatehouseConfig, 'clientCallbacks' | 'corsOrigins' | 'publicUrl'>,
): void {
  new RouteTable().watch(fastify);
  registerBodyParsers(fastify);
  registerSecurityHeaders(fastify, config);
}
