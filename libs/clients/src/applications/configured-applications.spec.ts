import { AuditLog } from '@app/audit';
import { Secret, type ApplicationConfig, type GatehouseConfig } from '@app/config';
import { freshDatabase } from '../../../../test/harness/postgres.js';
import { startRedis } from '../../../../test/harness/redis-server.js';
import { ADDRESS, presenting, TestClients } from '../clients.spec-support.js';
import { applicationsOf, configuredOf, entry, KEEPER, registryOf, settings } from './applications.spec-support.js';

const OLD = 'the-old-secret-of-32-characters-';
const NEW = 'the-new-secret-of-32-characters-';

describe('D62 applications of the configuration file', () => {
  let fresh: Awaited<ReturnType<typeof freshDatabase>>;
  let running: TestClients[];
  beforeEach(async () => {
    fresh = await freshDatabase();
    running = [];
  });
  afterEach(async () => {
    for (const one of running) await one.close();
    await fresh.drop();
  });

  /** An instance that starts with these applications in its file. */
  const start = async (
    applications: ApplicationConfig[],
    more: Partial<GatehouseConfig> = {},
  ): Promise<TestClients> => {
    const one = await TestClients.on(fresh.url, { applications, ...more });
    running.push(one);
    return one;
  };
  const proves = async (t: TestClients, clientId: string, secret: string): Promise<boolean> => {
    try {
      return (await t.authenticator.identify(presenting(clientId, secret), ADDRESS))?.authenticated === true;
    } catch {
      return false;
    }
  };
  const audited = async (t: TestClients): Promise<string[]> => {
    await t.app.get(AuditLog, { strict: false }).settled();
    const rows = await t.database.query<{ line: string }>(
      `SELECT e.kind || ' ' || coalesce(a.client_id, '?') || ' by ' || e.actor AS line FROM audit_events e
       LEFT JOIN applications a ON a.id = e.subject WHERE e.kind LIKE 'application.%' ORDER BY e.id`,
    );
    return rows.map(({ line }) => line);
  };
  const rows = (t: TestClients) =>
    t.database.query<Record<string, unknown>>(
      `SELECT a.*, (SELECT json_agg(s ORDER BY s.id) FROM application_secrets s WHERE s.application_id = a.id) AS secrets
       FROM applications a ORDER BY client_id`,
    );
  const isDead = async (t: TestClients, clientId: string, generation: number): Promise<boolean> =>
    (await t.revocations.check([{ subject: `client:${clientId}`, generation }])).length > 0;

  it('are registered at start, with their secrets, and prove themselves', async () => {
    const jwks = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }] };
    const t = await start([
      entry('grafana', { secrets: [NEW, OLD] }),
      entry('cli', { secrets: [], tokenEndpointAuthMethod: 'none' }),
      entry('signer', { secrets: [], tokenEndpointAuthMethod: 'private_key_jwt', jwks }),
    ]);
    expect(await applicationsOf(t).find('grafana')).toMatchObject({
      ...settings(),
      id: expect.stringMatching(/^app_[A-Za-z0-9_-]{22}$/),
      clientId: 'grafana',
      organizationName: 'default',
      generation: 1,
      revision: 1,
    });
    expect(await applicationsOf(t).find('signer')).toMatchObject({ jwks });
    expect([await proves(t, 'grafana', NEW), await proves(t, 'grafana', OLD)]).toEqual([true, true]);
    expect(await t.authenticator.identify({ kind: 'named', clientId: 'cli', method: 'body' }, ADDRESS)).toMatchObject({
      clientId: 'cli',
      authenticated: false,
    });
    const stored = await rows(t);
    expect(stored.map((row) => `${row['created_by']}: ${row['configured']}`)).toEqual(
      Array(3).fill('configuration: true'),
    );
    expect(JSON.stringify(stored)).not.toContain(NEW);
    expect(await audited(t)).toEqual(
      ['grafana', 'cli', 'signer'].map((id) => `application.created ${id} by configuration`),
    );
  });

  it('cost no write when nothing differs, whatever the order of their keys and secrets', async () => {
    const key = { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'BBBB', kid: 'k1' };
    const reordered = { kid: 'k1', y: 'BBBB', x: 'AAAA', crv: 'P-256', kty: 'EC' };
    const signer = { secrets: [], tokenEndpointAuthMethod: 'private_key_jwt' } as const;
    const first = await start([
      entry('grafana', { secrets: [NEW, OLD] }),
      entry('signer', { ...signer, jwks: { keys: [key] } }),
    ]);
    const before = await rows(first);
    await first.database.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'written'; END $$`,
    );
    for (const table of ['applications', 'application_secrets', 'revocations', 'consents'])
      await first.database.query(
        `CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION refuse()`,
      );
    const told = await audited(first);
    const t = await start([
      entry('signer', { ...signer, jwks: { keys: [reordered] } }),
      entry('grafana', { secrets: [OLD, NEW] }),
    ]);
    expect(await rows(t)).toEqual(before);
    expect(await audited(t)).toEqual(told);
  });

  it('are made once by instances that start at the same time', async () => {
    const file = ['a', 'b', 'c'].map((id) => entry(id));
    const [t] = await Promise.all([start(file), start(file), start(file), start(file)]);
    expect((await rows(t)).map((row) => [row['client_id'], row['revision']])).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]);
    expect(await audited(t)).toHaveLength(3);
  });

  it('D20 what differs is changed, and counts at instances that run already', async () => {
    const redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
    try {
      const redisUrl = new Secret(redis.url);
      const first = await start([entry('grafana'), entry('other')], { redisUrl });
      await first.revocations.follow();
      const { id } = (await applicationsOf(first).find('grafana')) ?? {};
      const changes = {
        name: 'Metrics',
        redirectUris: ['https://metrics.example/cb'],
        scopes: ['openid'],
        consent: 'skip',
        dpopBoundAccessTokens: true,
        logoUri: 'https://metrics.example/logo.png',
      } as const;
      const t = await start([entry('grafana', changes), entry('other')], { redisUrl });
      expect(await applicationsOf(first).find('grafana')).toMatchObject({ ...changes, id, revision: 2, generation: 1 });
      expect(await applicationsOf(first).find('other')).toMatchObject({ revision: 1 });
      expect((await audited(t)).slice(2)).toEqual(['application.changed grafana by configuration']);
      for (const one of running.splice(0)) await one.close();
    } finally {
      await redis.stop();
    }
  });

  it('change over from one secret to the next as the file does, and end nothing by it', async () => {
    const first = await start([entry('grafana', { secrets: [OLD] })]);
    expect(await proves(first, 'grafana', OLD)).toBe(true);
    const both = await start([entry('grafana', { secrets: [NEW, OLD] })]);
    expect([await proves(both, 'grafana', OLD), await proves(both, 'grafana', NEW)]).toEqual([true, true]);
    const last = await start([entry('grafana', { secrets: [NEW] })]);
    expect([await proves(last, 'grafana', OLD), await proves(last, 'grafana', NEW)]).toEqual([false, true]);
    await both.revocations.follow();
    expect(await proves(both, 'grafana', OLD)).toBe(false);
    expect(await isDead(last, 'grafana', 1)).toBe(false);
    expect((await audited(last)).slice(1)).toEqual(
      Array(2).fill('application.secret_rotated grafana by configuration'),
    );
  });

  it('RFC 6749 §2.1 have no secret any more once the file makes them public', async () => {
    const first = await start([entry('grafana', { secrets: [OLD] })]);
    expect(await proves(first, 'grafana', OLD)).toBe(true);
    const t = await start([entry('grafana', { secrets: [], tokenEndpointAuthMethod: 'none' })]);
    expect(await proves(t, 'grafana', OLD)).toBe(false);
    expect(await t.database.query(`SELECT 1 FROM application_secrets`)).toEqual([]);
  });

  it('R11 are disabled when the file names them no longer, and what they were issued is dead', async () => {
    const first = await start([entry('grafana'), entry('other')]);
    expect(await applicationsOf(first).find('grafana')).toBeDefined();
    const t = await start([entry('other')]);
    expect(await applicationsOf(t).find('grafana')).toBeUndefined();
    expect(await applicationsOf(t).find('other')).toMatchObject({ revision: 1 });
    expect(await isDead(t, 'grafana', 1)).toBe(true);
    await first.revocations.follow();
    expect(await applicationsOf(first).find('grafana')).toBeUndefined();
    expect((await audited(t)).slice(2)).toEqual(['application.disabled grafana by configuration']);
    const before = await rows(t);
    const again = await start([entry('other')]);
    expect(await rows(again)).toEqual(before);
  });

  it('are enabled when they come back, and what died stays dead', async () => {
    const { id } = (await applicationsOf(await start([entry('grafana')])).find('grafana')) ?? {};
    await start([]);
    const t = await start([entry('grafana', { secrets: [NEW] })]);
    expect(await applicationsOf(t).find('grafana')).toMatchObject({ id, generation: 2, revision: 3 });
    expect([await proves(t, 'grafana', NEW), await isDead(t, 'grafana', 1), await isDead(t, 'grafana', 2)]).toEqual([
      true,
      true,
      false,
    ]);
    expect((await audited(t)).slice(2)).toEqual([
      'application.enabled grafana by configuration',
      'application.secret_rotated grafana by configuration',
    ]);
  });

  it('leave those alone that were registered otherwise', async () => {
    const first = await start([]);
    const { application } = await registryOf(first).create(KEEPER, settings({ name: 'by hand' }), {});
    const t = await start([entry('grafana')]);
    expect(await applicationsOf(t).find(application.clientId)).toMatchObject({ name: 'by hand', revision: 1 });
  });

  it('are of organizations that this start makes', async () => {
    const provider = { type: 'test', icon: undefined, enabled: true, linkByVerifiedEmailDomains: [] } as const;
    const t = await start([entry('a', { organization: 'listed' }), entry('b', { organization: 'of a provider' })], {
      organizations: [{ name: 'listed', members: [] }],
      providers: [{ ...provider, id: 'acme', name: 'Acme', organization: 'of a provider' }],
    });
    expect((await applicationsOf(t).find('a'))?.organizationName).toBe('listed');
    expect((await applicationsOf(t).find('b'))?.organizationName).toBe('of a provider');
  });

  it('make nothing when an organization is not there', async () => {
    const t = await start([]);
    const file = [entry('a'), entry('b', { organization: 'nowhere' })];
    await expect(configuredOf(t).sync(file)).rejects.toThrow('application "b": there is no organization "nowhere"');
    expect(await rows(t)).toEqual([]);
  });

  it('R27 take nothing along to another organization: neither what was issued nor what people allowed', async () => {
    const organizations = [{ name: 'blue', members: [] }];
    const first = await start([entry('grafana')], { organizations });
    const { id } = (await applicationsOf(first).find('grafana')) ?? { id: '' };
    const { userId } = await first.signIn('ada');
    await first.database.query(`INSERT INTO consents (user_id, application_id, scopes) VALUES ($1, $2, '{openid}')`, [
      userId,
      id,
    ]);
    const t = await start([entry('grafana', { organization: 'blue' })], { organizations });
    expect(await applicationsOf(t).find('grafana')).toMatchObject({ organizationName: 'blue', generation: 2 });
    expect(await isDead(t, 'grafana', 1)).toBe(true);
    expect(await t.database.query(`SELECT 1 FROM consents`)).toEqual([]);
    const told = await t.database.query<{ name: string }>(
      `SELECT o.name FROM audit_events e JOIN organizations o ON o.id = e.organization_id
       WHERE e.kind = 'application.changed' ORDER BY 1`,
    );
    expect(told.map(({ name }) => name)).toEqual(['blue', 'default']);
  });
});
