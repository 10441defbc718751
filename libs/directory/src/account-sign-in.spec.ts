import { aClaim, aProvider, TestDirectory } from './directory.spec-support.js';

describe('sign-in', () => {
  let t: TestDirectory;
  let index = 0;
  /** Another person for each test, in one database. */
  let who: string;
  const person = () => ({ subject: who, email: `${who}@acme.example` });

  beforeAll(async () => {
    t = await TestDirectory.open({
      providers: [
        aProvider('acme', { linkByVerifiedEmailDomains: ['acme.example'] }),
        aProvider('other'),
        aProvider('linking', { linkByVerifiedEmailDomains: ['acme.example'] }),
        aProvider('tenant', { organization: 'tenant', linkByVerifiedEmailDomains: ['acme.example'] }),
        aProvider('closed', { enabled: false }),
      ],
      admins: [
        { provider: 'acme', subjectOrEmail: 'Root@acme.example' },
        { provider: 'acme', subjectOrEmail: 'root-subject' },
        { provider: 'acme', subjectOrEmail: 'sleeper@acme.example' },
      ],
    });
  });
  afterAll(() => t.close());
  beforeEach(() => {
    who = `person-${(index += 1)}`;
  });

  async function facts(kind: string) {
    return (await t.audited()).filter((fact) => fact.kind === kind);
  }
  async function profileGeneration(userId: string): Promise<number> {
    const [row] = await t.database.query<{ profile_generation: number }>(
      'SELECT profile_generation FROM users WHERE id = $1',
      [userId],
    );
    return row!.profile_generation;
  }

  describe('D17', () => {
    it('makes a user at the first sign-in and knows it at the second', async () => {
      const first = await t.signIn({ ...person(), groups: ['b', 'a', 'b'] });
      expect(first).toMatchObject({
        isNew: true,
        email: `${who}@acme.example`,
        name: 'Ada Lovelace',
        userGeneration: 1,
      });
      const second = await t.signIn({ ...person(), groups: ['a', 'b'] });
      expect(second).toEqual({ ...first, isNew: false, profileChanged: false });
      expect(await t.directory.profile(first.userId, 'acme')).toMatchObject({
        groups: ['a', 'b'],
        providers: [{ provider: 'acme', is_primary: true }],
        providerSubject: who,
        isAdministrator: false,
        disabled: false,
      });
      expect(await facts('user.created')).toContainEqual(
        expect.objectContaining({ subject: first.userId, request_id: 'req-1' }),
      );
    });

    it('keys people by provider, issuer and subject: another issuer is another person', async () => {
      const first = await t.signIn({ ...person(), email: undefined });
      const second = await t.signIn({ ...person(), email: undefined, issuer: 'https://elsewhere.example' });
      expect(second.userId).not.toBe(first.userId);
    });

    it('links a verified e-mail in a domain that the provider may link, and audits it', async () => {
      const first = await t.signIn(person());
      t.later(1000);
      const linked = await t.signIn({ ...person(), provider: 'linking', subject: `${who}-linking` });
      expect(linked).toMatchObject({ userId: first.userId, isNew: false, profileChanged: true });
      expect(linked.identityId).not.toBe(first.identityId);
      expect((await t.directory.profile(first.userId, 'linking'))?.providers).toEqual([
        { provider: 'acme', is_primary: true },
        { provider: 'linking', is_primary: false },
      ]);
      expect(await facts('identity.linked')).toContainEqual(expect.objectContaining({ subject: first.userId }));
    });

    it('R17 does not link to somebody whom a provider without that right brought in', async () => {
      await t.signIn({ ...person(), provider: 'other' });
      await expect(t.signIn({ ...person(), provider: 'linking' })).rejects.toMatchObject({ code: 'account_conflict' });
      expect(await facts('account.conflict')).toContainEqual(
        expect.objectContaining({ details: { provider: 'linking', reason: 'linking_not_allowed_for_holder' } }),
      );
    });

    it('never links to an administrator, pinned or about to be', async () => {
      await t.signIn({ subject: 'root-1', email: 'root@acme.example' });
      await expect(
        t.signIn({ provider: 'linking', subject: 'thief', email: 'root@acme.example' }),
      ).rejects.toMatchObject({ code: 'account_conflict' });
      // His row is older than the entry: written as if he had signed in before `admins` named him.
      const sleeper = await t.signIn({ subject: 'sleeper', email: 'sleeper@acme.example' });
      await t.database.query('DELETE FROM administrator_pins WHERE identity_id = $1', [sleeper.identityId]);
      await expect(
        t.signIn({ provider: 'linking', subject: 'thief', email: 'sleeper@acme.example' }),
      ).rejects.toMatchObject({ code: 'account_conflict' });
    });

    it('takes the same e-mail in another organization for another person (R27)', async () => {
      const first = await t.signIn(person());
      const tenant = await t.signIn({ ...person(), provider: 'tenant' });
      expect(tenant.userId).not.toBe(first.userId);
      expect(tenant.organizationId).not.toBe(first.organizationId);
    });

    it('follows a changed e-mail, and leaves another person’s alone', async () => {
      const first = await t.signIn(person());
      const moved = await t.signIn({ ...person(), email: `${who}-new@acme.example` });
      expect(moved).toMatchObject({ userId: first.userId, email: `${who}-new@acme.example`, profileChanged: true });
      await t.signIn({ subject: `${who}-b`, email: `${who}-b@acme.example` });
      const kept = await t.signIn({ ...person(), email: `${who}-B@acme.example` });
      expect(kept).toMatchObject({ userId: first.userId, email: `${who}-new@acme.example` });
    });

    it('revokes cached profiles when, and only when, the profile changed', async () => {
      const { userId } = await t.signIn(person());
      const before = await profileGeneration(userId);
      const claim = { subject: `profile:${userId}`, generation: before };
      await t.signIn(person());
      expect(await t.revocations.check([claim])).toEqual([]);
      await t.signIn({ ...person(), groups: ['new'] });
      expect(await profileGeneration(userId)).toBe(before + 1);
      expect(await t.revocations.check([claim])).toEqual([claim.subject]);
      expect(await t.revocations.check([{ ...claim, generation: before + 1 }])).toEqual([]);
    });
  });

  describe('R16', () => {
    it('refuses an e-mail that another account has, keeps both as they are, and audits it', async () => {
      const first = await t.signIn(person());
      const taken = t.signIn({ ...person(), provider: 'other', subject: 'thief' });
      await expect(taken).rejects.toMatchObject({ code: 'account_conflict', status: 409 });
      await expect(t.signIn({ ...person(), subject: 'second' })).rejects.toMatchObject({ code: 'account_conflict' });
      expect((await t.directory.profile(first.userId, 'acme'))?.providers).toHaveLength(1);
      expect(await facts('account.conflict')).toContainEqual(
        expect.objectContaining({
          subject: first.userId,
          details: { provider: 'other', reason: 'linking_not_allowed' },
        }),
      );
    });

    it('sees through case and compatibility forms', async () => {
      await t.signIn(person());
      const disguised = `${who}@acme.example`.toUpperCase().replace('P', 'Ｐ');
      await expect(t.signIn({ provider: 'other', subject: 'x', email: disguised })).rejects.toMatchObject({
        code: 'account_conflict',
      });
    });
  });

  describe('R28', () => {
    it.each([
      ['an empty subject', { subject: '' }],
      ['a subject that is too long', { subject: 'x'.repeat(2049) }],
      ['a subject with U+0000', { subject: 'a\u0000b' }],
      ['a lone surrogate', { subject: 'a\ud800' }],
      ['an issuer that is too long', { issuer: `https://${'x'.repeat(2049)}` }],
      ['a group name that is too long', { groups: ['x'.repeat(257)] }],
    ])('refuses %s instead of cutting it', async (_what, part) => {
      await expect(t.signIn({ ...person(), ...part })).rejects.toMatchObject({ code: 'access_denied' });
    });
  });

  describe('R11', () => {
    it('lets nobody in through a provider that is off or unknown', async () => {
      await expect(t.signIn({ ...person(), provider: 'closed' })).rejects.toMatchObject({ code: 'access_denied' });
      await expect(t.signIn({ ...person(), provider: 'never-heard' })).rejects.toMatchObject({ code: 'access_denied' });
      expect((await facts('sign_in.refused')).map((fact) => fact.details.reason)).toEqual(
        expect.arrayContaining(['provider_disabled', 'unknown_provider']),
      );
    });

    it('does not let a disabled user in, and does when enabled again', async () => {
      const { userId, userGeneration } = await t.signIn(person());
      await t.directory.disableUser(userId);
      await expect(t.signIn(person())).rejects.toMatchObject({ code: 'access_denied', status: 403 });
      await t.directory.enableUser(userId);
      expect(await t.signIn(person())).toMatchObject({ userId, userGeneration: userGeneration + 1 });
    });
  });

  describe('D54', () => {
    it.each([
      ['no e-mail', undefined],
      ['something that is no e-mail', 'ada＠evil.example@acme.example'],
      ['a placeholder of ours', 'x@users.invalid'],
    ])('gives {user id}@users.invalid for %s, unverified', async (_what, email) => {
      const user = await t.signIn({ ...person(), email, emailVerified: true });
      expect(user.email).toBe(`${user.userId}@users.invalid`);
      expect(await t.directory.profile(user.userId, 'acme')).toMatchObject({ emailVerified: false });
    });
  });

  describe('D43', () => {
    it('pins an administrator to the first identity that matches, by subject or verified e-mail', async () => {
      const root = await t.signIn({ subject: 'root-1', email: 'root@acme.example' });
      expect(await t.directory.isAdministrator(root.userId, 'acme')).toBe(true);
      const bySubject = await t.signIn({ subject: 'root-subject', email: undefined });
      expect(await t.directory.isAdministrator(bySubject.userId, 'acme')).toBe(true);
      // The mailbox moves on to somebody else: the pin does not.
      await t.signIn({ subject: 'root-1', email: 'retired@acme.example' });
      const successor = await t.signIn({ subject: 'root-2', email: 'root@acme.example' });
      expect(await t.directory.isAdministrator(successor.userId, 'acme')).toBe(false);
      expect(await t.directory.isAdministrator(root.userId, 'acme')).toBe(true);
      const pins = await facts('administrator.pinned');
      expect(pins.filter((fact) => fact.subject === root.userId)).toHaveLength(1);
    });

    it('never matches another provider or an unverified e-mail', async () => {
      await t.database.query(`DELETE FROM administrator_pins`);
      await t.database.query(`DELETE FROM users WHERE email_key = 'root@acme.example'`);
      const other = await t.signIn({ provider: 'other', subject: 'root-subject', email: undefined });
      expect(await t.directory.isAdministrator(other.userId, 'other')).toBe(false);
      const unverified = await t.signIn({ subject: 'r', email: 'root@acme.example', emailVerified: false });
      expect(await t.directory.isAdministrator(unverified.userId, 'acme')).toBe(false);
    });

    it('makes nobody an administrator through a second, linked identity', async () => {
      const user = await t.signIn(person());
      await t.signIn({ ...person(), provider: 'linking', subject: `${who}-l` });
      await t.database.query(
        `INSERT INTO administrator_pins (entry, identity_id) VALUES ('acme:root-subject', $1)
         ON CONFLICT (entry) DO UPDATE SET identity_id = excluded.identity_id`,
        [user.identityId],
      );
      expect(await t.directory.isAdministrator(user.userId, 'acme')).toBe(true);
      expect(await t.directory.isAdministrator(user.userId, 'linking')).toBe(false);
      expect((await t.directory.profile(user.userId, 'linking'))?.isAdministrator).toBe(false);
    });

    it('grants nothing by a pin whose entry is gone from the configuration', async () => {
      const user = await t.signIn(person());
      await t.database.query(`INSERT INTO administrator_pins (entry, identity_id) VALUES ('acme:former', $1)`, [
        user.identityId,
      ]);
      expect(await t.directory.isAdministrator(user.userId, 'acme')).toBe(false);
    });
  });

  describe('concurrency', () => {
    it('makes one user of fifty first sign-ins of one identity', async () => {
      const users = await Promise.all(
        Array.from({ length: 50 }, () => t.signIn({ ...person(), groups: ['g1', 'g2'] })),
      );
      expect(new Set(users.map((user) => user.userId)).size).toBe(1);
      expect(users.filter((user) => user.isNew)).toHaveLength(1);
    });

    it('gives one e-mail to one of twenty identities that claim it at once', async () => {
      const claims = Array.from({ length: 20 }, (_, i) => t.signIn({ ...person(), subject: `${who}-${i}` }));
      const outcomes = await Promise.allSettled(claims);
      expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'account_conflict' });
    });

    it('lets two people swap or want the same address without a fault', async () => {
      const a = { subject: `${who}-a`, email: `${who}-a@acme.example` };
      const b = { subject: `${who}-b`, email: `${who}-b@acme.example` };
      await t.signIn(a);
      await t.signIn(b);
      const wanted = `${who}-c@acme.example`;
      const both = await Promise.all(
        Array.from({ length: 10 }, (_, i) => t.signIn({ ...(i % 2 === 0 ? a : b), email: i < 6 ? wanted : a.email })),
      );
      expect(both).toHaveLength(10);
      const holders = await t.database.query(`SELECT id FROM users WHERE email_key = $1`, [wanted]);
      expect(holders.length).toBeLessThanOrEqual(1);
    });

    it('survives logins that bring the same new groups in opposite order', async () => {
      const groups = Array.from({ length: 200 }, (_, i) => `${who}-group-${i}`);
      await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          t.signIn({
            subject: `${who}-${i}`,
            email: undefined,
            groups: i % 2 === 0 ? groups : groups.toReversed(),
          }),
        ),
      );
      const rows = await t.database.query(`SELECT 1 FROM groups WHERE name LIKE $1`, [`${who}-group-%`]);
      expect(rows).toHaveLength(200);
    });
  });

  it('writes a login with a thousand groups in as many statements as one with one (D18)', async () => {
    const statements = async (groups: readonly string[], subject: string) => {
      let count = 0;
      await t.revocations.transaction(async (manager, revoke) => {
        const query = manager.query.bind(manager);
        manager.query = ((sql: string, parameters?: unknown[]) => {
          count += 1;
          return query(sql, parameters);
        }) as typeof manager.query;
        await t.directory.signIn(manager, aClaim({ subject, email: undefined, groups }), t.now, revoke);
      });
      return count;
    };
    const many = Array.from({ length: 1000 }, (_, i) => `many-${i}`);
    expect(await statements(many, `${who}-many`)).toBe(await statements(['one'], `${who}-one`));
  });
});
