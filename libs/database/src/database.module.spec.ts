import { existsSync, mkdtempSync, chmodSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsoleLogger, Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ConfigModule, Secret, type GatehouseConfig } from '@app/config';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { Database } from './database.js';
import { DatabaseModule } from './database.module.js';
import { DatabaseUnavailable } from './database-unavailable.js';

const config = (part: Partial<GatehouseConfig>) =>
  ConfigModule.forConfig({ databasePoolSize: 2, dataDir: '/nonexistent', ...part } as GatehouseConfig);

async function start(part: Partial<GatehouseConfig>, ...imports: unknown[]) {
  const module = await Test.createTestingModule({
    imports: [config(part), DatabaseModule.forRoot(), ...(imports as [])],
  })
    .setLogger(new ConsoleLogger({ logLevels: ['fatal'] }))
    .compile();
  return module.init();
}

describe('DatabaseModule', () => {
  it('connects to DATABASE_URL, migrates it, and closes its connections with the application', async () => {
    const fresh = await freshDatabase();
    const app = await start({ databaseUrl: new Secret(fresh.url) });
    const database = app.get(Database);
    expect(await database.query('SELECT name FROM organizations')).toEqual([{ name: 'default' }]);
    await app.close();
    await expect(database.query('SELECT 1')).rejects.toBeInstanceOf(DatabaseUnavailable);
    await fresh.drop();
  });

  it('starts the embedded Postgres without one, and stops it after the connections are closed', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-module-'));
    chmodSync(dataDir, 0o711);
    const last: unknown[] = [];

    @Injectable()
    class LastWords implements OnModuleDestroy {
      constructor(private readonly database: Database) {}
      async onModuleDestroy(): Promise<void> {
        last.push(...(await this.database.query('SELECT 1 AS one')));
      }
    }
    @Module({ providers: [LastWords] })
    class Other {}

    const app = await start({ databaseUrl: undefined, dataDir }, Other);
    expect(await app.get(Database).query('SELECT name FROM organizations')).toEqual([{ name: 'default' }]);
    expect(existsSync(join(dataDir, 'postgres/data/postmaster.pid'))).toBe(true);
    await app.close();
    expect(last).toEqual([{ one: 1 }]);
    expect(existsSync(join(dataDir, 'postgres/data/postmaster.pid'))).toBe(false);

    const again = await start({ databaseUrl: undefined, dataDir });
    await again.close();
    rmSync(dataDir, { recursive: true });
  });

  it('fails at once, with a clear error, when DATABASE_URL leads nowhere', async () => {
    const failing = start({ databaseUrl: new Secret('postgres://u:s3cret@127.0.0.1:1/db') });
    await expect(failing).rejects.toThrow(
      'Postgres at 127.0.0.1:1/db (DATABASE_URL): it cannot be reached (ECONNREFUSED)',
    );
    await expect(failing).rejects.not.toThrow('s3cret');
  });
});
