/** A small application behind the whole edge, over real HTTP on a free port of loopback. For this library's specs. */
import { Logger, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigModule, loadConfig, type GatehouseConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { EdgeModule } from './edge.module.js';
import { answerFrameworkError } from './error.filter.js';
import { trustProxyOption } from './http-context.js';
import { registerEdge } from './register-edge.js';

// Refusals and lost stores are what these specs are about; their log lines would drown the results.
Logger.overrideLogger(false);

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  json(): Record<string, unknown>;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface EdgeApplication {
  readonly app: NestFastifyApplication;
  readonly store: TransientStore;
  /** Moves this; the limits and the store read it. */
  readonly clock: { now: number };
  ask(path: string, asked?: Asked): Promise<Answer>;
  json(path: string, value: unknown): Promise<Answer>;
  form(path: string, body: string | Buffer): Promise<Answer>;
  close(): Promise<void>;
}

export function configWith(changes: Partial<GatehouseConfig> = {}): GatehouseConfig {
  return { ...loadConfig({ PUBLIC_URL: 'http://localhost:8080', TEST_IDP_PORT: 'off' }, () => ''), ...changes };
}

/** Starts it. Every controller given answers; the clock stands still until a test moves it. */
export async function startEdge(controllers: Type[], changes: Partial<GatehouseConfig> = {}): Promise<EdgeApplication> {
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') };
  const config = configWith(changes);

  @Module({ imports: [ConfigModule.forConfig(config, () => new Date(clock.now)), EdgeModule], controllers })
  class TestModule {}

  const adapter = new FastifyAdapter({
    trustProxy: trustProxyOption(config.trustProxy),
    frameworkErrors: answerFrameworkError,
  });
  registerEdge(adapter.getInstance(), config);
  const app = await NestFactory.create<NestFastifyApplication>(TestModule, adapter, {
    bodyParser: false,
    logger: false,
  });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const ask = (path: string, asked: Asked = {}) => send(port, path, asked);
  return {
    app,
    store: app.get<TransientStore>(TRANSIENT_STORE, { strict: false }),
    clock,
    ask,
    json: (path, value) =>
      ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }),
    form: (path, body) =>
      ask(path, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body }),
    close: () => app.close(),
  };
}

/** node:http and not fetch, which forbids headers and methods that these tests are about. */
function send(port: number, path: string, { method = 'GET', headers = {}, body }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = httpRequest(
      { host: '127.0.0.1', port, path, method, headers: { ...length, ...headers }, agent: false },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const { headers: received, statusCode = 0 } = incoming;
          resolve({
            status: statusCode,
            headers: received,
            text,
            json: () => JSON.parse(text) as Record<string, unknown>,
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
