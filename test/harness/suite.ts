import { startGatehouse, type Gatehouse, type GatehouseOptions } from './gatehouse.js';
import { freshDatabase } from './postgres.js';
import { startRedis } from './redis-server.js';

export interface Installation {
  readonly server: Gatehouse;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  stop(): Promise<void>;
}

/** A server of its own with a fresh database and a private Redis, for one suite. */
export async function startInstallation(options: GatehouseOptions = {}): Promise<Installation> {
  const database = await freshDatabase();
  const redis = await startRedis();
  const server = await startGatehouse({ databaseUrl: database.url, redisUrl: redis.url, ...options }).catch(
    async (error: unknown) => {
      await redis.stop();
      await database.drop();
      throw error;
    },
  );
  return {
    server,
    databaseUrl: database.url,
    redisUrl: redis.url,
    stop: async () => {
      await server.stop();
      await redis.stop();
      await database.drop();
    },
  };
}
