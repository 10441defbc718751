import type { Answer } from '../../../test/protocol/http.js';
import { TestVault, type Caller } from './connections.spec-support.js';

let vault: TestVault;
let boss: Caller;
let carol: Caller;

beforeAll(async () => {
  vault = await TestVault.open();
  boss = await vault.person('boss');
  const { headers, userId } = await vault.person('carol');
  carol = { userId, headers: { ...headers, 'x-workspace-id': 'acme' } };
});
afterAll(() => vault.close());

const EVERY_ROUTE: readonly (readonly [string, (id: string, caller: Caller) => Promise<Answer>])[] = [
  ['GET connection', (id, { headers }) => vault.get(`/api/v1/connections/${id}`, headers)],
  ['DELETE connection', (id, { headers }) => vault.delete(`/api/v1/connections/${id}`, headers)],
  ['POST token', (id, { headers }) => vault.post(`/api/v1/connections/${id}/token`, {}, headers)],
  ['POST token, forced', (id, { headers }) => vault.post(`/api/v1/connections/${id}/token`, { force: true }, headers)],
  ['POST unauthorized', (id, { headers }) => vault.post(`/api/v1/connections/${id}/unauthorized`, {}, headers)],
  ['POST refresh', (id, { headers }) => vault.post(`/api/v1/oauth/refresh/${id}`, {}, headers)],
  [
    'POST initiate',
    (id, { headers }) => vault.post('/api/v1/oauth/initiate', { integration_id: 'up', connection_id: id }, headers),
  ],
];

describe('POST /api/v1/connections, POST /api/v1/connections/{id}/token', () => {
  it('keeps an imported token set and hands out its access token', async () => {
    const { id, issued, answer } = await vault.imported(boss);
    expect(answer.body).toMatchObject({ id, integration: 'up', status: 'active', label: 'Mail', origin: 'import' });
    const token = await vault.post(`/api/v1/connections/${id}/token`, {}, boss.headers);
    expect([token.status, token.body]).toEqual([
      200,
      {
        access_token: issued.access_token,
        token_type: 'Bearer',
        expires_at: expect.stringMatching(/Z$/) as string,
        expires_in: expect.any(Number) as number,
        scope: issued.scope,
        generation: 1,
        status: 'fresh',
      },
    ]);
    expect(token.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
  });

  const good = { integration: 'up', credentials: { access_token: 'a' } };
  it.each([
    ['no integration', { credentials: { access_token: 'a' } }, 'integration'],
    ['an integration that is not configured', { ...good, integration: 'gmail' }, 'integration'],
    ['a provider that issues no tokens', { ...good, integration: 'test' }, 'integration'],
    ['no credentials', { integration: 'up' }, 'credentials'],
    ['no access token', { ...good, credentials: { refresh_token: 'r' } }, 'credentials.access_token'],
    ['a token with a line break', { ...good, credentials: { access_token: 'a\nb' } }, 'credentials.access_token'],
    [
      'a local time',
      { ...good, credentials: { access_token: 'a', expires_at: '2030-01-01T00:00:00' } },
      'credentials.expires_at',
    ],
    [
      'an end that is over',
      { ...good, credentials: { access_token: 'a', expires_at: '2020-01-01T00:00:00Z' } },
      'credentials.expires_at',
    ],
    ['a scope that is none', { ...good, credentials: { access_token: 'a', scope: 'a"b' } }, 'credentials.scope'],
    ['a label that is too long', { ...good, label: 'x'.repeat(256) }, 'label'],
    ['a label of two lines', { ...good, label: 'a\nb' }, 'label'],
    ['config that is not text', { ...good, config: { region: 1 } }, 'config.region'],
  ])('D4: 422 that names the field for %s', async (_what, body, field) => {
    const answer = await vault.post('/api/v1/connections', body, boss.headers);
    expect([answer.status, answer.body]).toEqual([
      422,
      {
        detail: [
          { loc: ['body', ...field.split('.')], msg: expect.stringContaining(field) as string, type: 'value_error' },
        ],
      },
    ]);
  });

  it('takes null for what is not there, and keeps config beside the token', async () => {
    const credentials = { access_token: 'only', refresh_token: null, expires_at: null, scope: null, token_type: null };
    const body = { integration: 'up', label: null, credentials, config: { instance_url: 'https://eu.example' } };
    const { status, body: made } = await vault.post('/api/v1/connections', body, boss.headers);
    expect(status).toBe(200);
    expect(made).toMatchObject({ status: 'active', config: { instance_url: 'https://eu.example' } });
    expect(made['health']).toMatchObject({ state: 'fresh', refreshable: false, reauthorization_required: false });
  });

  it('R27 R30: needs the access, whoever calls', async () => {
    const { id } = await vault.imported(boss);
    const reader = { headers: { 'x-api-key': await vault.apiKey(boss, ['read_connections']) }, userId: '' };
    const statuses = await Promise.all(
      EVERY_ROUTE.map(async ([name, call]) => [name, (await call(id, reader)).status]),
    );
    expect(Object.fromEntries(statuses)).toEqual({
      'GET connection': 200,
      'DELETE connection': 403,
      'POST token': 403,
      'POST token, forced': 403,
      'POST unauthorized': 403,
      'POST refresh': 403,
      'POST initiate': 403,
    });
    const { status, body, headers } = await vault.get('/api/v1/connections');
    expect([status, body, headers['www-authenticate']]).toEqual([
      401,
      { detail: expect.stringContaining('Authentication required') as string },
      expect.stringContaining('Bearer') as string,
    ]);
  });

  it('a member changes his own connections and sees the others; an admin changes all', async () => {
    const alice = await vault.person('alice');
    const bob = await vault.person('bob');
    const { id } = await vault.imported(alice);
    expect((await vault.get(`/api/v1/connections/${id}`, bob.headers)).body).toMatchObject({
      owner_user_id: alice.userId,
    });
    for (const [name, call] of EVERY_ROUTE.filter(([name]) => /DELETE|refresh|initiate/.test(name)))
      expect([name, (await call(id, bob)).status]).toEqual([name, 403]);
    expect((await vault.post(`/api/v1/oauth/refresh/${id}`, {}, alice.headers)).status).toBe(200);
    expect((await vault.post(`/api/v1/oauth/refresh/${id}`, {}, boss.headers)).status).toBe(200);
    expect((await vault.post(`/api/v1/connections/${id}/token`, {}, alice.headers)).status).toBe(403);
    expect((await vault.delete(`/api/v1/connections/${id}`, alice.headers)).status).toBe(204);
  });
});

describe('R27, vault failure 20: another organization', () => {
  it.each(EVERY_ROUTE)('%s: a foreign id is answered as one that never was, byte for byte', async (_name, call) => {
    const { id } = await vault.imported(boss);
    const foreign = await call(id, carol);
    const unknown = await call(`conn_${'0'.repeat(32)}`, carol);
    const nonsense = await call('conn_%00', carol);
    expect([foreign.status, foreign.text]).toEqual([404, '{"detail":"Connection not found"}']);
    for (const other of [unknown, nonsense]) expect([other.status, other.text]).toEqual([404, foreign.text]);
    expect((await vault.get(`/api/v1/connections/${id}`, boss.headers)).status).toBe(200);
  });

  it('lists nothing of it, and imports into the caller’s own', async () => {
    const { id } = await vault.imported(carol);
    const ids = async (caller: Caller, query = '') => {
      const { body } = await vault.get(`/api/v1/connections?limit=100${query}`, caller.headers);
      return (body['connections'] as { id: string }[]).map((connection) => connection.id);
    };
    expect(await ids(carol)).toEqual([id]);
    expect(await ids(boss)).not.toContain(id);
    expect(await ids(carol, '&integration=shared')).toEqual([]);
    expect((await vault.get('/api/v1/connections', { ...boss.headers, 'x-workspace-id': 'acme' })).status).toBe(404);
  });
});

describe('GET /api/v1/connections', () => {
  it('pages through all of them once, oldest first', async () => {
    const root = await vault.person('root');
    const headers = { ...root.headers, 'x-workspace-id': 'acme' };
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.push((await vault.imported({ ...carol })).id);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { status, body } = await vault.get(`/api/v1/connections?limit=2${cursor && `&cursor=${cursor}`}`, headers);
      expect(status).toBe(200);
      seen.push(...(body['connections'] as { id: string }[]).map(({ id }) => id));
      cursor = (body['next_cursor'] as string | undefined) ?? '';
    } while (cursor !== '' && seen.length < 50);
    expect(seen.slice(-5)).toEqual(made);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=x', 'limit'],
    ['cursor=nonsense', 'cursor'],
    [`cursor=${Buffer.from(`9999999999999999.conn_${'0'.repeat(32)}`).toString('base64url')}`, 'cursor'],
  ])('422 for %s', async (query, field) => {
    const { status, body } = await vault.get(`/api/v1/connections?${query}`, boss.headers);
    expect([status, body]).toMatchObject([422, { detail: [{ loc: ['query', field] }] }]);
  });
});

describe('the read model', () => {
  it('never says active of what is dead or expired, and holds no null', async () => {
    const [expired, dead, alive] = [
      await vault.imported(boss, { access_ttl: 100, without: 'refresh_token' }),
      await vault.imported(boss),
      await vault.imported(boss, { access_ttl: 36_000 }),
    ];
    await vault.upstream.revoke(dead.issued.family);
    await vault.post(`/api/v1/oauth/refresh/${dead.id}`, {}, boss.headers);
    await vault.shiftClock(600);
    try {
      const read = async (id: string) => (await vault.get(`/api/v1/connections/${id}`, boss.headers)).body;
      expect(await read(expired.id)).toMatchObject({
        status: 'expired',
        health: { state: 'expired', status_reason: 'expired_no_refresh', reauthorization_required: true },
      });
      expect(await read(dead.id)).toMatchObject({
        status: 'error',
        health: {
          state: 'needs_reauth',
          status_reason: 'revoked',
          reauthorization_required: true,
          last_error_code: 'invalid_grant',
        },
      });
      expect(await read(alive.id)).toMatchObject({
        status: 'active',
        health: { state: 'fresh', consecutive_failures: 0 },
      });
      expect((await vault.get('/api/v1/connections?limit=100', boss.headers)).text).not.toContain('null');
    } finally {
      await vault.shiftClock(0);
    }
  });
});

describe('vault failure 19: secrets', () => {
  it('a refresh token is in no answer, no log line and no audit event', async () => {
    const { id, issued } = await vault.imported(boss);
    const answers = [await vault.get('/api/v1/connections?limit=100', boss.headers)];
    for (const [, call] of EVERY_ROUTE.toReversed()) answers.push(await call(id, boss));
    const { current } = await vault.upstream.grants(issued.family);
    const audited = await vault.database.query('SELECT * FROM audit_events');
    const said = [...answers.map(({ text }) => text), vault.server.log(), JSON.stringify(audited)].join('\n');
    for (const secret of [issued.refresh_token, current.refresh_token]) expect(said).not.toContain(secret);
    expect(vault.server.log()).not.toContain(issued.access_token);
    const rows = await vault.database.query<{ t: string }>('SELECT c::text AS t FROM connections c');
    expect(JSON.stringify(rows)).not.toContain(issued.access_token);
  });
});

describe('DELETE /api/v1/connections/{id}', () => {
  it('gives the tokens back and is final; a delete during a refresh wins (vault failure 15)', async () => {
    const { id, issued } = await vault.imported(boss);
    await vault.upstream.plan({ on: 'refresh', family: issued.family, latency_after_ms: 300, times: 1 });
    const refreshing = vault.post(`/api/v1/oauth/refresh/${id}`, {}, boss.headers);
    while ((await vault.upstream.stats()).in_flight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await vault.delete(`/api/v1/connections/${id}`, boss.headers)).status).toBe(204);
    expect((await refreshing).status).toBe(404);
    expect((await vault.get(`/api/v1/connections/${id}`, boss.headers)).status).toBe(404);
    expect((await vault.delete(`/api/v1/connections/${id}`, boss.headers)).status).toBe(404);
    expect((await vault.audited('connection.deleted')).at(-1)).toMatchObject({
      subject: id,
      actor: `user:${boss.userId}`,
    });
  });

  it('ends the grant at the provider', async () => {
    const { id, issued } = await vault.imported(boss);
    await vault.delete(`/api/v1/connections/${id}`, boss.headers);
    expect((await vault.upstream.grants(issued.family)).status).toBe('revoked');
  });
});
