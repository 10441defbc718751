import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret, type GatehouseConfig } from '@app/config';
import { openInternalListener } from '../../../apps/server/src/internal-listener.js';
import { startOwnPostgres } from '../../../test/harness/postgres.js';
import { send, type Answer } from '../../../test/protocol/http.js';
import { TestVault } from './connections.spec-support.js';

const running: TestVault[] = [];
async function start(changes: Partial<GatehouseConfig> = {}): Promise<TestVault> {
  const one = await TestVault.open(changes);
  running.push(one);
  return one;
}
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

const LOCAL = { host: 'localhost:8080' };
const ELSEWHERE = { host: 'id.example.com' };
const at = (port: number) => (path: string) => `http://127.0.0.1:${port}${path}`;
const trigger = (one: TestVault, headers: Record<string, string> = LOCAL, port = one.server.port): Promise<Answer> =>
  send('POST', at(port)('/internal/auth/refresh-tokens'), { headers });
const health = (one: TestVault, headers: Record<string, string> = LOCAL, port = one.server.port): Promise<Answer> =>
  send('GET', at(port)('/health/auth'), { headers });

describe('D27 /internal/auth/refresh-tokens and /health/auth', () => {
  it('are open to this machine in development, and to no page, no proxy and no other name on it', async () => {
    const one = await start();
    const good = await trigger(one);
    expect([good.status, good.text]).toEqual([
      200,
      '{"message":"Token refresh triggered successfully","status":"success"}',
    ]);
    expect((await health(one)).status).toBe(200);
    for (const more of [
      ELSEWHERE,
      { ...LOCAL, origin: 'http://localhost:3000' },
      { ...LOCAL, 'sec-fetch-site': 'same-origin' },
      { ...LOCAL, 'x-forwarded-for': '127.0.0.1' },
      { ...LOCAL, forwarded: 'for=127.0.0.1' },
      { ...LOCAL, via: '1.1 proxy' },
    ])
      for (const answer of [await trigger(one, more), await health(one, more)])
        expect([answer.status, answer.body]).toEqual([
          401,
          { error: { code: 401, message: expect.stringContaining('INTERNAL_TOKEN') as string, type: 'unauthorized' } },
        ]);
  });

  it.each([[{ production: true, providers: [] }], [{ trustProxy: 1 }]])(
    'ask this machine too with %j',
    async (changes) => {
      const one = await start(changes);
      expect([(await trigger(one)).status, (await health(one)).status]).toEqual([401, 401]);
    },
  );

  it('take INTERNAL_TOKEN and an administrator, and nobody else', async () => {
    const one = await start({ internalToken: new Secret('internal-token-of-the-operator') });
    const statuses = async (authorization: string) => {
      const headers = { ...ELSEWHERE, authorization };
      return [(await trigger(one, headers)).status, (await health(one, headers)).status];
    };
    expect(await statuses('Bearer internal-token-of-the-operator')).toEqual([200, 200]);
    expect(await statuses(String((await one.person('root')).headers['authorization']))).toEqual([200, 200]);
    expect(await statuses(String((await one.person('boss')).headers['authorization']))).toEqual([403, 403]);
    expect(await statuses('Bearer wrong')).toEqual([403, 403]);
  });

  it('are served on the internal listener, in production too', async () => {
    const one = await start({ production: true, providers: [] });
    const listener: Server = await openInternalListener(one.server.app.getHttpAdapter().getInstance(), 0);
    const { port } = listener.address() as AddressInfo;
    expect((await trigger(one, LOCAL, port)).status).toBe(200);
    expect((await health(one, LOCAL, port)).status).toBe(200);
    expect((await send('GET', at(port)('/api/v1/connections'))).status).toBe(404);
    await new Promise((resolve) => listener.close(resolve));
  });

  it('500 in mix’s words, and only that, when the database is gone', async () => {
    const postgres = await startOwnPostgres();
    const one = await start({ databaseUrl: new Secret(postgres.url) });
    await postgres.stop();
    for (const answer of [await trigger(one), await health(one)])
      expect([answer.status, answer.body]).toEqual([
        500,
        { error: { code: 500, message: 'The token refresh service is not available', type: 'internal_error' } },
      ]);
  });
});

describe('vault failure 16', () => {
  it('the trigger called 100 times is one sweep: each connection is refreshed once', async () => {
    const one = await start();
    const boss = await one.person('boss');
    const made = await Promise.all(Array.from({ length: 5 }, () => one.imported(boss)));
    await one.upstream.plan({ on: 'refresh', latency_before_ms: 100 });
    await one.shiftClock(3500);
    const answers = await Promise.all(Array.from({ length: 100 }, () => trigger(one)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    while ((await one.upstream.stats()).refresh.delivered < made.length)
      await new Promise((resolve) => setTimeout(resolve, 10));
    for (const { issued } of made)
      expect(await one.upstream.grants(issued.family)).toMatchObject({ presented: 1, granted: 1 });
  });
});

describe('GET /health/auth', () => {
  it('says the truth of each provider', async () => {
    const one = await start();
    const boss = await one.person('boss');
    const of = async () => {
      const { body } = await health(one);
      const { up } = body['providers'] as Record<string, Record<string, unknown>>;
      return { overall: body['status'], ...up };
    };
    expect(await of()).toEqual({ overall: 'healthy', provider: 'up', status: 'not_found' });
    const [alive] = [await one.imported(boss, { access_ttl: 10_000 })];
    expect(await of()).toMatchObject({
      overall: 'healthy',
      status: 'active',
      expires_in: expect.stringMatching(/^2h46m\d+s$/) as string,
      expires_at: expect.stringMatching(/Z$/) as string,
    });
    const only = await one.imported(boss, { access_ttl: 60, without: 'refresh_token' });
    await one.shiftClock(100);
    expect(await of()).toMatchObject({ overall: 'unhealthy', status: 'expired_no_refresh' });
    await one.delete(`/api/v1/connections/${only.id}`, boss.headers);
    await one.shiftClock(9_000);
    expect(await of()).toMatchObject({ status: 'error', error: expect.stringContaining('1 due') as string });
    await one.shiftClock(20_000);
    expect(await of()).toMatchObject({ status: 'expired', error: expect.stringContaining('1 expired') as string });
    await one.shiftClock(0);
    await one.upstream.revoke(alive.issued.family);
    await one.post(`/api/v1/oauth/refresh/${alive.id}`, {}, boss.headers);
    expect(await of()).toMatchObject({ status: 'error', error: '1 to be authorized again' });
    await one.delete(`/api/v1/connections/${alive.id}`, boss.headers);
    const other = await one.imported(boss);
    await one.upstream.plan({ on: 'refresh', fault: 'invalid_client' });
    await one.post(`/api/v1/oauth/refresh/${other.id}`, {}, boss.headers);
    expect(await of()).toMatchObject({ status: 'error', error: expect.stringContaining('misconfigured') as string });
  });
});
