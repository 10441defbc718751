/** The built worker beside a built server: one Postgres, one Redis, one configuration. */
import { get } from 'node:http';
import pg from 'pg';
import { startFakeUpstream, type FakeUpstream } from '../../../test/harness/fake-upstream.js';
import { runGatehouse } from '../../../test/harness/gatehouse.js';
import { startInstallation, type Installation } from '../../../test/harness/suite.js';
import { spawnWorker, type WorkerProcess } from './worker.spec-support.js';

const MASTER_KEYS = `test:${Buffer.alloc(32, 7).toString('base64url')}`;

let upstream: FakeUpstream;
let installation: Installation;
let worker: WorkerProcess;
let yaml: string;
let apiKey: string;

const environment = () => ({
  DATABASE_URL: installation.databaseUrl,
  REDIS_URL: installation.redisUrl,
  PUBLIC_URL: installation.server.publicUrl,
  GATEHOUSE_MASTER_KEYS: MASTER_KEYS,
});

beforeAll(async () => {
  upstream = await startFakeUpstream({ rotation: 'single_use', family_revocation: true, access_ttl: 3 });
  yaml = `
vault: { schedule: false }
oauth_providers:
  - id: up
    type: oauth2
    authorization_url: ${upstream.issuer}/authorize
    token_url: ${upstream.issuer}/token
    client_id: fake-client
    client_secret: fake-secret
    sign_in: false
    rotation: single_use
`;
  installation = await startInstallation({ yaml });
  const { publicUrl } = installation.server;
  const stores = { databaseUrl: installation.databaseUrl, redisUrl: installation.redisUrl, publicUrl, yaml };
  const made = await runGatehouse(
    [
      'api-key:create',
      '--organization',
      'default',
      '--name',
      'spec',
      '--access',
      'read_connections,write_connections,read_connection_tokens',
    ],
    stores,
  );
  const secret = /X-API-Key: (\S+)/.exec(made.output)?.[1];
  if (secret === undefined) throw new Error(made.output);
  apiKey = secret;
  worker = await spawnWorker(yaml, environment());
  await worker.ready();
});

afterAll(async () => {
  await worker.stop();
  await installation.stop();
  await upstream.close();
});

const ask = async (path: string, body?: object) => {
  const response = await fetch(`${installation.server.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'X-API-Key': apiKey, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

describe('the worker', () => {
  it('keeps a connection fresh that a server with its schedule off serves', async () => {
    const [issued] = await upstream.issue(1);
    if (issued === undefined) throw new Error('nothing was issued');
    const made = await ask('/api/v1/connections', {
      integration: 'up',
      credentials: {
        access_token: issued.access_token,
        refresh_token: issued.refresh_token,
        expires_at: new Date(Date.now() + issued.expires_in * 1000).toISOString(),
      },
    });
    expect(made.status).toBeLessThan(300);
    const current = async () => (await upstream.grants(issued.family)).granted;
    while ((await current()) < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    // Nobody has asked the server for a token until now, and it would not refresh by itself.
    const served = await ask(`/api/v1/connections/${String(made.body['id'])}/token`, { min_ttl: 0 });
    expect(served.status).toBe(200);
    expect(served.body['access_token']).not.toBe(issued.access_token);
    const ledger = await upstream.grants(issued.family);
    expect(ledger).toMatchObject({ status: 'active', replayed: 0, duplicate_grants: 0 });
    const journal = new pg.Client({ connectionString: installation.databaseUrl });
    await journal.connect();
    const { rows } = await journal.query(`SELECT DISTINCT split_part(owner, ':', 2)::int AS pid FROM refresh_attempts`);
    await journal.end();
    expect(rows).toEqual([{ pid: worker.pid }]);
  });

  it('tells who is near its health, with details, and its metrics', async () => {
    const live = await fetch(`${worker.url}/health/live`);
    expect(await live.json()).toEqual({ status: 'live' });
    const ready = await fetch(`${worker.url}/health/ready`);
    expect(await ready.json()).toMatchObject({ status: 'ready', details: { database: { ok: true } } });
    const metrics = await fetch(`${worker.url}/metrics`);
    expect(metrics.headers.get('cache-control')).toBe('no-store');
    expect(await metrics.text()).toContain('process_cpu_seconds_total');
  });

  it('D27: a page that rebound a name to this machine gets neither metrics nor details', async () => {
    const rebound = (path: string) =>
      new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
        get(`${worker.url}${path}`, { headers: { host: 'evil.example' } }, (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => resolve({ status: response.statusCode, text }));
        }).on('error', reject);
      });
    expect(await rebound('/metrics')).toMatchObject({ status: 401 });
    expect(await rebound('/health/ready')).toEqual({ status: 200, text: '{"status":"ready"}' });
  });

  it('serves nothing else', async () => {
    for (const path of ['/', '/oauth2/token', '/.well-known/jwks.json', '/api/v1/connections', '/saml/providers']) {
      const answer = await fetch(`${worker.url}${path}`);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(await answer.json()).toMatchObject({ error: 'not_found' });
    }
  });

  it('on another address than loopback wants INTERNAL_TOKEN for its metrics', async () => {
    const token = 'internal-token-of-this-spec';
    const open = await spawnWorker(yaml, {
      ...environment(),
      WORKER_HOST: '0.0.0.0',
      INTERNAL_TOKEN: token,
      TRUST_PROXY: '1',
    });
    await open.ready();
    expect((await fetch(`${open.url}/metrics`)).status).toBe(401);
    const wrong = await fetch(`${open.url}/metrics`, { headers: { authorization: 'Bearer wrong' } });
    expect(wrong.status).toBe(403);
    const right = await fetch(`${open.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect(right.status).toBe(200);
    expect(await (await fetch(`${open.url}/health/ready`)).json()).toEqual({ status: 'ready' });
    expect(await open.stop()).toBe(0);
  });

  it('does not start without the servers’ database: 78', async () => {
    const alone = await spawnWorker(yaml, { PUBLIC_URL: 'http://localhost:8080' });
    expect(await alone.exited).toBe(78);
    expect(alone.log()).toContain('DATABASE_URL');
  });

  it('ends cleanly on SIGTERM, exit code 0, its refreshes under way finished', async () => {
    const second = await spawnWorker(yaml, environment());
    await second.ready();
    const [issued] = await upstream.issue(1);
    if (issued === undefined) throw new Error('nothing was issued');
    await worker.stop();
    await upstream.plan({ on: 'refresh', family: issued.family, latency_before_ms: 700 });
    const { requests: before } = (await upstream.stats()).refresh;
    await ask('/api/v1/connections', {
      integration: 'up',
      credentials: {
        access_token: issued.access_token,
        refresh_token: issued.refresh_token,
        expires_at: new Date(Date.now() + 1000).toISOString(),
      },
    });
    while ((await upstream.grants(issued.family)).presented === 0) {
      if ((await upstream.stats()).in_flight > 0 && (await upstream.stats()).refresh.requests > before) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await second.stop()).toBe(0);
    const ledger = await upstream.grants(issued.family);
    expect(ledger).toMatchObject({ status: 'active', replayed: 0, serial: ledger.delivered });
    worker = await spawnWorker(yaml, environment());
    await worker.ready();
    while ((await upstream.grants(issued.family)).granted < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await upstream.grants(issued.family)).replayed).toBe(0);
  });
});
