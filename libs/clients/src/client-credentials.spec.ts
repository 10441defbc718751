import { hashOpaqueToken } from '@app/oauth2';
import { policyOf, type Principal } from '@app/edge';
import { ClientCredentialsController } from './client-credentials.controller.js';
import { TestClients } from './clients.spec-support.js';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  // oxlint-disable-next-line no-explicit-any -- a test reads JSON of any shape
  readonly body: any;
}

describe('/client-credentials', () => {
  let t: TestClients;
  let index = 0;

  beforeAll(async () => {
    t = await TestClients.open();
  });
  afterAll(() => t.close());
  beforeEach(async () => {
    t.principal = await t.person(`person-${(index += 1)}`);
  });

  async function call(method: 'GET' | 'POST' | 'DELETE', path = '', payload?: unknown): Promise<Answer> {
    const answer = await t.app.inject({
      method,
      url: `/client-credentials${path}`,
      headers: { 'content-type': 'application/json' },
      ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: answer.body === '' ? undefined : answer.json(),
    };
  }

  describe('D21', () => {
    it('answers 201 with the secret once, and keeps its SHA-256 only', async () => {
      const { status, headers, body } = await call('POST', '', { name: 'ci', description: 'builds', unknown: 1 });
      expect(status).toBe(201);
      expect(headers['cache-control']).toBe('no-store');
      expect(Object.keys(body).toSorted()).toEqual(
        ['client_id', 'client_secret', 'created_at', 'description', 'id', 'name'].toSorted(),
      );
      expect(body.client_id).toMatch(/^tmi_cc_[A-Za-z0-9_-]{22}$/);
      expect(body.client_secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(body.created_at).toBe(t.now.toISOString());
      const [row] = await t.database.query<{ secret_hash: Buffer; all: string }>(
        'SELECT secret_hash, c::text AS all FROM client_credentials c WHERE client_id = $1',
        [body.client_id],
      );
      expect(row!.secret_hash).toEqual(hashOpaqueToken(body.client_secret));
      expect(row!.all).not.toContain(body.client_secret);
    });

    it('lists [] when empty, then newest first, without secrets and without null', async () => {
      expect((await call('GET')).body).toEqual([]);
      for (const name of ['first', 'second', 'third']) {
        await call('POST', '', { name });
        t.later(1000);
      }
      const { status, body } = await call('GET');
      expect(status).toBe(200);
      expect(body.map((credential: { name: string }) => credential.name)).toEqual(['third', 'second', 'first']);
      expect(Object.keys(body[0]).toSorted()).toEqual(
        ['client_id', 'created_at', 'id', 'is_active', 'modified_at', 'name'].toSorted(),
      );
      expect(JSON.stringify(body)).not.toMatch(/null|secret/);
    });

    it('deletes with 204 and voids what it issued', async () => {
      const { body } = await call('POST', '', { name: 'ci' });
      expect(await call('DELETE', `/${body.id}`)).toMatchObject({ status: 204, body: undefined });
      expect((await call('GET')).body).toEqual([]);
      const claim = { subject: `client:${body.client_id}`, generation: 1 };
      expect(await t.revocations.check([claim])).toEqual([claim.subject]);
      expect(await call('DELETE', `/${body.id}`)).toMatchObject({ status: 404, body: { error: 'not_found' } });
      expect((await t.audited('client_credential.deleted')).at(-1)).toMatchObject({ subject: body.client_id });
    });

    it('gives exactly ten of a hundred creations at once', async () => {
      const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => call('POST', '', { name: `n${i}` })));
      expect(answers.filter((answer) => answer.status === 201)).toHaveLength(10);
      for (const answer of answers.filter(({ status }) => status !== 201))
        expect(answer).toMatchObject({ status: 403, body: { error: 'quota_exceeded' } });
      expect((await call('GET')).body).toHaveLength(10);
    });

    it('counts neither deleted nor expired ones against the quota', async () => {
      const soon = new Date(t.now.getTime() + 1000).toISOString();
      const first = await call('POST', '', { name: 'deleted' });
      for (let i = 0; i < 9; i++) await call('POST', '', { name: 'expiring', expires_at: soon });
      expect((await call('POST', '', { name: 'eleventh' })).status).toBe(403);
      await call('DELETE', `/${first.body.id}`);
      expect((await call('POST', '', { name: 'tenth' })).status).toBe(201);
      t.later(1000);
      expect((await call('POST', '', { name: 'after expiry' })).status).toBe(201);
      const { body } = await call('GET');
      expect(body.filter((credential: { is_active: boolean }) => !credential.is_active)).toHaveLength(9);
    });

    it('takes an expiry in the future only, in UTC or with an offset', async () => {
      const inAnHour = new Date(t.now.getTime() + 3_600_000).toISOString();
      expect((await call('POST', '', { name: 'a', expires_at: inAnHour })).body.expires_at).toBe(inAnHour);
      expect(await call('POST', '', { name: 'b', expires_at: t.now.toISOString() })).toMatchObject({
        status: 400,
        body: { error: 'invalid_request', error_description: 'expires_at must be in the future' },
      });
      for (const bad of ['2030-02-30T00:00:00Z', '2030-01-01', 'never', 1893456000, true])
        expect(await call('POST', '', { name: 'c', expires_at: bad })).toMatchObject({
          status: 400,
          body: { error: 'invalid_request', error_description: expect.stringContaining('expires_at') },
        });
    });
  });

  describe('D2', () => {
    it('takes expiresAt for expires_at, as the TMI client writes it', async () => {
      const expiresAt = new Date(t.now.getTime() + 3_600_000).toISOString();
      expect((await call('POST', '', { name: 'ci', expiresAt })).body.expires_at).toBe(expiresAt);
    });

    it('takes null for not given', async () => {
      const { status, body } = await call('POST', '', { name: 'ci', description: null, expires_at: null });
      expect(status).toBe(201);
      expect(body).not.toHaveProperty('description');
    });

    it.each([
      [{}, 'name'],
      [{ name: '' }, 'name'],
      [{ name: '   ' }, 'name'],
      [{ name: 'x'.repeat(101) }, 'name'],
      [{ name: 'a\u0000b' }, 'name'],
      [{ name: 5 }, 'name'],
      [{ name: 'ok', description: 'x'.repeat(501) }, 'description'],
      [{ name: 'ok', description: 'a\u0000b' }, 'description'],
    ])('answers 400 that names the field for %j', async (payload, field) => {
      expect(await call('POST', '', payload)).toMatchObject({
        status: 400,
        body: { error: 'invalid_request', error_description: expect.stringContaining(field) },
      });
    });

    it('counts characters, not UTF-16 units', async () => {
      expect((await call('POST', '', { name: '🔑'.repeat(100), description: '🔑\n'.repeat(250) })).status).toBe(201);
      expect((await call('POST', '', { name: '🔑'.repeat(101) })).status).toBe(400);
    });
  });

  describe('D56', () => {
    it('lets administrators give scopes, and nobody else', async () => {
      const refused = await call('POST', '', { name: 'ci', scopes: ['introspect'] });
      expect(refused).toMatchObject({ status: 403, body: { error: 'forbidden' } });
      expect((await call('POST', '', { name: 'ci', scopes: [] })).status).toBe(201);
      t.principal = await t.person('admin');
      const given = await call('POST', '', { name: 'ci', scopes: ['introspect', 'vault:read', 'introspect'] });
      expect(given).toMatchObject({ status: 201, body: { scopes: ['introspect', 'vault:read'] } });
      expect(await call('POST', '', { name: 'ci', scopes: ['admin'] })).toMatchObject({
        status: 400,
        body: { error: 'invalid_scope' },
      });
    });
  });

  describe('R30', () => {
    it('gives a credential of an administrator no rights that were not asked for', async () => {
      const admin = await t.person('admin');
      const { presented } = await t.given(admin);
      expect(await t.authenticator.authenticateMachine(presented, '192.0.2.1')).toMatchObject({ scopes: [] });
    });
  });

  describe('R27', () => {
    it('shows and deletes nobody’s but one’s own', async () => {
      const { body } = await call('POST', '', { name: 'mine' });
      t.principal = await t.person('somebody else');
      expect((await call('GET')).body).toEqual([]);
      expect(await call('DELETE', `/${body.id}`)).toMatchObject({ status: 404, body: { error: 'not_found' } });
      expect(await t.revocations.check([{ subject: `client:${body.client_id}`, generation: 1 }])).toEqual([]);
    });

    it.each(['not-a-uuid', '1', 'tmi_cc_aaaaaaaaaaaaaaaaaaaaaa', '%00'])('answers 400 for the id %s', async (id) => {
      expect(await call('DELETE', `/${id}`)).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    });
  });

  describe('D30', () => {
    it('is for people in first-party sessions, behind the guard and without it', async () => {
      for (const handler of ['create', 'list', 'delete'] as const)
        expect(policyOf(ClientCredentialsController.prototype[handler]).access).toBe('user');
      const machine: Principal = {
        kind: 'machine',
        tokenId: 'j',
        clientId: 'tmi_cc_x',
        organizationId: 'o',
        scopes: ['vault:write'],
        expiresAt: 2_000_000_000,
        ownerId: 'owner',
      };
      t.principal = machine;
      for (const answer of [await call('GET'), await call('POST', '', { name: 'x' }), await call('DELETE', '/x')])
        expect(answer).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    });

    it('refuses a person who was deleted or disabled meanwhile', async () => {
      const person = await t.person('leaving');
      t.principal = person;
      await t.directory.disableUser(person.userId);
      expect(await call('POST', '', { name: 'x' })).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
    });
  });
});
