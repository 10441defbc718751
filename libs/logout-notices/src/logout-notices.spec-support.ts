/** A database, the applications in it, and as many instances as a test starts. */
import { randomUUID } from 'node:crypto';
import { Global, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { ConfigModule, loadConfig, Secret, type GatehouseConfig } from '@app/config';
import { DatabaseModule, DEFAULT_ORGANIZATION } from '@app/database';
import { KeysModule, SigningKeys } from '@app/keys';
import { OutboundCalls } from '@app/outbound';
import { TransientStoreModule } from '@app/transient-store';
import pg from 'pg';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { LOGOUT_CALLS, LogoutDelivery } from './logout-delivery.js';
import { LogoutNoticesModule } from './logout-notices.module.js';

export const ISSUER = 'https://gatehouse.example';
/** Of the logout that {@link Deployment.logout} leaves. */
export const USER_ID = '5d0c1f36-0d5e-4d64-9d0a-6f6f1a0f2f11';

@Global()
@Module({
  imports: [TransientStoreModule.forRoot(), KeysModule.forRoot()],
  exports: [TransientStoreModule, KeysModule],
})
class FoundationModule {}

export interface NoticeState {
  readonly application_id: string;
  readonly attempts: number;
  readonly delivered: boolean;
  readonly failed: boolean;
  readonly leased: boolean;
  /** Seconds until the next attempt. */
  readonly wait: number;
  readonly last_error: string | null;
}

export interface Instance {
  readonly module: TestingModule;
  readonly delivery: LogoutDelivery;
  readonly keys: SigningKeys;
  stop(): Promise<void>;
}

export interface InstanceOptions {
  /** The longest that a receiver may take. */
  readonly timeoutMs?: number;
  readonly now?: Date;
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
    // The suite's Postgres may stop before this is closed.
    client.on('error', () => undefined);
    await client.connect();
    return new Deployment(client, database.url, () => database.drop());
  }

  async start({ timeoutMs = 10_000, now }: InstanceOptions = {}): Promise<Instance> {
    const base = loadConfig({}, () => '');
    const config: GatehouseConfig = {
      ...base,
      publicUrl: ISSUER,
      masterKeys: [{ id: 'test', key: new Secret(Buffer.alloc(32, 7)) }],
      redisUrl: undefined,
      databaseUrl: new Secret(this.databaseUrl),
      databasePoolSize: 5,
    };
    const calls = new OutboundCalls({ allowPrivate: true, maxBytes: 65_536, timeoutMs, connectTimeoutMs: timeoutMs });
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forConfig(config, now === undefined ? undefined : () => now),
        DatabaseModule.forRoot(),
        FoundationModule,
        LogoutNoticesModule,
      ],
    })
      .overrideProvider(LOGOUT_CALLS)
      .useValue(calls)
      .compile();
    module.useLogger(false);
    await module.init();
    const instance: Instance = {
      module,
      delivery: module.get(LogoutDelivery, { strict: false }),
      keys: module.get(SigningKeys, { strict: false }),
      stop: async () => {
        if (this.instances.delete(instance)) await module.close();
      },
    };
    this.instances.add(instance);
    return instance;
  }

  /** An application that is told at this address; its id is its client id. */
  async application(address: string | null, id = `app_${randomUUID()}`): Promise<string> {
    await this.client.query(
      `INSERT INTO applications (id, client_id, organization_id, name, redirect_uris, scopes, grant_types,
                                 token_endpoint_auth_method, consent, created_by, backchannel_logout_uri)
       VALUES ($1, $1, $2, 'Wiki', '{https://wiki.example/}', '{openid}', '{authorization_code}', 'none', 'ask', 'test', $3)`,
      [id, DEFAULT_ORGANIZATION.id, address],
    );
    return id;
  }

  /** A logout that this application is to be told of, as sessions leave it; answers its `sid`. */
  async logout(applicationId: string): Promise<string> {
    const sid = randomUUID();
    await this.client.query(
      `INSERT INTO logout_notices (application_id, sid, user_id, created_at, next_attempt_at)
       VALUES ($1, $2, $3, app_now(), app_now())`,
      [applicationId, sid, USER_ID],
    );
    return sid;
  }

  /** D59 */
  async later(seconds: number): Promise<void> {
    this.offsetMs += seconds * 1000;
    await this.client.query(
      `CREATE OR REPLACE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
       AS $$SELECT now() + interval '${this.offsetMs} ms'$$`,
    );
  }

  /** As on the first day, but for the keys: no instance, no application, no notice, and the time is now. */
  async reset(): Promise<void> {
    for (const instance of this.instances) await instance.stop();
    await this.client.query(`DELETE FROM logout_notices`);
    await this.client.query(`DELETE FROM applications`);
    this.offsetMs = 0;
    await this.later(0);
  }

  /** In the order in which they were written. */
  async notices(): Promise<NoticeState[]> {
    const { rows } = await this.client.query<NoticeState>(
      `SELECT application_id, attempts, delivered_at IS NOT NULL AS delivered, failed_at IS NOT NULL AS failed,
              coalesce(leased_until > app_now(), false) AS leased,
              extract(epoch FROM next_attempt_at - app_now())::float8 AS wait, last_error
       FROM logout_notices ORDER BY id`,
    );
    return rows;
  }

  /** What the audit says of an application's notices that were given up. */
  async audited(applicationId: string): Promise<Record<string, unknown>[]> {
    const { rows } = await this.client.query<Record<string, unknown>>(
      `SELECT organization_id, subject, details FROM audit_events WHERE kind = 'logout_notice.failed' AND details->>'application' = $1 ORDER BY id`,
      [applicationId],
    );
    return rows;
  }

  async close(): Promise<void> {
    for (const instance of this.instances) await instance.stop();
    await this.client.end();
    await this.drop();
  }
}
