import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Type } from '@nestjs/common';
import { Test, type TestingModule, type TestingModuleBuilder } from '@nestjs/testing';
import { ConfigModule, loadConfig, Secret, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import { Database, DatabaseModule } from '@app/database';
import { KeysModule } from '@app/keys';
import {
  InProcessTransientStore,
  TRANSIENT_STORE,
  TransientStoreModule,
  type TransientStore,
} from '@app/transient-store';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { startTestVerifier } from '../../../test/harness/saml-workers.js';
import { IdentityProviders, METADATA_RETRY } from './metadata/identity-providers.js';
import { MetadataCommand } from './metadata/metadata-command.js';
import { SamlCommandModule, SamlModule } from './saml.module.js';
import type { SamlVerifier } from './saml-verifier.js';
import { SamlWorkers } from './saml-workers.js';
import { SamlKeyRotation } from './sp/saml-key-rotation.js';
import { SamlKeys } from './sp/saml-keys.js';
import { aSamlProvider } from '../../../test/harness/saml-provider.js';

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** A provider record with nothing special about it. */
export function samlProvider(
  changes: Partial<SamlProviderConfig> & Pick<SamlProviderConfig, 'metadata'>,
): SamlProviderConfig {
  const id = changes.id ?? 'acme';
  const entityId = `https://login.test/saml/${id}/metadata`;
  return aSamlProvider(id, { name: 'Acme', entityId, ...changes });
}

/** An HTTP server on loopback whose answers a test changes. */
export class MetadataServer {
  body = '';
  status = 200;
  requests = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<MetadataServer> {
    const server = createServer();
    const answers = new MetadataServer(server);
    server.on('request', (_request, response) => {
      answers.requests += 1;
      response.writeHead(answers.status, { 'content-type': 'application/samlmetadata+xml' }).end(answers.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return answers;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/metadata`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Retries that a test runs when it wants them. */
export class Retries {
  waiting: { run: () => void; delayMs: number }[] = [];

  readonly schedule = (run: () => void, delayMs: number) => {
    const entry = { run, delayMs };
    this.waiting.push(entry);
    return { cancel: () => (this.waiting = this.waiting.filter((other) => other !== entry)) };
  };

  runNext(): number {
    const next = this.waiting.shift();
    next?.run();
    return next?.delayMs ?? 0;
  }
}

export interface SamlInstance {
  readonly module: TestingModule;
  readonly providers: IdentityProviders;
  readonly keys: SamlKeys;
  readonly rotation: SamlKeyRotation;
  readonly retries: Retries;
  /** As `gatehouse saml:metadata` is run. */
  metadataCommand(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

export interface SamlInstanceOptions {
  readonly providers: readonly SamlProviderConfig[];
  readonly saml?: Partial<GatehouseConfig['saml']>;
  readonly allowPrivate?: boolean;
  readonly store?: TransientStore;
}

/** The suite's: a worker takes its time to start from TypeScript. */
let verifier: ReturnType<typeof startTestVerifier> | undefined;

afterAll(async () => {
  await (await verifier)?.close();
  verifier = undefined;
});

/** One database, one transient store and one clock, under as many instances as a test starts. */
export class SamlDeployment {
  now = new Date('2026-01-01T00:00:00Z');
  readonly store = new InProcessTransientStore({ now: () => this.now.getTime(), log: () => undefined });
  private readonly masterKeys = [{ id: 'test', key: new Secret(randomBytes(32)) }];
  private readonly instances = new Set<SamlInstance>();

  private constructor(
    private readonly database: { readonly url: string; drop(): Promise<void> },
    private readonly verifier: SamlVerifier,
  ) {}

  static async open(): Promise<SamlDeployment> {
    verifier ??= startTestVerifier();
    return new SamlDeployment(await freshDatabase(), await verifier);
  }

  wait(ms: number): void {
    this.now = new Date(this.now.getTime() + ms);
  }

  config({ providers, saml = {}, allowPrivate = true }: SamlInstanceOptions): GatehouseConfig {
    const defaults = loadConfig({ PUBLIC_URL: 'http://localhost:8080', TEST_IDP_PORT: 'off' }, () => '');
    return {
      ...defaults,
      publicUrl: 'https://login.test',
      databaseUrl: new Secret(this.database.url),
      databasePoolSize: 5,
      masterKeys: this.masterKeys,
      outbound: { ...defaults.outbound, allowPrivate },
      samlProviders: providers,
      saml: {
        ...defaults.saml,
        keyLifetimeSeconds: 365 * 86_400,
        keyPublishBeforeSigningSeconds: 7 * 86_400,
        keyRetentionSeconds: 30 * 86_400,
        ...saml,
      },
    };
  }

  async start(options: SamlInstanceOptions): Promise<SamlInstance> {
    const retries = new Retries();
    const module = await this.compose(options, [SamlModule], retries).compile();
    const stop = async (): Promise<void> => {
      this.instances.delete(instance);
      await module.close();
    };
    const instance: SamlInstance = {
      module,
      providers: module.get(IdentityProviders),
      keys: module.get(SamlKeys),
      rotation: module.get(SamlKeyRotation),
      retries,
      stop,
      metadataCommand: async (...args) => {
        const command = await this.compose(options, [SamlCommandModule], retries).compile();
        try {
          await command.init();
          return await command.get(MetadataCommand).run(args, this.now);
        } finally {
          await command.close();
        }
      },
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

  /** What the audit log holds, oldest first. */
  async audited(
    instance: SamlInstance,
  ): Promise<{ kind: string; subject: string; details: Record<string, unknown> }[]> {
    return instance.module.get(Database).query('SELECT kind, subject, details FROM audit_events ORDER BY id');
  }

  async close(): Promise<void> {
    for (const instance of this.instances) await instance.stop();
    await this.store.close();
    await this.database.drop();
  }

  /** An application with these modules, and the suite's verifier and this deployment's store in it. */
  compose(
    options: SamlInstanceOptions,
    modules: readonly Type[],
    retries: Retries = new Retries(),
  ): TestingModuleBuilder {
    const foundation = [DatabaseModule.forRoot(), TransientStoreModule.forRoot(), KeysModule.forRoot()];
    const imports = [
      ConfigModule.forConfig(this.config(options), () => this.now),
      { module: class Foundation {}, global: true, imports: foundation, exports: foundation },
      ...modules,
    ];
    return Test.createTestingModule({ imports })
      .overrideProvider(TRANSIENT_STORE)
      .useValue(options.store ?? this.store)
      .overrideProvider(SamlWorkers)
      .useValue(keptOpen(this.verifier))
      .overrideProvider(METADATA_RETRY)
      .useValue(retries.schedule);
  }
}

/** Without Nest's hooks: it outlives the instances. */
function keptOpen(verifier: SamlVerifier): SamlVerifier {
  return {
    verifyResponse: (job) => verifier.verifyResponse(job),
    verifyLogout: (job) => verifier.verifyLogout(job),
    peek: (message) => verifier.peek(message),
    readMetadata: (xml) => verifier.readMetadata(xml),
  };
}
