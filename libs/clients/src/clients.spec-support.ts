import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AuditLog } from '@app/audit';
import { ConfigModule, loadConfig, Secret, type GatehouseConfig } from '@app/config';
import { Database, DatabaseModule } from '@app/database';
import { Directory, type SignedInUser } from '@app/directory';
import { EdgeModule, registerEdge, type Principal, type UserPrincipal } from '@app/edge';
import { Revocations } from '@app/revocation';
import { TransientStoreModule } from '@app/transient-store';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { ClientAuthenticator } from './client-authenticator.js';
import { ClientCredentials, type NewClientCredential } from './client-credentials.js';
import { ClientUsage } from './client-usage.js';
import { ClientsModule } from './clients.module.js';
import type { PresentedClient } from './presented-client.js';

// Revocations ask for the mirror without importing its module, as in the server, where that module is in reach.
Object.assign(TransientStoreModule.forRoot(), { global: true });

export const ADDRESS = '192.0.2.7';

/** Credentials as a client presents them. */
export function presenting(clientId: string, clientSecret: string, method: 'basic' | 'body' = 'body'): PresentedClient {
  return { kind: 'secret', clientId, clientSecret, method };
}

/** The room over real Postgres, and Redis where one is given, with a clock that tests move. */
export class TestClients {
  /** Who the next call comes from. */
  principal: Principal | undefined;

  private constructor(
    readonly app: NestFastifyApplication,
    private readonly time: { now: Date },
    readonly databaseUrl: string,
    private readonly drop: () => Promise<void>,
  ) {}

  static async open(config: Partial<GatehouseConfig> = {}): Promise<TestClients> {
    const database = await freshDatabase();
    return TestClients.on(database.url, config, () => database.drop());
  }

  /** One more instance on a database that exists. */
  static async on(
    databaseUrl: string,
    config: Partial<GatehouseConfig>,
    drop: () => Promise<void> = async () => {},
  ): Promise<TestClients> {
    // Near the database's own time, which revocations expire by.
    const time = { now: new Date() };
    const provider = { type: 'test', icon: undefined, enabled: true, linkByVerifiedEmailDomains: [] } as const;
    const whole: GatehouseConfig = {
      ...loadConfig({}, () => ''),
      providers: [{ ...provider, id: 'acme', name: 'Acme', organization: 'default' }],
      admins: [{ provider: 'acme', subjectOrEmail: 'admin' }],
      redisUrl: undefined,
      ...config,
      databaseUrl: new Secret(databaseUrl),
    };
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forConfig(whole, () => time.now),
        DatabaseModule.forRoot(),
        TransientStoreModule.forRoot(),
        EdgeModule,
        ClientsModule,
      ],
    }).compile();
    const adapter = new FastifyAdapter();
    registerEdge(adapter.getInstance() as never, whole);
    const app = module.createNestApplication<NestFastifyApplication>(adapter, { bodyParser: false, logger: false });
    const opened = new TestClients(app, time, databaseUrl, drop);
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('preHandler', async (request: { principal?: Principal }) => {
        if (opened.principal !== undefined) request.principal = opened.principal;
      });
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return opened;
  }

  get now(): Date {
    return this.time.now;
  }
  later(ms: number): void {
    this.time.now = new Date(this.time.now.getTime() + ms);
  }
  get database(): Database {
    return this.app.get(Database);
  }
  get directory(): Directory {
    return this.app.get(Directory, { strict: false });
  }
  get revocations(): Revocations {
    return this.app.get(Revocations, { strict: false });
  }
  get credentials(): ClientCredentials {
    return this.app.get(ClientCredentials, { strict: false });
  }
  get authenticator(): ClientAuthenticator {
    return this.app.get(ClientAuthenticator, { strict: false });
  }
  get usage(): ClientUsage {
    return this.app.get(ClientUsage, { strict: false });
  }

  signIn(subject: string): Promise<SignedInUser> {
    const claim = { issuer: 'https://id.acme.example', email: undefined, emailVerified: false, name: subject };
    return this.revocations.transaction((manager, revoke) =>
      this.directory.signIn(manager, { provider: 'acme', subject, groups: [], ...claim }, this.now, revoke),
    );
  }

  /** The principal of a new session of this person. */
  async person(subject: string): Promise<UserPrincipal> {
    const user = await this.signIn(subject);
    return {
      kind: 'user',
      party: 'first',
      tokenId: 'jti',
      clientId: 'web',
      organizationId: user.organizationId,
      scopes: [],
      expiresAt: 2_000_000_000,
      userId: user.userId,
      sessionId: 'session',
      providerId: 'acme',
    };
  }

  async given(owner: UserPrincipal, input: Partial<NewClientCredential> = {}) {
    const whole = { name: 'ci', description: undefined, expiresAt: undefined, scopes: [], ...input };
    const { info, clientSecret } = await this.credentials.create(owner, whole, {});
    return { id: info.id, clientId: info.clientId, clientSecret, presented: presenting(info.clientId, clientSecret) };
  }

  async audited(kind: string): Promise<{ subject: string; actor: string | null; details: Record<string, unknown> }[]> {
    await this.app.get(AuditLog, { strict: false }).settled();
    return this.database.query('SELECT subject, actor, details FROM audit_events WHERE kind = $1 ORDER BY id', [kind]);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.drop();
  }
}
