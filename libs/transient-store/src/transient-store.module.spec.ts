import { Inject, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { ConfigModule, loadConfig, type GatehouseConfig, Secret } from '@app/config';
import { startRedis } from '../../../test/harness/redis-server.js';
import { REVOCATION_MIRROR, type RevocationMirror } from './revocation-mirror.js';
import { TransientStoreModule } from './transient-store.module.js';
import { StoreUnavailable, TRANSIENT_STORE, type TransientStore } from './transient-store.js';

class Reader {
  constructor(
    @Inject(TRANSIENT_STORE) readonly store: TransientStore,
    @Inject(REVOCATION_MIRROR) readonly mirror: RevocationMirror,
  ) {}
}

class OtherReader extends Reader {}

@Module({ imports: [TransientStoreModule.forRoot()], providers: [Reader], exports: [Reader] })
class ReadingModule {}

@Module({ imports: [TransientStoreModule.forRoot()], providers: [OtherReader], exports: [OtherReader] })
class OtherReadingModule {}

const SILENT = { log: () => undefined, warn: () => undefined, error: () => undefined };
const config = loadConfig({}, () => '');

function start(redisUrl: string | undefined): Promise<TestingModule> {
  const own: GatehouseConfig = { ...config, redisUrl: redisUrl === undefined ? undefined : new Secret(redisUrl) };
  const imports = [ConfigModule.forConfig(own), ReadingModule, OtherReadingModule];
  return Test.createTestingModule({ imports }).setLogger(SILENT).compile();
}

describe('the transient-store module', () => {
  it('keeps values in the process when no Redis is configured', async () => {
    const app = await start(undefined);
    const { store, mirror } = app.get(Reader);
    expect(store.kind).toBe('in-process');
    expect(mirror.health().trusted).toBe(false);
    await app.close();
    await expect(store.ping()).rejects.toThrow(StoreUnavailable);
  });

  it('opens one connection for all its importers and closes it when the application ends', async () => {
    const server = await startRedis();
    const app = await start(server.url);
    const { store, mirror } = app.get(Reader);
    expect(store.kind).toBe('redis');
    expect(app.get(OtherReader)).toMatchObject({ store, mirror });
    await store.set('k', 'v', 60_000);
    expect(await mirror.rewarm(async () => [])).toBe(true);
    await app.close();
    await expect(store.ping()).rejects.toThrow(StoreUnavailable);
    await server.stop();
  });

  it('starts while Redis is away, and refuses to start with a URL it cannot read', async () => {
    const server = await startRedis();
    await server.stop();
    const app = await start(server.url);
    await expect(app.get(Reader).store.ping()).rejects.toThrow(StoreUnavailable);
    await app.close();
    await expect(start('redis+sentinel://:hunter2@host')).rejects.toThrow(/^(?!.*hunter2)REDIS_URL: the name of/);
  });
});
