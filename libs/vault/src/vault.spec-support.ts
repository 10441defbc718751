import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsoleLogger, Global, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { ConfigModule, loadConfig, type GatehouseConfig } from '@app/config';
import { Database, DatabaseModule, DEFAULT_ORGANIZATION } from '@app/database';
import { KeysModule } from '@app/keys';
import { TransientStoreModule } from '@app/transient-store';
import type { UpstreamTokenSet } from '@app/upstream-tokens';
import { startFakeUpstream, type FakeUpstream, type IssuedTokenSet } from '../../../test/harness/fake-upstream.js';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { AT_FAIL_POINT, type AtFailPoint } from './fail-points.js';
import { Flights } from './flights.js';
import { RefreshSchedule } from './refresh-schedule.js';
import { Sweeper } from './sweeper.js';
import type { StoredConnection } from './stored-connection.js';
import { VAULT_SETTINGS, type VaultSettings } from './vault-settings.js';
import { VaultModule } from './vault.module.js';
import { Vault } from './vault.js';

export const ORGANIZATION = DEFAULT_ORGANIZATION.id;
const CONTEXT = { requestId: 'spec', remoteAddress: '127.0.0.1' };
const MASTER_KEY = `k1:${Buffer.alloc(32, 7).toString('base64url')}`;

@Global()
@Module({
  imports: [TransientStoreModule.forRoot(), KeysModule.forRoot()],
  exports: [TransientStoreModule, KeysModule],
})
class Foundation {}

/** One instance of the vault: what a process of the server has of it. */
export class VaultInstance {
  readonly vault: Vault;
  readonly sweeper: Sweeper;
  readonly flights: Flights;
  readonly schedule: RefreshSchedule;

  constructor(
    readonly module: TestingModule,
    readonly database: Database,
  ) {
    this.vault = module.get(Vault);
    this.sweeper = module.get(Sweeper);
    this.flights = module.get(Flights);
    this.schedule = module.get(RefreshSchedule);
  }

  /** Imports a token set as a connection. */
  connect(
    issued: IssuedTokenSet,
    providerId = 'up',
    more: Partial<UpstreamTokenSet> = {},
    organizationId: string = ORGANIZATION,
  ): Promise<StoredConnection> {
    const tokens: UpstreamTokenSet = { ...tokenSetOf(issued), ...more };
    const input = { organizationId, providerId, userId: undefined, origin: 'import', label: undefined } as const;
    return this.vault.create({ ...input, subject: undefined, tokens, actor: 'user:spec' }, CONTEXT);
  }

  /** A token that did not exist before. */
  force(id: string) {
    return this.vault.token(ORGANIZATION, id, { freshness: 'new_generation', minTtlMs: undefined });
  }

  /** A token, whichever is there. */
  get(id: string, minTtlMs?: number) {
    return this.vault.token(ORGANIZATION, id, { freshness: 'fresh_enough', minTtlMs });
  }

  async find(id: string): Promise<StoredConnection> {
    const found = await this.vault.find(ORGANIZATION, id);
    if (found === undefined) throw new Error(`${id} is not there`);
    return found;
  }

  /** Outcomes in the journal, oldest first. */
  async outcomes(id: string): Promise<string[]> {
    const rows = await this.database.query<{ outcome: string }>(
      `SELECT outcome FROM refresh_attempts WHERE connection_id = $1 ORDER BY id`,
      [id],
    );
    return rows.map(({ outcome }) => outcome);
  }

  async close(): Promise<void> {
    await this.module.close();
  }
}

export function tokenSetOf(issued: IssuedTokenSet): UpstreamTokenSet {
  return {
    accessToken: issued.access_token,
    refreshToken: issued.refresh_token,
    tokenType: 'Bearer',
    scope: issued.scope,
    expiresInSeconds: issued.expires_in,
    refreshExpiresInSeconds: undefined,
    metadata: {},
  };
}

export interface VaultWorldOptions {
  /** More lines of the provider `up`, YAML. */
  readonly rotation?: 'single_use' | 'grace' | 'reusable';
  readonly providers?: string;
}

/** A database, a lying upstream, and as many instances of the vault over them as a test starts. */
export class VaultWorld {
  readonly instances: VaultInstance[] = [];
  readonly dirs: string[] = [];
  /** Of the next instance, newest first. */
  masterKeys = MASTER_KEY;

  private constructor(
    readonly databaseUrl: string,
    readonly upstream: FakeUpstream,
    private readonly options: VaultWorldOptions,
    private readonly dropDatabase: () => Promise<void>,
  ) {}

  static async start(options: VaultWorldOptions = {}): Promise<VaultWorld> {
    const { rotation = 'single_use' } = options;
    const fresh = await freshDatabase();
    const upstream = await startFakeUpstream({ rotation, family_revocation: true, access_ttl: 3600 });
    return new VaultWorld(fresh.url, upstream, { rotation, ...options }, fresh.drop);
  }

  /** One more instance. `schedule` is off: tests say when. */
  async instance(
    settings: Partial<VaultSettings> = {},
    atFailPoint?: AtFailPoint,
    dir?: string,
  ): Promise<VaultInstance> {
    const dataDir = dir ?? this.newDir();
    const config = this.config(dataDir);
    let building = Test.createTestingModule({
      imports: [ConfigModule.forConfig(config), DatabaseModule.forRoot(), Foundation, VaultModule],
    })
      .setLogger(new ConsoleLogger({ logLevels: process.env['VAULT_SPEC_LOG'] === undefined ? ['fatal'] : ['warn'] }))
      .overrideProvider(VAULT_SETTINGS)
      .useValue({ ...config.vault, schedule: false, spoolDir: join(dataDir, 'spool'), ...settings });
    if (atFailPoint !== undefined) building = building.overrideProvider(AT_FAIL_POINT).useValue(atFailPoint);
    const module = await building.compile();
    await module.init();
    const database = module.get(Database);
    await database.query(
      `INSERT INTO providers (id, organization_id) SELECT unnest($1::text[]), $2 ON CONFLICT DO NOTHING`,
      [config.providers.map(({ id }) => id), ORGANIZATION],
    );
    const instance = new VaultInstance(module, database);
    this.instances.push(instance);
    return instance;
  }

  newDir(): string {
    const dir = mkdtempSync(join(tmpdir(), 'gatehouse-vault-'));
    this.dirs.push(dir);
    return dir;
  }

  async stop(): Promise<void> {
    for (const instance of this.instances) await instance.close();
    await this.upstream.close();
    await this.dropDatabase();
    for (const dir of this.dirs) rmSync(dir, { recursive: true, force: true });
  }

  private config(dataDir: string): GatehouseConfig {
    const { issuer } = this.upstream;
    const yaml = `
oauth_providers:
  - id: up
    type: oauth2
    authorization_url: ${issuer}/authorize
    token_url: ${issuer}/token
    revocation_url: ${issuer}/revoke
    client_id: fake-client
    client_secret: fake-secret
    sign_in: false
    rotation: ${this.options.rotation ?? 'single_use'}
${this.options.providers ?? ''}`;
    return loadConfig(
      {
        GATEHOUSE_CONFIG: 'vault.yaml',
        DATABASE_URL: this.databaseUrl,
        GATEHOUSE_DATA_DIR: dataDir,
        GATEHOUSE_MASTER_KEYS: this.masterKeys,
        TEST_IDP_PORT: 'off',
      },
      () => yaml,
    );
  }
}

/** D59: moves the vault's clock, which is the database's. Tests alone can. */
export async function setVaultClock(database: Database, offsetSeconds: number): Promise<void> {
  await database.query(
    `CREATE OR REPLACE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
     AS 'SELECT now() + interval ''${Math.trunc(offsetSeconds)} seconds'''`,
  );
}
