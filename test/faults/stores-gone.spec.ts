import path from 'node:path';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { EmbeddedPostgres } from '@app/database';
import { Redis } from 'ioredis';
import { bearer, codeAsTest, postForm, signInAsTest, testAuthorizeUrl } from '../harness/sign-in.js';
import { freshDatabase } from '../harness/postgres.js';
import { startGatehouse, type Gatehouse } from '../harness/gatehouse.js';
import { startRedis, type RedisServer } from '../harness/redis-server.js';

let server: Gatehouse;
let redis: RedisServer;
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const database = await freshDatabase();
  redis = await startRedis();
  server = await startGatehouse({ databaseUrl: database.url, redisUrl: redis.url });
  cleanUp.push(
    () => server.stop(),
    () => redis.stop(),
    () => database.drop(),
  );
});

afterAll(async () => {
  for (const step of cleanUp) await step();
});

const introspect = async (token: string) => (await postForm(`${server.url}/oauth2/introspect`, { token })).body.active;
const userinfo = async (token: string) =>
  (await fetch(`${server.url}/oauth2/userinfo`, { headers: bearer(token) })).status;

/** Asks again, without a limit of time, until the answer is the expected one. */
async function eventually<T>(ask: () => Promise<T>, expected: T): Promise<void> {
  while ((await ask().catch(() => undefined)) !== expected) await new Promise((resolve) => setTimeout(resolve, 50));
}

describe('D20 Redis gone while running', () => {
  it('answers truthfully from Postgres, refuses what needs Redis with 503, and recovers', async () => {
    const alive = await signInAsTest(server.url, 'stays-in');
    const gone = await signInAsTest(server.url, 'goes-out');
    await redis.kill();

    expect(await introspect(alive.access_token)).toBe(true);
    expect(await userinfo(alive.access_token)).toBe(200);
    const logout = await fetch(`${server.url}/oauth2/revoke`, { method: 'POST', headers: bearer(gone.access_token) });
    expect(logout.status).toBe(200);
    expect(await introspect(gone.access_token)).toBe(false);
    expect(await userinfo(gone.access_token)).toBe(401);

    const begun = await fetch(
      testAuthorizeUrl(server.url, { client_callback: `${server.publicUrl}/`, response_type: 'code' }),
      { redirect: 'manual', headers: { accept: 'application/json' } },
    );
    expect([begun.status, begun.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)]);

    await redis.restart();
    await eventually(
      async () => (await codeAsTest(server.url, 'comes-back', `${server.publicUrl}/`)).code.length > 0,
      true,
    );
    expect(await introspect(gone.access_token)).toBe(false);
    expect(await introspect(alive.access_token)).toBe(true);
  });

  it('keeps a revoked token revoked across a flush', async () => {
    const { access_token } = await signInAsTest(server.url, 'flushed');
    await fetch(`${server.url}/oauth2/revoke`, { method: 'POST', headers: bearer(access_token) });
    const operator = new Redis(redis.url.replace('unix://', ''));
    await operator.flushall();
    operator.disconnect();
    expect(await introspect(access_token)).toBe(false);
    expect(await userinfo(access_token)).toBe(401);
  });
});

describe('Postgres gone while running', () => {
  it('answers 503 with Retry-After and recovers without a restart', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
    chmodSync(folder, 0o711);
    const silent = { log: () => undefined, warn: () => undefined };
    const postgres = new EmbeddedPostgres({ dir: path.join(folder, 'postgres'), log: silent });
    const own = await startGatehouse({ databaseUrl: await postgres.start(), redisUrl: redis.url });
    const { access_token, refresh_token } = await signInAsTest(own.url, 'patient');
    await postgres.stop();

    const refresh = await postForm(`${own.url}/oauth2/token`, { grant_type: 'refresh_token', refresh_token });
    expect([refresh.status, refresh.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)]);
    await eventually(async () => (await fetch(`${own.url}/health/ready`)).status, 503);
    expect((await fetch(`${own.url}/health/live`)).status).toBe(200);

    await postgres.start();
    await eventually(async () => (await fetch(`${own.url}/health/ready`)).status, 200);
    const again = await postForm(`${own.url}/oauth2/token`, { grant_type: 'refresh_token', refresh_token });
    expect(again.status).toBe(200);
    expect((await postForm(`${own.url}/oauth2/introspect`, { token: access_token })).body.active).toBe(true);
    await own.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  });
});
