/** The whole application over real HTTP, on a database of its own. For the server's specs. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { loadConfig, Secret, type GatehouseConfig } from '@app/config';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { createApp } from './create-app.js';
import { loggedError } from '@app/operations';

export interface RunningServer {
  readonly app: NestFastifyApplication;
  readonly config: GatehouseConfig;
  readonly port: number;
  /** Everything logged so far, JSON lines. */
  log(): string;
  ask(path: string, headers?: Readonly<Record<string, string>>, port?: number): Promise<Reply>;
  stop(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export const PUBLIC_URL = 'http://localhost:8080';

/** @param changes over the configuration of development, after it was validated. */
export async function startServer(changes: Partial<GatehouseConfig> = {}): Promise<RunningServer> {
  const database = await freshDatabase();
  const base = loadConfig(
    {
      PUBLIC_URL,
      DATABASE_URL: database.url,
      TEST_IDP_PORT: 'off',
      GATEHOUSE_MASTER_KEYS: `test:${Buffer.alloc(32, 7).toString('base64url')}`,
      GATEHOUSE_RATE_LIMITS: 'off',
    },
    () => '',
  );
  const providers = changes.production === true ? [] : base.providers;
  const config = { ...base, providers, databaseUrl: new Secret(database.url), ...changes };
  let lines = '';
  const logger = pino(
    { level: 'trace', base: undefined, serializers: { err: loggedError } },
    { write: (line) => void (lines += line) },
  );
  const app = await createApp(config, { log: { logger, flush: () => undefined } });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return {
    app,
    config,
    port,
    log: () => lines,
    ask: (path, headers, other = port) => ask(other, path, headers),
    stop: async () => {
      await app.close();
      await database.drop();
    },
  };
}

/** One GET; node:http, because fetch lets nobody choose Host and Sec-Fetch-Site. */
export function ask(port: number, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port, path, headers, agent: false }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
