import { freshDatabase } from '../../../test/harness/postgres.js';
import { aProvider, TestDirectory } from './directory.spec-support.js';
import type { RecordedSettings } from './provider-records.js';

const settings = (id: string, overrides: Partial<RecordedSettings> = {}): RecordedSettings => ({
  id,
  organization: 'default',
  enabled: true,
  ...overrides,
});

describe('ProviderRecords', () => {
  let t: TestDirectory;
  beforeEach(async () => {
    t = await TestDirectory.open({ providers: [aProvider('acme')] });
  });
  afterEach(() => t.close());

  async function row(id: string) {
    const [found] = await t.database.query<{ enabled: boolean; generation: number; organization: string }>(
      `SELECT p.enabled, p.generation, o.name AS organization
       FROM providers p JOIN organizations o ON o.id = p.organization_id WHERE p.id = $1`,
      [id],
    );
    return found;
  }
  const claim = (generation: number) => ({ subject: 'provider:acme', generation });

  describe('R11', () => {
    it('makes the rows of what is configured at start', async () => {
      expect(await row('acme')).toEqual({ enabled: true, generation: 1, organization: 'default' });
    });

    it('changes nothing when nothing changed', async () => {
      await t.records.sync([settings('acme')]);
      expect(await row('acme')).toMatchObject({ generation: 1 });
    });

    it('voids the tokens of a provider that the configuration switches off, and does not revive them', async () => {
      await t.records.sync([settings('acme', { enabled: false })]);
      expect(await row('acme')).toMatchObject({ enabled: false, generation: 2 });
      expect(await t.revocations.check([claim(1)])).toEqual(['provider:acme']);
      await t.records.sync([settings('acme')]);
      expect(await row('acme')).toMatchObject({ enabled: true, generation: 3 });
      expect(await t.revocations.check([claim(2)])).toEqual(['provider:acme']);
      expect(await t.revocations.check([claim(3)])).toEqual([]);
    });

    it('switches off what the configuration no longer holds', async () => {
      await t.records.sync([]);
      expect(await row('acme')).toMatchObject({ enabled: false });
      expect(await t.revocations.check([claim(1)])).toEqual(['provider:acme']);
      await expect(t.signIn()).rejects.toMatchObject({ code: 'access_denied' });
    });

    it('refuses sign-ins from the moment it is disabled, with the name of who did it', async () => {
      const user = await t.signIn();
      await t.records.disable('acme', { by: 'an-administrator' });
      await expect(t.signIn()).rejects.toMatchObject({ code: 'access_denied' });
      expect(await t.revocations.check([claim(user.providerGeneration)])).toEqual(['provider:acme']);
      await t.records.enable('acme', { by: 'an-administrator' });
      expect(await t.signIn()).toMatchObject({ userId: user.userId, providerGeneration: 3 });
      expect(await t.audited()).toContainEqual(
        expect.objectContaining({ kind: 'provider.disabled', actor: 'an-administrator', subject: 'acme' }),
      );
      await expect(t.records.disable('unknown', { by: 'x' })).rejects.toMatchObject({ code: 'not_found' });
    });
  });

  describe('D62', () => {
    it('makes an organization that a provider names first', async () => {
      await t.records.sync([settings('acme'), settings('tenant-idp', { organization: 'tenant' })]);
      expect(await row('tenant-idp')).toMatchObject({ organization: 'tenant' });
      expect((await t.audited()).filter((fact) => fact.kind === 'organization.created')).toHaveLength(1);
    });
  });

  describe('R27', () => {
    it('moves a provider to another organization only while it has no people', async () => {
      await t.records.sync([settings('acme', { organization: 'tenant' })]);
      expect(await row('acme')).toMatchObject({ organization: 'tenant' });
      await t.signIn();
      await expect(t.records.sync([settings('acme')])).rejects.toThrow(
        /provider "acme".*put the old organization back/,
      );
      expect(await row('acme')).toMatchObject({ organization: 'tenant' });
    });
  });

  describe('D20', () => {
    it('is synced by ten instances at once as if by one', async () => {
      const wanted = [settings('acme', { enabled: false }), settings('new', { organization: 'tenant' })];
      await Promise.all(Array.from({ length: 10 }, () => t.records.sync(wanted)));
      expect(await row('acme')).toMatchObject({ enabled: false, generation: 2 });
      expect(await row('new')).toMatchObject({ generation: 1, organization: 'tenant' });
    });

    it('starts two instances on one database', async () => {
      const database = await freshDatabase();
      const config = { providers: [aProvider('acme'), aProvider('other')] };
      const instances = await Promise.all([
        TestDirectory.on(database.url, config),
        TestDirectory.on(database.url, config),
      ]);
      const [first, second] = await Promise.all(instances.map((instance) => instance.signIn()));
      expect(second?.userId).toBe(first?.userId);
      for (const instance of instances) await instance.close();
      await database.drop();
    });
  });
});
