import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

const internalSockets = new WeakSet<Socket>();

/** Paths that the internal listener serves; everything else belongs to the public one. */
const INTERNAL_PATHS = ['/metrics', '/health/'];

/** Did this request come in by the loopback listener of INTERNAL_PORT (D27)? */
export function cameByInternalListener(request: IncomingMessage): boolean {
  return internalSockets.has(request.socket);
}

/**
 * A second listener, on loopback alone, before the same routes: what a sidecar or a local Prometheus asks without
 * credentials (D27). Rejects when the port is taken.
 */
export async function openInternalListener(fastify: FastifyInstance, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    if (INTERNAL_PATHS.some((prefix) => path.startsWith(prefix))) {
      fastify.routing(request, response);
      return;
    }
    response.writeHead(404, { 'Content-Type': 'application/json' });
    response.end('{"error":"not_found","error_description":"The internal listener serves /metrics and /health only"}');
  });
  server.on('connection', (socket) => internalSockets.add(socket));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}
