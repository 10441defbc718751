import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Clock, GatehouseConfig } from '@app/config';
import { answerClientError, answerFrameworkError, BODY_LIMIT_BYTES, registerEdge, trustProxyOption } from '@app/edge';
import { HttpMetrics, type Log, NestLog, openLog } from '@app/operations';
import { registerRequestLog } from './request-log.js';
import { serveApiDocumentation } from './api-documentation.js';
import { requestIds } from './request-id.js';
import { ServerModule } from './server.module.js';

/** What a test or a command puts in place of the process's own. */
export interface AppOverrides {
  readonly clock?: Clock;
  readonly log?: Log;
}

/** Longest path segment: a provider id has 100 characters, everything else is shorter (D55). */
const LONGEST_SEGMENT = 200;

/**
 * The whole application, connected and initialised, listening nowhere yet. Rejects with DatabaseStartupError and the
 * like when something that it cannot do without is not there.
 */
export async function createApp(
  config: GatehouseConfig,
  overrides: AppOverrides = {},
): Promise<NestFastifyApplication> {
  const log = overrides.log ?? openLog(config);
  const metrics = new HttpMetrics();
  const trustProxy = trustProxyOption(config.trustProxy);
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    // A client that trickles its request holds a socket and nothing else, and not for longer than this.
    requestTimeout: 30_000,
    // Longer than the idle time of the usual load balancers, so that it is they who close and no request is lost.
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    trustProxy,
    genReqId: requestIds(trustProxy === false ? 'direct' : 'proxy-trusted'),
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
    routerOptions: { maxParamLength: LONGEST_SEGMENT },
  });
  const fastify = adapter.getInstance();
  registerEdge(fastify, config);
  metrics.watch(fastify);
  registerRequestLog(fastify, log);
  const app = await NestFactory.create<NestFastifyApplication>(
    ServerModule.with(config, metrics, overrides.clock),
    adapter,
    { bodyParser: false, abortOnError: false, logger: new NestLog(log.logger) },
  );
  serveApiDocumentation(app, config);
  await app.init();
  await fastify.ready();
  return app;
}
