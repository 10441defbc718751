/** A token endpoint on a loopback port that answers what the test says, and remembers what it was asked. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { loadConfig, type GatehouseConfig } from '@app/config';
import { ProviderRegistry } from '@app/oauth-providers';
import { OutboundCalls, OutboundFetch } from '@app/outbound';
import { UpstreamTokenEndpoints } from '../src/upstream-token-endpoints.js';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Answer = (response: ServerResponse, asked: Asked) => void;

/** What an answer is made of; `body` as JSON unless it is text. */
export interface Saying {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export const say =
  ({ status = 200, headers = {}, body = {} }: Saying): Answer =>
  (response) => {
    const isText = typeof body === 'string';
    response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...headers });
    response.end(isText ? body : JSON.stringify(body));
  };

export class TokenServer {
  readonly asked: Asked[] = [];
  answer: Answer = say({ body: { access_token: 'at-2', token_type: 'Bearer', expires_in: 3600 } });

  private constructor(
    readonly server: Server,
    readonly origin: string,
  ) {}

  static async start(): Promise<TokenServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const started = new TokenServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (request: IncomingMessage, response) => {
      void text(request).then((body) => {
        const asked = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
        started.asked.push(asked);
        started.answer(response, asked);
      });
    });
    return started;
  }

  get last(): Asked {
    const last = this.asked.at(-1);
    if (!last) throw new Error('nothing was asked');
    return last;
  }

  get lastForm(): Record<string, string> {
    return Object.fromEntries(new URLSearchParams(this.last.body));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export const CLIENT_SECRET = 'upstream client secret/1';

/** Settings of a provider whose endpoints are all at one origin; `about` adds and replaces keys, as in the file. */
export function hub(origin: string, about: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 'hub',
    type: 'oauth2',
    sign_in: false,
    authorization_url: `${origin}/authorize`,
    token_url: `${origin}/token`,
    client_id: 'gatehouse',
    client_secret: CLIENT_SECRET,
    ...about,
  };
}

export function configurationOf(providers: readonly object[], outbound: Record<string, unknown> = {}): GatehouseConfig {
  const document = JSON.stringify({ oauth_providers: providers, test_provider: true, outbound });
  return loadConfig({ GATEHOUSE_CONFIG: 'gatehouse.yaml' }, () => document);
}

export interface Parts {
  readonly endpoints: UpstreamTokenEndpoints;
  readonly config: GatehouseConfig;
  close(): Promise<void>;
}

/** The parts as the module wires them, from settings as somebody would write them. */
export function partsOf(
  providers: readonly object[],
  { now = new Date(), outbound = {} }: { now?: Date; outbound?: Record<string, unknown> } = {},
): Parts {
  const config = configurationOf(providers, outbound);
  const { allowPrivate, maxBytes, tokenTimeoutMs, connectTimeoutMs } = config.outbound;
  const fetching = new OutboundFetch(config.outbound);
  const calls = new OutboundCalls({ allowPrivate, maxBytes, timeoutMs: tokenTimeoutMs, connectTimeoutMs });
  const clock = (): Date => now;
  const registry = new ProviderRegistry(config, clock, fetching);
  return {
    endpoints: new UpstreamTokenEndpoints(config, clock, calls, registry),
    config,
    close: async () => {
      registry.onModuleDestroy();
      await Promise.all([calls.close(), fetching.close()]);
    },
  };
}
