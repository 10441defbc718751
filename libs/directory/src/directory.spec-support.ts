import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AuditLog } from '@app/audit';
import { ConfigModule, loadConfig, Secret, type GatehouseConfig, type TestProviderConfig } from '@app/config';
import { Database, DatabaseModule } from '@app/database';
import { EdgeModule, registerEdge, type Principal, type UserPrincipal } from '@app/edge';
import { Revocations } from '@app/revocation';
import { TransientStoreModule } from '@app/transient-store';
import { freshDatabase } from '../../../test/harness/postgres.js';
import type { SignedInUser } from './account-sign-in.js';
import { Directory } from './directory.js';
import { DirectoryModule } from './directory.module.js';
import type { IdentityClaim } from './identity-claim.js';
import { ProviderRecords } from './provider-records.js';

// Revocations ask for the mirror without importing its module, as in the server, where that module is in reach.
Object.assign(TransientStoreModule.forRoot(), { global: true });

/** A provider of the `test` type, of which a directory looks at these fields alone. */
export function aProvider(id: string, overrides: Partial<TestProviderConfig> = {}): TestProviderConfig {
  return {
    type: 'test',
    id,
    name: id,
    icon: undefined,
    enabled: true,
    organization: 'default',
    linkByVerifiedEmailDomains: [],
    ...overrides,
  };
}

/** What a provider says of Ada, unless told otherwise. */
export function aClaim(overrides: Partial<IdentityClaim> = {}): IdentityClaim {
  return {
    provider: 'acme',
    issuer: 'https://id.acme.example',
    subject: 'ada-1',
    email: 'ada@acme.example',
    emailVerified: true,
    name: 'Ada Lovelace',
    groups: [],
    ...overrides,
  };
}

export interface AuditedFact {
  readonly kind: string;
  readonly actor: string | null;
  readonly subject: string | null;
  readonly organization_id: string | null;
  readonly request_id: string | null;
  readonly details: Record<string, unknown>;
}

/** A directory over real Postgres, with a clock that tests move, and its routes behind a stand-in for the guard. */
export class TestDirectory {
  /** Who the next call comes from. */
  principal: Principal | undefined;

  private constructor(
    readonly app: NestFastifyApplication,
    private readonly time: { now: Date },
    private readonly drop: () => Promise<void>,
  ) {}

  static async open(config: Partial<GatehouseConfig> = {}): Promise<TestDirectory> {
    const database = await freshDatabase();
    return TestDirectory.on(database.url, config, () => database.drop());
  }

  /** One more instance on a database that exists. */
  static async on(
    databaseUrl: string,
    config: Partial<GatehouseConfig>,
    drop: () => Promise<void> = async () => {},
  ): Promise<TestDirectory> {
    // Near the database's own time, which revocations expire by.
    const time = { now: new Date() };
    const whole: GatehouseConfig = {
      ...loadConfig({}, () => ''),
      providers: [aProvider('acme'), aProvider('other')],
      samlProviders: [],
      admins: [],
      ...config,
      databaseUrl: new Secret(databaseUrl),
      redisUrl: config.redisUrl,
    };
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forConfig(whole, () => time.now),
        DatabaseModule.forRoot(),
        TransientStoreModule.forRoot(),
        EdgeModule,
        DirectoryModule,
      ],
    }).compile();
    const adapter = new FastifyAdapter();
    registerEdge(adapter.getInstance() as never, whole);
    const app = module.createNestApplication<NestFastifyApplication>(adapter, { bodyParser: false, logger: false });
    const opened = new TestDirectory(app, time, drop);
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
  get records(): ProviderRecords {
    return this.app.get(ProviderRecords, { strict: false });
  }
  get revocations(): Revocations {
    return this.app.get(Revocations, { strict: false });
  }

  signIn(claim: Partial<IdentityClaim> = {}): Promise<SignedInUser> {
    return this.revocations.transaction((manager, revoke) =>
      this.directory.signIn(manager, aClaim(claim), this.now, revoke, { requestId: 'req-1' }),
    );
  }

  /** The principal of a session that this sign-in began. */
  sessionOf(user: SignedInUser, providerId = 'acme'): UserPrincipal {
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
      providerId,
    };
  }

  async audited(): Promise<AuditedFact[]> {
    await this.app.get(AuditLog, { strict: false }).settled();
    return this.database.query<AuditedFact>(
      `SELECT kind, actor, subject, organization_id, request_id, details FROM audit_events ORDER BY id`,
    );
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.drop();
  }
}
