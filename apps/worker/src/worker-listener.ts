import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { INestApplicationContext } from '@nestjs/common';
import type { GatehouseConfig } from '@app/config';
import { isLoopbackHost, OAuthError } from '@app/oauth2';
import { markInternalSocket, OperatorAccess } from '@app/tokens';
import { HttpMetrics, Readiness } from '@app/operations';

/**
 * All that a worker answers: GET /health/live, /health/ready and /metrics. Listening on loopback, it believes who comes
 * without credentials as the server's internal listener does (D27); on any other address metrics and details need
 * INTERNAL_TOKEN or an administrator's token.
 *
 * @returns what ends it; rejects when the port is taken.
 */
export async function openWorkerListener(
  context: INestApplicationContext,
  { workerHost, workerPort }: Pick<GatehouseConfig, 'workerHost' | 'workerPort'>,
): Promise<() => Promise<void>> {
  const [readiness, operators, { registry }] = [
    context.get(Readiness),
    context.get(OperatorAccess, { strict: false }),
    context.get(HttpMetrics, { strict: false }),
  ];
  const fastify = new FastifyAdapter({ requestTimeout: 10_000, forceCloseConnections: true }).getInstance();
  if (isLoopbackHost(workerHost)) fastify.server.on('connection', markInternalSocket);
  fastify.addHook('onSend', async (_request, reply) => {
    void reply.header('Cache-Control', 'no-store').header('X-Content-Type-Options', 'nosniff');
  });
  fastify.setErrorHandler(async (error, _request, reply) => {
    const known = error instanceof OAuthError ? error : new OAuthError('server_error', 'This could not be answered');
    if (known.retryAfterSeconds !== undefined) void reply.header('Retry-After', String(known.retryAfterSeconds));
    if (known.status === 401) void reply.header('WWW-Authenticate', 'Bearer');
    await reply.status(known.status).send({ error: known.code, error_description: known.description });
  });
  fastify.setNotFoundHandler(async (_request, reply) => {
    const error_description = 'A worker serves /metrics, /health/live and /health/ready only';
    await reply.status(404).send({ error: 'not_found', error_description });
  });
  fastify.get('/health/live', async () => ({ status: 'live' }));
  fastify.get('/health/ready', async (request, reply) => {
    const { ready, ...details } = await readiness.report();
    const status = ready ? 'ready' : 'not_ready';
    // Whether the one who asks may know more must not decide whether he gets his answer.
    const detailed = await operators.allows(request).catch(() => false);
    return reply.status(ready ? 200 : 503).send(detailed ? { status, details } : { status });
  });
  fastify.get('/metrics', async (request, reply) => {
    await operators.require(request);
    return reply.header('Content-Type', registry.contentType).send(await registry.metrics());
  });
  await fastify.listen({ host: workerHost, port: workerPort });
  return () => fastify.close();
}
