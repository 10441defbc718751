import { Secret } from '@app/config';
import { startRedis, type RedisServer } from '../../../../test/harness/redis-server.js';
import { TestClients } from '../clients.spec-support.js';
import { anotherKeeper, applicationsOf, KEEPER, registryOf, settings } from './applications.spec-support.js';

describe('Applications', () => {
  let redis: RedisServer;
  /** Two instances, as behind a load balancer. */
  let here: TestClients;
  let there: TestClients;
  let statements = 0;
  beforeAll(async () => {
    redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
    const redisUrl = new Secret(redis.url);
    here = await TestClients.open({ redisUrl });
    there = await TestClients.on(here.databaseUrl, { redisUrl });
    for (const one of [here, there]) await one.revocations.follow();
    for (const method of ['query', 'queryNamed', 'transaction'] as const) {
      const original = there.database[method].bind(there.database) as (...args: never[]) => Promise<never>;
      jest.spyOn(there.database, method).mockImplementation(((...args: never[]) => {
        statements += 1;
        return original(...args);
      }) as never);
    }
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    await there.close();
    await here.close();
    await redis.stop();
  });

  const registered = async () => (await registryOf(here).create(KEEPER, settings(), {})).application;
  const find = (clientId: string) => applicationsOf(there).find(clientId);

  it('says what is registered, with the generations that tokens are issued at', async () => {
    const { id } = await registered();
    expect(await find(id)).toMatchObject({
      ...settings(),
      clientId: id,
      organizationId: KEEPER.organizationId,
      organizationName: 'default',
      generation: 1,
      revision: 1,
      organizationGeneration: 1,
    });
  });

  it('warm, costs no SQL', async () => {
    const { id } = await registered();
    await find(id);
    statements = 0;
    for (let count = 0; count < 10; count++) expect(await find(id)).toMatchObject({ id });
    expect(statements).toBe(0);
    there.later(60_000);
    expect(await find(id)).toMatchObject({ id });
    expect(statements).toBe(1);
  });

  it('asks once for all who ask at the same time', async () => {
    const { id } = await registered();
    statements = 0;
    const found = await Promise.all(Array.from({ length: 20 }, () => find(id)));
    expect(found.map((one) => one?.id)).toEqual(Array(20).fill(id));
    expect(statements).toBe(1);
  });

  it.each(['', 'a b', 'ä', 'a\0b', 'a'.repeat(101), `app_${'x'.repeat(22)}`])('knows nobody called %j', async (id) => {
    expect(await find(id)).toBeUndefined();
  });

  it('asks nothing about what cannot be an id', async () => {
    statements = 0;
    await find('a'.repeat(101));
    await find('a\0b');
    expect(statements).toBe(0);
  });

  describe('D20, R11 at every instance', () => {
    it('a change counts at once', async () => {
      const { id } = await registered();
      expect(await find(id)).toMatchObject({ name: 'Grafana' });
      await registryOf(here).change(KEEPER, id, () => settings({ name: 'Metrics' }), {});
      expect(await find(id)).toMatchObject({ name: 'Metrics', revision: 2 });
    });

    it('a secret that was taken back is gone at once', async () => {
      const { id } = await registered();
      const before = (await applicationsOf(there).findStored(id))?.secrets.map(({ hash }) => hash.toString('hex'));
      await registryOf(here).rotateSecret(KEEPER, id, 0, {});
      const after = (await applicationsOf(there).findStored(id))?.secrets ?? [];
      const living = after.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > there.now);
      expect(before).toHaveLength(1);
      expect(living).toHaveLength(1);
      expect(living.map(({ hash }) => hash.toString('hex'))).not.toEqual(before);
    });

    it('a disabled one is unknown at once', async () => {
      const { id } = await registered();
      expect(await find(id)).toBeDefined();
      await registryOf(here).disable(KEEPER, id, {});
      expect(await find(id)).toBeUndefined();
    });

    it('a deleted one is unknown at once', async () => {
      const { id } = await registered();
      expect(await find(id)).toBeDefined();
      await registryOf(here).delete(KEEPER, id, {});
      expect(await find(id)).toBeUndefined();
    });

    it('also when the transient store is gone: at the latest when the log was followed', async () => {
      const { id } = await registered();
      expect(await find(id)).toBeDefined();
      await redis.restart();
      await registryOf(here).disable(KEEPER, id, {});
      // Here may not have reached the new server yet when there has; and a turn may have begun before the commit.
      for (let turn = 0; turn < 2; turn += 1) await there.revocations.follow();
      expect(await find(id)).toBeUndefined();
    });
  });

  it('D50 what an organization’s generation made void is read anew', async () => {
    const keeper = await anotherKeeper(here, 'raised');
    const { application } = await registryOf(here).create(keeper, settings(), {});
    expect(await find(application.id)).toMatchObject({ organizationGeneration: 1 });
    await here.revocations.transaction(async (manager, revoke) => {
      await manager.query(`UPDATE organizations SET generation = 2 WHERE id = $1`, [keeper.organizationId]);
      revoke({ subject: `organization:${keeper.organizationId}`, generation: 2 });
    });
    expect(await find(application.id)).toMatchObject({ organizationGeneration: 2 });
  });
});
