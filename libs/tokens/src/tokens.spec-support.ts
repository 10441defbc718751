import { createHash, randomBytes } from 'node:crypto';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AuditLog } from '@app/audit';
import { ConfigModule, loadConfig, Secret, type GatehouseConfig, type TestProviderConfig } from '@app/config';
import { Database, DatabaseModule } from '@app/database';
import { Directory, ProviderRecords } from '@app/directory';
import { EdgeModule, registerEdge } from '@app/edge';
import { KeysModule } from '@app/keys';
import { Revocations } from '@app/revocation';
import { TransientStoreModule } from '@app/transient-store';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { AccessTokenVerifier } from './access-token-verifier.js';
import { AuthorizationCodes } from './authorization-codes.js';
import { RefreshTokens } from './refresh-tokens.js';
import { Sessions } from './sessions.js';
import { TokenIssuer } from './token-issuer.js';
import { TokensModule } from './tokens.module.js';
import { UserProfiles } from './user-profiles.js';

/** What the server makes global for every room. */
@Global()
@Module({
  imports: [EdgeModule, TransientStoreModule.forRoot(), KeysModule.forRoot()],
  exports: [EdgeModule, TransientStoreModule, KeysModule],
})
class FoundationModule {}

export const ISSUER = 'https://gatehouse.example';
export const CALLBACK = 'https://app.example/callback';

function provider(id: string): TestProviderConfig {
  return {
    type: 'test',
    id,
    name: id,
    icon: undefined,
    enabled: true,
    organization: 'default',
    linkByVerifiedEmailDomains: [],
  };
}

export interface BegunSession {
  readonly sessionId: string;
  readonly userId: string;
}

/** One process of the room over real Postgres, and real Redis where one is given, with a clock that tests move. */
export class TestTokens {
  private constructor(
    readonly app: NestFastifyApplication,
    private readonly time: { now: Date },
    readonly databaseUrl: string,
    private readonly drop: () => Promise<void>,
  ) {}

  static async open(config: Partial<GatehouseConfig> = {}): Promise<TestTokens> {
    const database = await freshDatabase();
    return TestTokens.on(database.url, config, () => database.drop());
  }

  /** One more process on a database that exists. */
  static async on(
    databaseUrl: string,
    config: Partial<GatehouseConfig> = {},
    drop: () => Promise<void> = async () => {},
  ): Promise<TestTokens> {
    // Near the database's own time, which sessions and revocations expire by.
    const time = { now: new Date() };
    const defaults = loadConfig({}, () => '');
    const whole: GatehouseConfig = {
      ...defaults,
      publicUrl: ISSUER,
      clientCallbacks: [{ clientId: 'web', url: CALLBACK }],
      masterKeys: [{ id: 'test', key: new Secret(Buffer.alloc(32, 7)) }],
      rateLimits: { ...defaults.rateLimits, enabled: false },
      providers: [provider('acme'), provider('other')],
      redisUrl: undefined,
      ...config,
      databaseUrl: new Secret(databaseUrl),
    };
    const room: DynamicModule = {
      module: class TestRoom {},
      imports: [
        ConfigModule.forConfig(whole, () => time.now),
        DatabaseModule.forRoot(),
        FoundationModule,
        TokensModule,
      ],
    };
    const adapter = new FastifyAdapter();
    registerEdge(adapter.getInstance() as never, whole);
    const app = await NestFactory.create<NestFastifyApplication>(room, adapter, {
      bodyParser: false,
      logger: false,
      abortOnError: false,
    });
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return new TestTokens(app, time, databaseUrl, drop);
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
  get providers(): ProviderRecords {
    return this.app.get(ProviderRecords, { strict: false });
  }
  get revocations(): Revocations {
    return this.app.get(Revocations, { strict: false });
  }
  get sessions(): Sessions {
    return this.app.get(Sessions, { strict: false });
  }
  get refreshTokens(): RefreshTokens {
    return this.app.get(RefreshTokens, { strict: false });
  }
  get codes(): AuthorizationCodes {
    return this.app.get(AuthorizationCodes, { strict: false });
  }
  get issuer(): TokenIssuer {
    return this.app.get(TokenIssuer, { strict: false });
  }
  get verifier(): AccessTokenVerifier {
    return this.app.get(AccessTokenVerifier, { strict: false });
  }
  get profiles(): UserProfiles {
    return this.app.get(UserProfiles, { strict: false });
  }

  /** A person signs in at `acme` for the client `web`. */
  async session(subject = 'ada', groups: readonly string[] = []): Promise<BegunSession> {
    return this.revocations.transaction(async (manager, revoke) => {
      const claim = { provider: 'acme', issuer: 'https://id.acme.example', subject, groups };
      const email = { email: `${subject}@acme.example`, emailVerified: true, name: `Person ${subject}` };
      const user = await this.directory.signIn(manager, { ...claim, ...email }, this.now, revoke);
      const sessionId = await this.sessions.begin(manager, user, {
        providerId: 'acme',
        clientId: 'web',
        authTime: this.now,
        acr: undefined,
        amr: undefined,
      });
      return { sessionId, userId: user.userId };
    });
  }

  /** The first refresh token of a new session. */
  async family(scopes: readonly string[] = ['openid', 'profile', 'email']) {
    const session = await this.session();
    const begun = await this.refreshTokens.begin(session.sessionId, scopes);
    if (begun === undefined) throw new Error('the session is not alive');
    return { ...session, refreshToken: begun.refreshToken, facts: begun.facts };
  }

  /** An access token of a new session. */
  async accessToken(scopes: readonly string[] = ['openid', 'profile', 'email'], subject = 'ada') {
    const session = await this.session(subject);
    const facts = await this.sessions.findAlive(session.sessionId);
    if (facts === undefined) throw new Error('the session is not alive');
    return { ...session, facts, token: (await this.issuer.forUser(facts, scopes)).accessToken };
  }

  async audited(kind: string): Promise<{ details: Record<string, unknown> }[]> {
    await this.app.get(AuditLog, { strict: false }).settled();
    return this.database.query('SELECT details FROM audit_events WHERE kind = $1 ORDER BY id', [kind]);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.drop();
  }
}

export function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}
