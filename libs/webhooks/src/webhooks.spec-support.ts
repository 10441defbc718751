/** A database, a receiver over real HTTP, and as many instances as a test starts. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  ConfigModule,
  loadConfig,
  Secret,
  type GatehouseConfig,
  type WebhookDeliveryConfig,
  type WebhookEndpoint,
} from '@app/config';
import { Database, DatabaseModule, DEFAULT_ORGANIZATION } from '@app/database';
import pg from 'pg';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { OutboxRepository } from './outbox.repository.js';
import type { VaultEvent } from './vault-event.js';
import { WebhookDelivery } from './webhook-delivery.js';
import { WebhookOutbox } from './webhook-outbox.js';
import { WebhooksModule } from './webhooks.module.js';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a receiver answers; default 204. */
export type Answer = (received: Received, response: ServerResponse) => void;

export class Receiver {
  readonly received: Received[] = [];
  answer: Answer = (_received, response) => void response.writeHead(204).end();
  private readonly waiting: (() => void)[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        const one = { path: request.url ?? '', headers: request.headers, body };
        receiver.received.push(one);
        for (const wake of receiver.waiting.splice(0)) wake();
        receiver.answer(one, response);
      });
    });
    const receiver = new Receiver(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get ids(): (string | undefined)[] {
    return this.received.map(({ headers }) => headers['webhook-id'] as string | undefined);
  }

  answers(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.answer = (_received, response) => void response.writeHead(status, headers).end('a word of theirs');
  }

  async until(count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export const aSecret = (): Secret<Buffer> => new Secret(randomBytes(32));

/** As an operator and a receiver write it. */
export const written = (secret: Secret<Buffer>): string => `whsec_${secret.reveal().toString('base64')}`;

export const anEndpoint = (url: string, changes: Partial<WebhookEndpoint> = {}): WebhookEndpoint => ({
  id: 'app',
  url: `${url}/hooks`,
  secrets: [aSecret()],
  organization: 'default',
  events: ['connection.needs_reauth', 'connection.refresh_failed', 'connection.recovered', 'connection.expiring'],
  ...changes,
});

export const anEvent = (changes: Partial<VaultEvent> = {}): VaultEvent => ({
  kind: 'connection.needs_reauth',
  connectionId: 'con_1',
  organizationId: DEFAULT_ORGANIZATION.id,
  providerId: 'acme',
  data: { reason: 'revoked', error: 'invalid_grant' },
  ...changes,
});

export interface OutboxState {
  readonly event_id: string;
  readonly endpoint_id: string;
  readonly attempts: number;
  readonly delivered: boolean;
  readonly failed: boolean;
  readonly leased: boolean;
  readonly wait: number;
  readonly last_status: number | null;
  readonly last_error: string | null;
}

export interface Instance {
  readonly module: TestingModule;
  readonly outbox: WebhookOutbox;
  readonly delivery: WebhookDelivery;
  readonly repository: OutboxRepository;
  readonly database: Database;
  /** Commits events as another room does. */
  record(...events: VaultEvent[]): Promise<void>;
  stop(): Promise<void>;
}

export interface InstanceOptions {
  readonly delivery?: Partial<WebhookDeliveryConfig>;
  readonly allowPrivate?: boolean;
}

/** One database under as many instances as a test starts; its clock (D59) moves when told. */
export class Deployment {
  private readonly instances = new Set<Instance>();
  private offsetMs = 0;

  private constructor(
    readonly client: pg.Client,
    private readonly databaseUrl: string,
    private readonly drop: () => Promise<void>,
  ) {}

  static async open(): Promise<Deployment> {
    const database = await freshDatabase();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    return new Deployment(client, database.url, () => database.drop());
  }

  async start(webhooks: readonly WebhookEndpoint[], options: InstanceOptions = {}): Promise<Instance> {
    const base = loadConfig({}, () => '');
    const config: GatehouseConfig = {
      ...base,
      databaseUrl: new Secret(this.databaseUrl),
      databasePoolSize: 5,
      outbound: { ...base.outbound, allowPrivate: options.allowPrivate ?? true },
      webhooks,
      webhookDelivery: { ...base.webhookDelivery, ...options.delivery },
    };
    const module = await Test.createTestingModule({
      imports: [ConfigModule.forConfig(config), DatabaseModule.forRoot(), WebhooksModule],
    }).compile();
    module.useLogger(false);
    await module.init();
    const database = module.get(Database, { strict: false });
    const outbox = module.get(WebhookOutbox, { strict: false });
    const instance: Instance = {
      module,
      outbox,
      database,
      delivery: module.get(WebhookDelivery, { strict: false }),
      repository: module.get(OutboxRepository, { strict: false }),
      record: async (...events) => {
        for (const event of events)
          await database.transaction((manager) => outbox.record(manager, outbox.rowsFor(event)));
      },
      stop: async () => {
        if (this.instances.delete(instance)) await module.close();
      },
    };
    this.instances.add(instance);
    return instance;
  }

  /** D59 */
  async later(seconds: number): Promise<void> {
    this.offsetMs += seconds * 1000;
    await this.client.query(
      `CREATE OR REPLACE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
       AS $$SELECT now() + interval '${this.offsetMs} ms'$$`,
    );
  }

  /** In the order in which they were written; `wait` in seconds. */
  async rows(): Promise<OutboxState[]> {
    const { rows } = await this.client.query<OutboxState>(
      `SELECT event_id, endpoint_id, attempts, delivered_at IS NOT NULL AS delivered, failed_at IS NOT NULL AS failed,
              coalesce(lease_until > app_now(), false) AS leased,
              extract(epoch FROM next_attempt_at - app_now())::float8 AS wait, last_status, last_error
       FROM outbox_events ORDER BY id`,
    );
    return rows;
  }

  async organizationId(name: string): Promise<string> {
    const { rows } = await this.client.query<{ id: string }>('SELECT id FROM organizations WHERE name = $1', [name]);
    return rows[0]?.id ?? '';
  }

  async close(): Promise<void> {
    for (const instance of this.instances) await instance.stop();
    await this.client.end();
    await this.drop();
  }
}
