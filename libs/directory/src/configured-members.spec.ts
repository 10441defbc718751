import type { OrganizationConfig } from '@app/config';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { aProvider, TestDirectory } from './directory.spec-support.js';

type Role = 'owner' | 'admin' | 'member';
const organization = (name: string, members: Record<string, Role> = {}): OrganizationConfig => ({
  name,
  members: Object.entries(members).map(([user, role]) => {
    const [provider = '', subjectOrEmail = ''] = user.split('>');
    return { provider, subjectOrEmail, role };
  }),
});

describe('D62 people in organizations', () => {
  let fresh: Awaited<ReturnType<typeof freshDatabase>>;
  let running: TestDirectory[];
  beforeEach(async () => {
    fresh = await freshDatabase();
    running = [];
  });
  afterEach(async () => {
    for (const one of running) await one.close();
    await fresh.drop();
  });

  /** An instance that starts with these organizations in its file. */
  const start = async (...organizations: OrganizationConfig[]): Promise<TestDirectory> => {
    const one = await TestDirectory.on(fresh.url, { organizations });
    running.push(one);
    return one;
  };
  /** `organization: role` of everything that the person belongs to. */
  const places = async (t: TestDirectory, userId: string): Promise<string[]> => {
    const rows = await t.database.query<{ place: string }>(
      `SELECT o.name || ': ' || m.role AS place FROM organization_members m JOIN organizations o
         ON o.id = m.organization_id WHERE m.user_id = $1 ORDER BY 1`,
      [userId],
    );
    return rows.map(({ place }) => place);
  };

  it('a first sign-in joins the organization of its provider as member, and says so no second time', async () => {
    const t = await TestDirectory.on(fresh.url, { providers: [aProvider('acme', { organization: 'blue' })] });
    running.push(t);
    const { userId } = await t.signIn();
    expect(await places(t, userId)).toEqual(['blue: member']);
    await t.database.query(`DELETE FROM organization_members`);
    await t.signIn();
    expect(await places(t, userId)).toEqual([]);
  });

  it('stands or falls with the sign-in that it belongs to', async () => {
    const t = await start(organization('blue', { 'acme>ada-1': 'owner' }));
    const refused = t.revocations.transaction(async (manager, revoke) => {
      const claim = { provider: 'acme', issuer: 'i', subject: 'ada-1', email: undefined, emailVerified: false };
      await t.directory.signIn(manager, { ...claim, name: undefined, groups: [] }, t.now, revoke);
      throw new Error('undone');
    });
    await expect(refused).rejects.toThrow('undone');
    expect(await t.database.query(`SELECT 1 FROM organization_members`)).toEqual([]);
  });

  it('who has signed in before is there at the start; who has not, at the first sign-in', async () => {
    const before = await start();
    const ada = await before.signIn();
    const t = await start(
      organization('blue', { 'acme>ada@acme.example': 'owner', 'acme>bob-1': 'admin' }),
      organization('default', { 'acme>ada-1': 'admin' }),
    );
    expect(await places(t, ada.userId)).toEqual(['blue: owner', 'default: admin']);
    const bob = await t.signIn({ subject: 'bob-1', email: 'bob@acme.example' });
    expect(await places(t, bob.userId)).toEqual(['blue: admin', 'default: member']);
    const told = (await t.audited()).filter(({ kind }) => kind === 'member.changed');
    expect(told.map(({ subject, actor, details }) => [subject, actor, details])).toEqual(
      expect.arrayContaining([
        [ada.userId, 'configuration', { role: 'owner' }],
        [bob.userId, 'configuration', { role: 'admin' }],
      ]),
    );
  });

  it('starting again, or many at once, changes nothing', async () => {
    const file = [organization('blue', { 'acme>ada-1': 'owner' })];
    const first = await start(...file);
    const { userId } = await first.signIn();
    const rows = () => first.database.query(`SELECT * FROM organization_members ORDER BY 1, 2`);
    const known = await rows();
    const told = (await first.audited()).length;
    await Promise.all([start(...file), start(...file), start(...file)]);
    await first.signIn();
    expect(await rows()).toEqual(known);
    expect(await places(first, userId)).toEqual(['blue: owner', 'default: member']);
    expect((await first.audited()).length).toBe(told);
    expect(await first.database.query(`SELECT name FROM organizations WHERE name = 'blue'`)).toHaveLength(1);
  });

  it('a role that the file changes is changed at the next start', async () => {
    const first = await start(organization('blue', { 'acme>ada-1': 'owner' }));
    const { userId } = await first.signIn();
    const t = await start(organization('blue', { 'acme>ada-1': 'member' }));
    expect(await places(t, userId)).toEqual(['blue: member', 'default: member']);
  });

  it('what the file gave it takes: nothing is left elsewhere, a plain member at home', async () => {
    const first = await start(
      organization('blue', { 'acme>ada-1': 'owner' }),
      organization('default', { 'acme>ada-1': 'owner' }),
    );
    const { userId } = await first.signIn();
    expect(await places(first, userId)).toEqual(['blue: owner', 'default: owner']);
    const t = await start(organization('blue'));
    expect(await places(t, userId)).toEqual(['default: member']);
    const removed = (await t.audited()).filter(({ details }) => details['removed'] === true);
    expect(removed.map(({ subject }) => subject)).toEqual([userId]);
  });

  it('leaves alone whom the file never named', async () => {
    const first = await start(organization('blue'));
    const { userId } = await first.signIn();
    await first.database.query(`UPDATE organization_members SET role = 'owner'`);
    const t = await start(organization('blue', { 'acme>somebody': 'owner' }));
    expect(await places(t, userId)).toEqual(['default: owner']);
  });

  it('D17 an address counts only when the provider verified it, and only at the provider of the entry', async () => {
    const t = await start(organization('blue', { 'acme>ada@acme.example': 'owner' }));
    const unverified = await t.signIn({ subject: 'x-1', emailVerified: false });
    expect(await places(t, unverified.userId)).toEqual(['default: member']);
    const elsewhere = await t.signIn({ provider: 'other', subject: 'ada-1', email: 'eve@acme.example' });
    expect(await places(t, elsewhere.userId)).toEqual(['default: member']);
  });

  it('D17 an entry belongs to the first person that it matches: a later holder of the address gets nothing', async () => {
    const file = organization('blue', { 'acme>ada@acme.example': 'owner' });
    const first = await start(file);
    const ada = await first.signIn();
    await first.signIn({ email: 'ada.new@acme.example' });
    const later = await first.signIn({ subject: 'ada-2' });
    const t = await start(file);
    await t.signIn({ subject: 'ada-2' });
    expect(await places(t, ada.userId)).toEqual(['blue: owner', 'default: member']);
    expect(await places(t, later.userId)).toEqual(['default: member']);
  });

  it('D17 two who claim one address at the same moment: one of them has it, and both are signed in', async () => {
    const t = await start(organization('blue', { 'acme>ada@acme.example': 'owner' }));
    // Two issuers of one provider; the address is theirs at different users, as it would be after a race.
    await t.signIn({ subject: 'one', email: 'one@acme.example' });
    await t.signIn({ subject: 'two', email: 'two@acme.example' });
    await t.database.query(
      `UPDATE external_identities SET email = 'ada@acme.example', email_verified = true WHERE subject IN ('one', 'two')`,
    );
    await Promise.all([
      start(organization('blue', { 'acme>ada@acme.example': 'owner' })),
      t.signIn({ subject: 'one' }),
    ]);
    const owners = await t.database.query(`SELECT 1 FROM organization_members WHERE role = 'owner'`);
    expect(owners).toHaveLength(1);
  });

  it('of two entries that name one person the higher role counts', async () => {
    const t = await start(organization('blue', { 'acme>ada-1': 'member', 'acme>ada@acme.example': 'admin' }));
    const { userId } = await t.signIn();
    expect(await places(t, userId)).toEqual(['blue: admin', 'default: member']);
  });

  it('D30 a user who is deleted belongs nowhere, and the entry is free again', async () => {
    const t = await start(organization('blue', { 'acme>ada-1': 'owner' }));
    const gone = await t.signIn();
    await t.directory.deleteUser(gone.userId);
    const { userId } = await t.signIn();
    expect(userId).not.toBe(gone.userId);
    expect(await places(t, userId)).toEqual(['blue: owner', 'default: member']);
  });
});
