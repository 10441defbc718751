import { AuditLog } from '@app/audit';
import { Secret } from '@app/config';
import { Lockout } from '@app/edge';
import { startRedis, type RedisServer } from '../../../test/harness/redis-server.js';
import { ADDRESS, presenting, TestClients } from './clients.spec-support.js';

const INVALID = { code: 'invalid_client', status: 401, description: 'Client authentication failed' };

describe.each(['in process', 'with Redis'] as const)('ClientAuthenticator %s', (place) => {
  let t: TestClients;
  let redis: RedisServer | undefined;
  let statements: number;

  beforeAll(async () => {
    redis = place === 'with Redis' ? await startRedis({ args: ['--maxmemory-policy', 'noeviction'] }) : undefined;
    t = await TestClients.open(redis === undefined ? {} : { redisUrl: new Secret(redis.url) });
    if (redis !== undefined) await t.revocations.follow();
  });
  afterAll(async () => {
    await t.close();
    await redis?.stop();
  });
  beforeEach(() => {
    statements = 0;
    for (const method of ['query', 'queryNamed', 'transaction'] as const) {
      const original = t.database[method].bind(t.database) as (...args: never[]) => Promise<never>;
      jest.spyOn(t.database, method).mockImplementation(((...args: never[]) => {
        statements += 1;
        return original(...args);
      }) as never);
    }
  });
  afterEach(() => jest.restoreAllMocks());

  const authenticate = (presented: ReturnType<typeof presenting>, address = ADDRESS) =>
    t.authenticator.authenticateMachine(presented, address);

  describe('D21', () => {
    it('proves a machine and says what its tokens are issued from', async () => {
      const owner = await t.person('owner');
      const expiresAt = new Date(t.now.getTime() + 3_600_000);
      const { clientId, id, presented } = await t.given(owner, { expiresAt });
      expect(await authenticate(presented)).toEqual({
        credentialId: id,
        clientId,
        ownerId: owner.userId,
        organizationId: owner.organizationId,
        scopes: [],
        expiresAt,
        generation: 1,
        ownerGeneration: 1,
        organizationGeneration: 1,
      });
    });

    it('refuses a wrong secret, an unknown client and an id that cannot be one alike', async () => {
      const { clientId, clientSecret } = await t.given(await t.person('p1'));
      await expect(authenticate(presenting(clientId, `${clientSecret}x`))).rejects.toMatchObject(INVALID);
      await expect(authenticate(presenting(`tmi_cc_${'x'.repeat(22)}`, clientSecret))).rejects.toMatchObject(INVALID);
      statements = 0;
      await expect(authenticate(presenting('a\u0000b', clientSecret))).rejects.toMatchObject(INVALID);
      expect(statements).toBe(0);
    });

    it('refuses from its last moment on, without counting it as a guess', async () => {
      const { presented, clientId } = await t.given(await t.person('p2'), {
        expiresAt: new Date(t.now.getTime() + 1000),
      });
      await authenticate(presented);
      t.later(1000);
      const failed = jest.spyOn(t.app.get(Lockout, { strict: false }), 'failed');
      await expect(authenticate(presented)).rejects.toMatchObject(INVALID);
      expect(failed).not.toHaveBeenCalledWith(clientId, expect.anything());
    });

    it('refuses at once when deleted, though remembered', async () => {
      const owner = await t.person('p3');
      const { id, presented } = await t.given(owner);
      await authenticate(presented);
      await t.credentials.delete(owner.userId, id, {});
      await expect(authenticate(presented)).rejects.toMatchObject(INVALID);
    });
  });

  describe('R23', () => {
    it('refuses at once when the owner is disabled, and serves again soon after he is enabled', async () => {
      const owner = await t.person('p4');
      const { presented } = await t.given(owner);
      await authenticate(presented);
      await t.directory.disableUser(owner.userId);
      await expect(authenticate(presented)).rejects.toMatchObject(INVALID);
      await t.directory.enableUser(owner.userId);
      t.later(5_000);
      expect(await authenticate(presented)).toMatchObject({ ownerGeneration: 2 });
    });

    it('refuses when the owner is deleted', async () => {
      const owner = await t.person('p5');
      const { presented } = await t.given(owner);
      await authenticate(presented);
      await t.directory.deleteUser(owner.userId);
      await expect(authenticate(presented)).rejects.toMatchObject(INVALID);
    });

    it('reads the new generation when the organization’s was raised', async () => {
      const { presented } = await t.given(await t.person('p6'));
      const before = await authenticate(presented);
      await t.revocations.transaction(async (manager, revoke) => {
        await manager.query('UPDATE organizations SET generation = generation + 1 WHERE id = $1', [
          before.organizationId,
        ]);
        revoke({ subject: `organization:${before.organizationId}`, generation: before.organizationGeneration + 1 });
      });
      expect(await authenticate(presented)).toMatchObject({
        organizationGeneration: before.organizationGeneration + 1,
      });
    });
  });

  describe('D20', () => {
    it('sees at once what another instance deleted', async () => {
      const owner = await t.person('p7');
      const { id, presented } = await t.given(owner);
      await authenticate(presented);
      const other = await TestClients.on(t.databaseUrl, redis === undefined ? {} : { redisUrl: new Secret(redis.url) });
      await other.credentials.delete(owner.userId, id, {}).finally(() => other.close());
      await expect(authenticate(presented)).rejects.toMatchObject(INVALID);
    });
  });

  describe('the warm path', () => {
    it('asks SQL for the credential once a minute, however many ask', async () => {
      const { presented } = await t.given(await t.person('p8'));
      const load = jest.spyOn(t.database, 'queryNamed');
      const loads = () => load.mock.calls.filter(([name]) => name === 'machine-client').length;
      await Promise.all(Array.from({ length: 20 }, () => authenticate(presented)));
      expect(loads()).toBe(1);
      t.later(59_999);
      await authenticate(presented);
      expect(loads()).toBe(1);
      t.later(1);
      await authenticate(presented);
      expect(loads()).toBe(2);
    });

    if (place === 'with Redis')
      it('asks no SQL at all', async () => {
        const { presented } = await t.given(await t.person('p9'));
        await authenticate(presented);
        statements = 0;
        await authenticate(presented);
        expect(statements).toBe(0);
      });

    it('asks lockout and revocations in the same tick', async () => {
      const { presented } = await t.given(await t.person('p10'));
      await authenticate(presented);
      const calls: string[] = [];
      jest
        .spyOn(t.app.get(Lockout, { strict: false }), 'assertOpen')
        .mockImplementation(async () => void calls.push('lockout'));
      jest.spyOn(t.revocations, 'check').mockImplementation(async () => {
        calls.push('revocations');
        return [];
      });
      const pending = authenticate(presented);
      expect(calls.toSorted()).toEqual(['lockout', 'revocations']);
      await pending;
    });
  });

  describe('R29', () => {
    it('locks client and address after ten wrong secrets, for right ones too, and nobody else', async () => {
      const { clientId, presented } = await t.given(await t.person('p11'));
      const wrong = presenting(clientId, 'guess');
      for (let i = 0; i < 10; i++) await expect(authenticate(wrong)).rejects.toMatchObject(INVALID);
      await expect(authenticate(presented)).rejects.toMatchObject({ code: 'rate_limit_exceeded', status: 429 });
      expect(await authenticate(presented, '198.51.100.9')).toMatchObject({ clientId });
      await t.app.get(AuditLog, { strict: false }).settled();
      expect((await t.audited('client.locked')).filter(({ subject }) => subject === clientId)).toHaveLength(1);
      t.later(15 * 60_000 + 1);
    });

    it('names Basic in the refusal when Basic was used, and only then', async () => {
      const unknown = `tmi_cc_${'y'.repeat(22)}`;
      await expect(authenticate(presenting(unknown, 's', 'basic'))).rejects.toMatchObject({ authenticate: 'Basic' });
      await expect(authenticate(presenting(unknown, 's', 'body'))).rejects.toMatchObject({ authenticate: undefined });
    });

    it('asks the stores as much for an unknown client as for a known one', async () => {
      const known = await t.given(await t.person('p12'));
      const asked = async (clientId: string) => {
        const spies = [
          jest.spyOn(t.database, 'queryNamed'),
          jest.spyOn(t.app.get(Lockout, { strict: false }), 'assertOpen'),
          jest.spyOn(t.app.get(Lockout, { strict: false }), 'failed'),
        ];
        const loads = () => spies[0]!.mock.calls.filter(([name]) => name === 'machine-client').length;
        const before = [loads(), spies[1]!.mock.calls.length, spies[2]!.mock.calls.length];
        for (let i = 0; i < 2; i++)
          await expect(authenticate(presenting(clientId, 'x'), '203.0.113.1')).rejects.toMatchObject(INVALID);
        const after = [loads(), spies[1]!.mock.calls.length, spies[2]!.mock.calls.length];
        return after.map((count, i) => count - (before[i] ?? 0));
      };
      expect(await asked(`tmi_cc_${'z'.repeat(22)}`)).toEqual(await asked(known.clientId));
    });
  });

  describe('identify', () => {
    it('is undefined when nobody is named', async () => {
      expect(await t.authenticator.identify({ kind: 'none' }, ADDRESS)).toBeUndefined();
    });

    it('takes a first-party client at its word, unproved', async () => {
      const callback = 'http://localhost:8080/';
      const served = await t.authenticator.identify({ kind: 'named', clientId: callback, method: 'body' }, ADDRESS);
      expect(served).toEqual({ clientId: callback, authenticated: false, scopes: [] });
    });

    it('refuses an unknown name, a machine without its secret, and a public client with one', async () => {
      const { clientId } = await t.given(await t.person('p13'));
      const named = (id: string) => t.authenticator.identify({ kind: 'named', clientId: id, method: 'body' }, ADDRESS);
      await expect(named('nobody')).rejects.toMatchObject(INVALID);
      await expect(named(clientId)).rejects.toMatchObject(INVALID);
      const withSecret = t.authenticator.identify(presenting('http://localhost:8080/', 's'), ADDRESS);
      await expect(withSecret).rejects.toMatchObject(INVALID);
      await expect(t.authenticator.authenticateMachine({ kind: 'none' }, ADDRESS)).rejects.toMatchObject(INVALID);
    });

    it('proves a machine with its scopes', async () => {
      const { clientId, presented } = await t.given(await t.person('admin'), { scopes: ['introspect'] });
      expect(await t.authenticator.identify(presented, ADDRESS)).toEqual({
        clientId,
        authenticated: true,
        scopes: ['introspect'],
      });
    });
  });

  describe('usage', () => {
    it('writes last_used_at and the number of tokens in batches, and modified_at never', async () => {
      const owner = await t.person('p14');
      const { id, clientId, presented } = await t.given(owner);
      await t.usage.flush();
      for (let i = 0; i < 3; i++) await authenticate(presented);
      await t.authenticator.identify(presented, ADDRESS);
      expect((await t.credentials.list(owner.userId))[0]?.lastUsedAt).toBeUndefined();
      await t.usage.flush();
      const [info] = await t.credentials.list(owner.userId);
      expect(info).toMatchObject({ id, lastUsedAt: t.now, modifiedAt: info!.createdAt });
      const issued = (await t.audited('client.tokens_issued')).filter((fact) => fact.subject === clientId);
      expect(issued).toEqual([{ subject: clientId, actor: clientId, details: { count: 3 } }]);
    });

    it('keeps what could not be written for the next time', async () => {
      const owner = await t.person('p15');
      const { clientId, presented } = await t.given(owner);
      await authenticate(presented);
      jest.spyOn(t.database, 'transaction').mockRejectedValueOnce(new Error('the database is away'));
      await t.usage.flush();
      await authenticate(presented);
      await t.usage.flush();
      const issued = (await t.audited('client.tokens_issued')).filter((fact) => fact.subject === clientId);
      expect(issued).toEqual([{ subject: clientId, actor: clientId, details: { count: 2 } }]);
    });

    it('writes what is left when the application ends', async () => {
      const other = await TestClients.on(t.databaseUrl, {});
      const owner = await other.person('p16');
      const { clientId, presented } = await other.given(owner);
      await other.authenticator.authenticateMachine(presented, ADDRESS);
      await other.close();
      expect((await t.audited('client.tokens_issued')).filter((fact) => fact.subject === clientId)).toHaveLength(1);
    });
  });
});
