import { randomBytes } from 'node:crypto';
import type { DynamicModule } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { ConfigModule, Secret, type GatehouseConfig, type MasterKey } from '@app/config';
import { DatabaseModule } from '@app/database';
import { InProcessTransientStore, TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import pg from 'pg';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { KeyRotation } from './key-rotation.js';
import { KeysModule } from './keys.module.js';
import { SecretBox } from './secret-box.js';
import { SigningKeyRepository } from './signing-key.repository.js';
import { SigningKeys } from './signing-keys.js';

export const DAY_MS = 86_400_000;

export interface Instance {
  readonly module: TestingModule;
  readonly signingKeys: SigningKeys;
  readonly rotation: KeyRotation;
  readonly repository: SigningKeyRepository;
  readonly box: SecretBox;
  stop(): Promise<void>;
}

export interface InstanceOptions {
  readonly config?: Partial<GatehouseConfig>;
  readonly store?: TransientStore;
  /** What else the application imports. */
  readonly imports?: readonly DynamicModule[];
}

/** One database, one transient store and one clock, under as many instances as a test starts. */
export class Deployment {
  now = new Date('2026-01-01T00:00:00Z');
  readonly masterKeys: readonly MasterKey[] = [{ id: 'test', key: new Secret(randomBytes(32)) }];
  readonly store = new InProcessTransientStore({ now: () => this.now.getTime(), log: () => undefined });
  private readonly instances = new Set<Instance>();
  private readonly clients = new Set<pg.Client>();

  private constructor(private readonly database: { readonly url: string; drop(): Promise<void> }) {}

  /** On a database of its own. */
  static async open(): Promise<Deployment> {
    return new Deployment(await freshDatabase());
  }

  /** A connection of somebody who is not Gatehouse. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.database.url });
    await client.connect();
    this.clients.add(client);
    return client;
  }

  wait(ms: number): void {
    this.now = new Date(this.now.getTime() + ms);
  }

  config(overrides: Partial<GatehouseConfig> = {}): GatehouseConfig {
    return {
      production: true,
      databaseUrl: new Secret(this.database.url),
      databasePoolSize: 5,
      masterKeys: this.masterKeys,
      accessTokenAlgorithm: 'ES256',
      lifetimes: {
        accessTokenSeconds: 900,
        clockSkewSeconds: 60,
        keyPublishBeforeSigningSeconds: 86_400,
        keySigningSeconds: 30 * 86_400,
        jwksMaxAgeSeconds: 300,
      },
      ...overrides,
    } as GatehouseConfig;
  }

  /** An instance with a connection pool of its own, started through the module as an application would. */
  async start(options: InstanceOptions = {}): Promise<Instance> {
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forConfig(this.config(options.config), () => this.now),
        DatabaseModule.forRoot(),
        KeysModule.forRoot(),
        ...(options.imports ?? []),
      ],
    })
      .overrideProvider(TRANSIENT_STORE)
      .useValue(options.store ?? this.store)
      .compile();
    const stop = async (): Promise<void> => {
      this.instances.delete(instance);
      await module.close();
    };
    const instance: Instance = {
      module,
      signingKeys: module.get(SigningKeys),
      rotation: module.get(KeyRotation),
      repository: module.get(SigningKeyRepository),
      box: module.get(SecretBox),
      stop,
    };
    this.instances.add(instance);
    try {
      await module.init();
    } catch (error) {
      await stop();
      throw error;
    }
    return instance;
  }

  async close(): Promise<void> {
    for (const instance of this.instances) await instance.stop();
    for (const client of this.clients) await client.end();
    await this.store.close();
    await this.database.drop();
  }
}
