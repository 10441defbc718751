import { createServer, type Server } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { markInternalSocket } from '@app/tokens';

/** Paths that the internal listener serves; everything else belongs to the public one. */
const INTERNAL_PATHS = ['/metrics', '/health/', '/internal/'];

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
    response.end(
      '{"error":"not_found","error_description":"The internal listener serves /metrics, /health and /internal only"}',
    );
  });
  server.on('connection', markInternalSocket);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}
