import { TestDirectory } from './directory.spec-support.js';

describe('Directory', () => {
  let t: TestDirectory;
  beforeAll(async () => {
    t = await TestDirectory.open({ admins: [{ provider: 'acme', subjectOrEmail: 'admin' }] });
  });
  afterAll(() => t.close());

  async function givenCredential(ownerId: string, clientId: string): Promise<void> {
    await t.database.query(
      `INSERT INTO client_credentials (id, client_id, secret_hash, owner_id, organization_id, name, generation)
       SELECT gen_random_uuid(), $2, '\\x00', id, organization_id, 'ci', 4 FROM users WHERE id = $1`,
      [ownerId, clientId],
    );
  }

  describe('D20', () => {
    it('deletes a user with everything, voids the tokens of the user and of the credentials, and keeps the audit', async () => {
      const user = await t.signIn({ subject: 'leaver', email: 'leaver@acme.example', groups: ['staff'] });
      await givenCredential(user.userId, 'tmi_cc_leaver');
      const claims = [
        { subject: `user:${user.userId}`, generation: user.userGeneration },
        { subject: 'client:tmi_cc_leaver', generation: 4 },
      ];
      expect(await t.revocations.check(claims)).toEqual([]);
      await t.directory.deleteUser(user.userId, { by: user.userId, requestId: 'req-9' });
      expect(await t.revocations.check(claims)).toEqual(claims.map((claim) => claim.subject));
      expect(await t.directory.profile(user.userId, 'acme')).toBeUndefined();
      for (const table of ['users WHERE id', 'external_identities WHERE user_id', 'client_credentials WHERE owner_id'])
        expect(await t.database.query(`SELECT 1 FROM ${table} = $1`, [user.userId])).toEqual([]);
      const facts = (await t.audited()).filter((fact) => fact.subject === user.userId);
      expect(facts.map((fact) => fact.kind)).toEqual(['user.created', 'user.deleted']);
      expect(facts[1]).toMatchObject({ actor: user.userId, request_id: 'req-9' });
    });

    it('makes a stranger of a deleted person who signs in again', async () => {
      const before = await t.signIn({ subject: 'phoenix', email: 'phoenix@acme.example' });
      await t.directory.deleteUser(before.userId);
      const after = await t.signIn({ subject: 'phoenix', email: 'phoenix@acme.example' });
      expect(after).toMatchObject({ isNew: true });
      expect(after.userId).not.toBe(before.userId);
    });

    it('voids tokens when a user is disabled, and does not revive them when enabled', async () => {
      const user = await t.signIn({ subject: 'sabbatical', email: 'sabbatical@acme.example' });
      const claim = { subject: `user:${user.userId}`, generation: user.userGeneration };
      await t.directory.disableUser(user.userId, { by: 'system' });
      await t.directory.enableUser(user.userId);
      expect(await t.revocations.check([claim])).toEqual([claim.subject]);
      const kinds = (await t.audited()).filter((fact) => fact.subject === user.userId).map((fact) => fact.kind);
      expect(kinds).toEqual(['user.created', 'user.disabled', 'user.enabled']);
    });

    it('knows nobody by a foreign id', async () => {
      const nobody = '00000000-0000-4000-8000-00000000dead';
      await expect(t.directory.deleteUser(nobody)).rejects.toMatchObject({ code: 'not_found' });
      await expect(t.directory.disableUser(nobody)).rejects.toMatchObject({ code: 'not_found' });
      await expect(t.directory.enableUser(nobody)).rejects.toMatchObject({ code: 'not_found' });
    });
  });

  describe('R23', () => {
    it('takes an administrator’s rights with his access', async () => {
      const admin = await t.signIn({ subject: 'admin', email: 'admin@acme.example' });
      expect(await t.directory.isAdministrator(admin.userId, 'acme')).toBe(true);
      await t.directory.disableUser(admin.userId);
      expect(await t.directory.isAdministrator(admin.userId, 'acme')).toBe(false);
      expect(await t.directory.profile(admin.userId, 'acme')).toMatchObject({ disabled: true, isAdministrator: false });
    });
  });
});
