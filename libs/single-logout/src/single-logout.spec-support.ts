import type { DynamicModule } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AuditLog } from '@app/audit';
import { ConfigModule, loadConfig, Secret, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import { Database, DatabaseModule } from '@app/database';
import { registerEdge } from '@app/edge';
import { SAML_VERIFIER, SamlKeys, subjectKey, type NameId, type SamlVerifier } from '@app/saml';
import { SignIn, SignInModule } from '@app/sign-in';
import { RefreshTokens, TokenIssuer } from '@app/tokens';
import { FoundationModule } from '../../../test/harness/foundation.module.js';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { type SigningIdp, type MetadataParts } from '../../../test/harness/saml-idp.js';
import { form, json } from '../../../test/protocol/http.js';
import { SingleLogoutModule } from './single-logout.module.js';
import { aSamlProvider } from '../../../test/harness/saml-provider.js';

export const ISSUER = 'https://login.test';
export const SLO_URL = `${ISSUER}/saml/slo`;
export const CALLBACK = 'https://app.example/callback';
export const SIGNED_OUT = 'https://app.example/signed-out';

export const IDP_SLO = 'https://idp.test/slo';

/** A provider record for an IdP of a test. */
export function providerOf(
  idp: SigningIdp,
  parts: Partial<MetadataParts> = {},
  changes: Partial<SamlProviderConfig> = {},
): SamlProviderConfig {
  const id = changes.id ?? 'acme';
  const xml = idp.metadata({ ssoUrl: 'https://idp.test/sso', sloUrl: IDP_SLO, ...parts });
  return aSamlProvider(id, {
    name: 'Acme <Inc>',
    metadata: { kind: 'xml', xml },
    entityId: `${ISSUER}/saml/${id}/metadata`,
    ...changes,
  });
}

export const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';

export function named(value: string, parts: Partial<NameId> = {}): NameId {
  return { format: PERSISTENT, nameQualifier: undefined, spNameQualifier: undefined, value, ...parts };
}

export interface SignedIn {
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface PersonOptions {
  readonly idp: SigningIdp;
  readonly provider?: string;
  readonly nameId: NameId;
  readonly sessionIndexes?: readonly string[];
  readonly authnInstant?: Date;
  readonly clientId?: string;
}

/** One process with the rooms that a logout meets, over real Postgres; its clock stands still until a test moves it. */
export class TestServer {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly url: string,
    private readonly time: { now: Date },
    private readonly drop: () => Promise<void>,
  ) {}

  static async start(
    verifier: SamlVerifier,
    samlProviders: readonly SamlProviderConfig[],
    config: Partial<GatehouseConfig> = {},
  ): Promise<TestServer> {
    const database = await freshDatabase();
    const time = { now: new Date() };
    const defaults = loadConfig({ PUBLIC_URL: 'http://localhost:8080', TEST_IDP_PORT: 'off' }, () => '');
    const whole: GatehouseConfig = {
      ...defaults,
      publicUrl: ISSUER,
      clientCallbacks: [{ clientId: 'web', url: CALLBACK }],
      masterKeys: [{ id: 'test', key: new Secret(Buffer.alloc(32, 7)) }],
      rateLimits: { ...defaults.rateLimits, enabled: false },
      providers: [],
      samlProviders,
      saml: { ...defaults.saml, postLogoutRedirectUris: [SIGNED_OUT] },
      ...config,
      databaseUrl: new Secret(database.url),
    };
    const room: DynamicModule = {
      module: class TestRoom {},
      imports: [
        ConfigModule.forConfig(whole, () => time.now),
        DatabaseModule.forRoot(),
        FoundationModule,
        SignInModule,
        SingleLogoutModule,
      ],
    };
    const testing = await Test.createTestingModule({ imports: [room] })
      .overrideProvider(SAML_VERIFIER)
      .useValue(verifier)
      .compile();
    const adapter = new FastifyAdapter();
    registerEdge(adapter.getInstance() as never, whole);
    const app = testing.createNestApplication<NestFastifyApplication>(adapter, { bodyParser: false, logger: false });
    await app.listen(0, '127.0.0.1');
    return new TestServer(app, await app.getUrl(), time, () => database.drop());
  }

  get now(): Date {
    return this.time.now;
  }
  later(ms: number): void {
    this.time.now = new Date(this.time.now.getTime() + ms);
  }
  get database(): Database {
    return this.app.get(Database, { strict: false });
  }
  /** Ours, base64 of DER: what an IdP verifies our messages with. */
  get certificate(): string {
    return this.app.get(SamlKeys, { strict: false }).signing().certificate;
  }

  /** A person whose assertion was accepted; what it says beyond the NameID does not matter to a logout. */
  async signIn({ idp, provider = 'acme', nameId, ...more }: PersonOptions): Promise<SignedIn> {
    const sessionId = await this.app.get(SignIn, { strict: false }).complete(
      {
        provider,
        issuer: idp.entityId,
        subject: subjectKey(nameId),
        email: undefined,
        emailVerified: false,
        name: undefined,
        groups: [],
        authTime: undefined,
        acr: undefined,
        amr: undefined,
        saml: {
          nameId,
          sessionIndexes: more.sessionIndexes ?? ['_1'],
          authnInstant: more.authnInstant ?? this.now,
          sessionNotOnOrAfter: undefined,
        },
      },
      more.clientId ?? 'web',
      { requestId: 'test', remoteAddress: '192.0.2.1' },
    );
    const begun = await this.app.get(RefreshTokens, { strict: false }).begin(sessionId, ['openid']);
    if (begun === undefined) throw new Error('the session is not alive');
    const { accessToken } = await this.app.get(TokenIssuer, { strict: false }).forUser(begun.facts, ['openid']);
    return { sessionId, accessToken, refreshToken: begun.refreshToken };
  }

  /** By HTTP, as an API would ask. */
  async isAlive({ accessToken }: Pick<SignedIn, 'accessToken'>): Promise<boolean> {
    const { body } = await form(`${this.url}/oauth2/introspect`, { token: accessToken });
    return body['active'] === true;
  }

  /** Status of a refresh, which rotates the token when it works. */
  async refresh({ refreshToken }: Pick<SignedIn, 'refreshToken'>): Promise<number> {
    return (await json(`${this.url}/oauth2/refresh`, { refresh_token: refreshToken })).status;
  }

  async audited(kind: string): Promise<Record<string, unknown>[]> {
    await this.app.get(AuditLog, { strict: false }).settled();
    const rows = await this.database.query<{ details: Record<string, unknown> }>(
      'SELECT details FROM audit_events WHERE kind = $1 ORDER BY id',
      [kind],
    );
    return rows.map((row) => row.details);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.drop();
  }
}
