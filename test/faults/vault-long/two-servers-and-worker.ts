import pg from 'pg';
import { spawnWorker, type WorkerProcess } from '../../../apps/worker/src/worker.spec-support.js';
import { startFakeUpstream, type FakeUpstream, type IssuedTokenSet } from '../../harness/fake-upstream.js';
import { runGatehouse, startGatehouse, type Gatehouse } from '../../harness/gatehouse.js';
import { freshDatabase } from '../../harness/postgres.js';
import { startRedis } from '../../harness/redis-server.js';

const PROVIDER = 'single-use';
const MASTER_KEYS = `long:${Buffer.alloc(32, 9).toString('base64url')}`;
const ACCESSES = 'read_connections,write_connections,read_connection_tokens';
/** So few are issued at a time that none is old before it is imported. */
const IMPORTED_AT_ONCE = 20;

/** What an application was answered that asked for a token, and then used it. */
export type Use = 'served' | 'expired' | 'refused_upstream' | 'not_served';

/**
 * What an operator would run, from dist/: two servers with one address and a worker, over one Postgres and one Redis, in
 * front of a provider that rotates its refresh tokens, revokes a grant whose token is reused, and is otherwise honest.
 * Leases, limits and rates as they come.
 */
export class TwoServersAndWorker {
  private constructor(
    readonly servers: readonly [Gatehouse, Gatehouse],
    readonly worker: WorkerProcess,
    readonly upstream: FakeUpstream,
    private readonly pool: pg.Pool,
    private readonly apiKey: string,
    private readonly ends: (() => Promise<unknown>)[],
  ) {}

  /** @param tokenLife seconds that an access token of the provider lives */
  static async start(tokenLife: number): Promise<TwoServersAndWorker> {
    const ends: (() => Promise<unknown>)[] = [];
    try {
      const upstream = await startFakeUpstream({ rotation: 'single_use', access_ttl: tokenLife, latency_ms: 50 });
      ends.push(() => upstream.close());
      const database = await freshDatabase();
      ends.push(() => database.drop());
      const redis = await startRedis();
      ends.push(() => redis.stop());
      const yaml = providerOf(upstream.issuer);
      const env = { GATEHOUSE_MASTER_KEYS: MASTER_KEYS };
      const stores = { databaseUrl: database.url, redisUrl: redis.url, yaml };
      const first = await startGatehouse({ ...stores, env });
      ends.push(() => first.stop());
      const { publicUrl } = first;
      const second = await startGatehouse({ ...stores, env, publicUrl });
      ends.push(() => second.stop());
      const worker = await spawnWorker(yaml, {
        ...env,
        DATABASE_URL: database.url,
        REDIS_URL: redis.url,
        PUBLIC_URL: publicUrl,
      });
      ends.push(() => worker.stop());
      await worker.ready();
      const command = ['api-key:create', '--organization', 'default', '--name', 'long', '--access', ACCESSES];
      const { output } = await runGatehouse(command, { ...stores, env, publicUrl });
      const apiKey = /X-API-Key: (\S+)/.exec(output)?.[1];
      if (apiKey === undefined) throw new Error(`no API key was made:\n${output}`);
      const pool = new pg.Pool({ connectionString: database.url, max: 2 });
      ends.push(() => pool.end());
      return new TwoServersAndWorker([first, second], worker, upstream, pool, apiKey, ends);
    } catch (error) {
      await endAll(ends);
      throw error;
    }
  }

  /** New grants of the provider, imported through the servers in turn; answers the connections' ids. */
  async connect(count: number): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) {
      const issued = await this.upstream.issue(Math.min(IMPORTED_AT_ONCE, count - ids.length));
      const issuedAt = Date.now();
      ids.push(...(await Promise.all(issued.map((tokens, n) => this.import(tokens, issuedAt, n)))));
    }
    return ids;
  }

  /** Asks the server for a connection's token as applications do, and shows the token to the provider. */
  async use(id: string, server: Gatehouse, minTtlSeconds: number | undefined): Promise<Use> {
    const wish = minTtlSeconds === undefined ? {} : { min_ttl: minTtlSeconds };
    const { status, body } = await this.post(server, `/api/v1/connections/${id}/token`, wish).catch(() => ({
      status: 0,
      body: {} as Record<string, unknown>,
    }));
    if (status !== 200) return 'not_served';
    if (!(Date.parse(String(body['expires_at'])) > Date.now())) return 'expired';
    const headers = { authorization: `Bearer ${String(body['access_token'])}` };
    const answer = await fetch(`${this.upstream.issuer}/userinfo`, { headers });
    await answer.arrayBuffer();
    return answer.status === 200 ? 'served' : 'refused_upstream';
  }

  /** Refreshes that each process has written into the journal. */
  async shares(): Promise<{ servers: readonly number[]; worker: number }> {
    const rows = await this.query<{ pid: number; refreshes: number }>(
      `SELECT split_part(owner, ':', 2)::int AS pid, count(*)::int AS refreshes FROM refresh_attempts
       WHERE outcome IN ('refreshed', 'refreshed_late') GROUP BY 1`,
    );
    const of = (pid: number) => rows.find((row) => row.pid === pid)?.refreshes ?? 0;
    return { servers: this.servers.map(({ pid }) => of(pid)), worker: of(this.worker.pid) };
  }

  async query<T extends object>(sql: string): Promise<T[]> {
    return (await this.pool.query(sql)).rows as T[];
  }

  /** Warnings and errors in the logs of all three. */
  complaints(): string[] {
    return [...this.servers, this.worker].flatMap((process) =>
      process
        .log()
        .split('\n')
        .filter((line) => /"level":"?(40|50|60|warn|error|fatal)\b/.test(line)),
    );
  }

  async stop(): Promise<void> {
    await endAll(this.ends);
  }

  private async import(tokens: IssuedTokenSet, issuedAt: number, n: number): Promise<string> {
    const server = this.servers[n % 2 === 0 ? 0 : 1];
    const { status, body } = await this.post(server, '/api/v1/connections', {
      integration: PROVIDER,
      credentials: {
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        expires_at: new Date(issuedAt + tokens.expires_in * 1000).toISOString(),
      },
    });
    if (status !== 200) throw new Error(`a connection was not imported: ${status} ${JSON.stringify(body)}`);
    return String(body['id']);
  }

  private async post(server: Gatehouse, path: string, body: object) {
    const answer = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'X-API-Key': this.apiKey, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }
}

function providerOf(issuer: string): string {
  return `
outbound: { allow_private: true }
oauth_providers:
  - id: ${PROVIDER}
    type: oauth2
    authorization_url: ${issuer}/authorize
    token_url: ${issuer}/token
    client_id: fake-client
    client_secret: fake-secret
    sign_in: false
    rotation: single_use
`;
}

/** In the opposite order of the starts. */
async function endAll(ends: (() => Promise<unknown>)[]): Promise<void> {
  for (const end of ends.splice(0).toReversed()) await end();
}
