import { TestTenants, type Person } from './organizations.spec-support.js';

const TOKENS = '/api/v1/organizations/default/service-tokens';
const KEYS = '/api/v1/api-keys';

let tenants: TestTenants;
let boss: Person;
let carol: Person;

beforeAll(async () => {
  tenants = await TestTenants.open();
  boss = await tenants.person('boss');
  carol = await tenants.person('carol');
});
afterAll(() => tenants.stop());

describe('D61 service tokens', () => {
  it('are shown once, stored as a hash, and never listed with their secret', async () => {
    const made = await tenants.post(TOKENS, { name: 'deploy', accesses: ['read_connections'] }, boss.headers);
    expect(made.status).toBe(200);
    expect(made.headers['cache-control']).toBe('no-store');
    const { id, token } = made.body as { id: string; token: string };
    expect(made.body).toMatchObject({
      name: 'deploy',
      accesses: ['read_connections'],
      created_by: `user:${boss.userId}`,
    });
    const [, secret = ''] = token.split(':');
    expect(token).toMatch(/^st_[\w-]{22}:gth_st_[\w-]{49}$/);
    const listed = await tenants.get(TOKENS, boss.headers);
    expect(listed.body['service_tokens']).toContainEqual(expect.objectContaining({ id, name: 'deploy' }));
    expect(listed.text).not.toContain(secret);
    const stored = JSON.stringify(await tenants.database.query('SELECT * FROM tenant_keys WHERE id = $1', [id]));
    expect(stored).not.toContain(secret);
  });

  it('act by `Authorization: id:secret`, with and without the scheme word that some clients send', async () => {
    const { headers } = await tenants.serviceToken(boss, ['manage_organization']);
    expect((await tenants.get(TOKENS, headers)).status).toBe(200);
    expect((await tenants.get(TOKENS, { authorization: `ServiceToken ${headers.authorization}` })).status).toBe(200);
    expect((await tenants.get(TOKENS, { authorization: `Bearer ${headers.authorization}` })).status).toBe(401);
  });

  it('die at the next request when revoked, and a second time there is nothing to revoke', async () => {
    const { id, headers } = await tenants.serviceToken(boss, ['manage_organization']);
    expect((await tenants.get(TOKENS, headers)).status).toBe(200);
    expect((await tenants.delete(`${TOKENS}/${id}`, boss.headers)).status).toBe(204);
    expect((await tenants.get(TOKENS, headers)).status).toBe(401);
    expect((await tenants.delete(`${TOKENS}/${id}`, boss.headers)).status).toBe(404);
    const kinds = await Promise.all(['service_token.created', 'service_token.revoked'].map((k) => tenants.audited(k)));
    for (const rows of kinds)
      expect(rows).toContainEqual({
        subject: id,
        actor: `user:${boss.userId}`,
        details: { accesses: ['manage_organization'] },
      });
  });

  it('die when they expire', async () => {
    const { id, headers } = await tenants.serviceToken(boss, ['manage_organization']);
    const expire = `UPDATE tenant_keys SET expires_at = now() + $2::interval WHERE id = $1`;
    await tenants.database.query(expire, [id, '1 hour']);
    expect((await tenants.get(TOKENS, headers)).status).toBe(200);
    await tenants.database.query(expire, [id, '-1 second']);
    expect((await tenants.get(TOKENS, headers)).status).toBe(401);
  });

  it.each([
    [{ accesses: ['read_connections'] }, ['body', 'name'], 'name is required'],
    [{ name: 'x', accesses: [] }, ['body', 'accesses'], 'at least 1'],
    [{ name: 'x', accesses: ['root'] }, ['body', 'accesses', '0'], 'must be one of'],
    [{ name: 'x', accesses: ['read_connections'], expires_at: 'soon' }, ['body', 'expires_at'], 'date-time'],
    [
      { name: 'x', accesses: ['read_connections'], expires_at: '2001-01-01T00:00:00Z' },
      ['body', 'expires_at'],
      'future',
    ],
    [{ name: 'a\u0000b', accesses: ['read_connections'] }, ['body', 'name'], 'control characters'],
  ])('D4 refuse %j with 422 that names the field', async (body, loc, message) => {
    const { status, body: fault } = await tenants.post(TOKENS, body, boss.headers);
    expect(status).toBe(422);
    expect(fault).toEqual({ detail: [{ loc, msg: expect.stringContaining(message), type: 'value_error' }] });
  });

  it('are listed by pages', async () => {
    await tenants.serviceToken(boss, ['read_connections']);
    await tenants.serviceToken(boss, ['read_connections']);
    const all = await tenants.get(TOKENS, boss.headers);
    const total = Number(all.body['total']);
    const page = await tenants.get(`${TOKENS}?limit=1&offset=1`, boss.headers);
    expect(page.body).toEqual({ service_tokens: [(all.body['service_tokens'] as object[])[1]], total });
    expect((await tenants.get(`${TOKENS}?limit=501`, boss.headers)).status).toBe(422);
  });

  it('say when they were last used, written apart from the call', async () => {
    const { id, headers } = await tenants.serviceToken(boss, ['manage_organization']);
    const lastUse = async () => {
      const [row] = await tenants.database.query<{ last_used_at: Date | null }>(
        'SELECT last_used_at FROM tenant_keys WHERE id = $1',
        [id],
      );
      return row?.last_used_at;
    };
    await tenants.usage.flush();
    expect(await lastUse()).toBeNull();
    const before = Date.now();
    await tenants.get(TOKENS, headers);
    await tenants.usage.flush();
    expect((await lastUse())?.getTime()).toBeGreaterThanOrEqual(before - 1);
  });
});

describe('D28 D45 API keys', () => {
  it('have the form of opaque tokens, are shown once, and act by either header', async () => {
    const made = await tenants.post(KEYS, { name: 'app', permissions: ['manage_organization'] }, boss.headers);
    expect(made.headers['cache-control']).toBe('no-store');
    const { key, id, prefix } = made.body as { key: string; id: string; prefix: string };
    expect(key).toMatch(/^gth_ak_[\w-]{49}$/);
    expect(id).toMatch(/^key_[\w-]{22}$/);
    expect(key.startsWith(prefix)).toBe(true);
    expect(made.body).toMatchObject({
      permissions: ['manage_organization'],
      workspace_id: expect.stringMatching(/^0{8}/),
    });
    const either: Record<string, string>[] = [
      { 'x-api-key': key },
      { authorization: `Bearer ${key}` },
      { authorization: `bearer ${key}` },
    ];
    for (const headers of either) {
      const { status, text } = await tenants.get(KEYS, headers);
      expect(status).toBe(200);
      expect(text).not.toContain(key);
    }
    const stored = JSON.stringify(await tenants.database.query('SELECT * FROM tenant_keys WHERE id = $1', [id]));
    expect(stored).not.toContain(key);
  });

  it('die at the next request when revoked', async () => {
    const { id, headers } = await tenants.apiKey(boss, ['manage_organization']);
    expect((await tenants.get(KEYS, headers)).status).toBe(200);
    expect((await tenants.delete(`${KEYS}/${id}`, boss.headers)).status).toBe(204);
    expect((await tenants.get(KEYS, headers)).status).toBe(401);
    expect(await tenants.audited('api_key.revoked')).toHaveLength(1);
  });

  it('are no service tokens, nor the other way round', async () => {
    const key = await tenants.apiKey(boss, ['manage_organization']);
    const token = await tenants.serviceToken(boss, ['manage_organization']);
    expect((await tenants.delete(`${KEYS}/${token.id}`, boss.headers)).status).toBe(404);
    expect((await tenants.delete(`${TOKENS}/${key.id}`, boss.headers)).status).toBe(404);
    expect((await tenants.delete(`${TOKENS}/%00`, boss.headers)).status).toBe(404);
  });

  it('come alone: with a second credential the call is refused', async () => {
    const { headers } = await tenants.apiKey(boss, ['manage_organization']);
    expect((await tenants.get(KEYS, { ...headers, ...boss.headers })).status).toBe(401);
  });

  it('open nothing that is not a tenant’s', async () => {
    const { key, headers } = await tenants.apiKey(boss, ['manage_organization']);
    for (const path of ['/users/me', '/oauth2/userinfo', '/client-credentials', '/api/v1/organizations']) {
      expect((await tenants.get(path, headers)).status).toBe(401);
      expect((await tenants.get(path, { authorization: `Bearer ${key}` })).status).toBe(401);
    }
  });
});

describe('R30 nobody gives an access that he has not', () => {
  it('a key hands on at most what it has', async () => {
    const { headers } = await tenants.serviceToken(boss, ['manage_organization', 'read_connections']);
    const make = (accesses: string[]) => tenants.post(TOKENS, { name: 'x', accesses }, headers);
    expect((await make(['read_connections'])).status).toBe(200);
    const { status, body } = await make(['read_connections', 'write_connections']);
    expect(status).toBe(403);
    expect(body).toEqual({ detail: expect.stringContaining('write_connections') });
  });

  it('without manage_organization it makes none, lists none and revokes none', async () => {
    const { id, headers } = await tenants.serviceToken(boss, ['read_connections', 'write_connections']);
    const refusals = [
      await tenants.get(TOKENS, headers),
      await tenants.post(TOKENS, { name: 'x', accesses: ['read_connections'] }, headers),
      await tenants.delete(`${TOKENS}/${id}`, headers),
      await tenants.get(KEYS, headers),
    ];
    for (const { status, body } of refusals)
      expect([status, body]).toEqual([403, { detail: expect.stringContaining('manage_organization') }]);
  });
});

describe('R27 keys of another organization', () => {
  it('are unknown: not listed, not revoked, and make nothing here', async () => {
    const theirs = await tenants.serviceToken(carol, ['manage_organization'], 'acme corp');
    const theirKey = await tenants.apiKey(carol, ['manage_organization'], 'acme corp');
    const unknown = await tenants.delete(`${TOKENS}/st_${'A'.repeat(22)}`, boss.headers);
    const foreign = await tenants.delete(`${TOKENS}/${theirs.id}`, boss.headers);
    expect([foreign.status, foreign.text]).toEqual([404, unknown.text]);
    expect((await tenants.delete(`${KEYS}/${theirKey.id}`, boss.headers)).status).toBe(404);
    expect((await tenants.get(TOKENS, boss.headers)).text).not.toContain(theirs.id);
    expect((await tenants.get(KEYS, boss.headers)).text).not.toContain(theirKey.id);
    for (const headers of [theirs.headers, theirKey.headers] as Record<string, string>[]) {
      expect((await tenants.get(TOKENS, headers)).status).toBe(404);
      expect((await tenants.post(TOKENS, { name: 'x', accesses: ['read_connections'] }, headers)).status).toBe(404);
      expect((await tenants.delete(`${TOKENS}/${theirs.id}`, headers)).status).toBe(404);
      expect((await tenants.get(KEYS, { ...headers, 'x-workspace-id': 'default' })).status).toBe(404);
    }
    expect((await tenants.get('/api/v1/organizations/acme%20corp/service-tokens', theirs.headers)).status).toBe(200);
  });
});

describe('R29 wrong secrets', () => {
  let strict: TestTenants;
  let owner: Person;
  beforeAll(async () => {
    const { rateLimits } = tenants.server.config;
    strict = await TestTenants.open({ rateLimits: { ...rateLimits, enabled: true } });
    owner = await strict.person('boss');
  });
  afterAll(() => strict.stop());

  it('lock a service token for this address, and no other', async () => {
    const one = await strict.serviceToken(owner, ['manage_organization']);
    const other = await strict.serviceToken(owner, ['manage_organization']);
    const wrong = { authorization: `${one.id}:gth_st_${'A'.repeat(49)}` };
    for (let i = 0; i < 10; i++) expect((await strict.get(TOKENS, wrong)).status).toBe(401);
    const locked = await strict.get(TOKENS, one.headers);
    expect(locked.status).toBe(429);
    expect(locked.headers['retry-after']).toMatch(/^\d+$/);
    expect((await strict.get(TOKENS, other.headers)).status).toBe(200);
    expect(await strict.audited('client.locked')).toEqual([
      { subject: `service_token:${one.id}`, actor: null, details: {} },
    ]);
  });

  it('lock an API key of which somebody knows the beginning', async () => {
    const { mintOpaqueToken } = await import('@app/oauth2');
    const { key, headers } = await strict.apiKey(owner, ['manage_organization']);
    const start = Buffer.from(key.slice(7, 19), 'base64url');
    for (let i = 0; i < 10; i++) {
      const guess = mintOpaqueToken('ak', (bytes) => Buffer.concat([start, Buffer.alloc(bytes - 9, i)]));
      expect(guess.slice(0, 19)).toBe(key.slice(0, 19));
      expect((await strict.get(KEYS, { 'x-api-key': guess })).status).toBe(401);
    }
    expect((await strict.get(KEYS, headers)).status).toBe(429);
  });

  it('get one answer, for an unknown, a wrong, a revoked and an expired one', async () => {
    const { id, headers } = await strict.serviceToken(owner, ['manage_organization']);
    const unknown = await strict.get(TOKENS, { authorization: `st_${'A'.repeat(22)}:gth_st_${'A'.repeat(49)}` });
    const wrong = await strict.get(TOKENS, { authorization: `${id}:gth_st_${'A'.repeat(49)}` });
    await strict.delete(`${TOKENS}/${id}`, owner.headers);
    const revoked = await strict.get(TOKENS, headers);
    expect([wrong.status, revoked.status]).toEqual([401, 401]);
    expect([wrong.text, revoked.text]).toEqual([unknown.text, unknown.text]);
    expect(unknown.headers['www-authenticate']).toMatch(/^Bearer realm=/);
  });
});
