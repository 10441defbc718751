import { policyOf } from '@app/edge';
import { aProvider, TestDirectory } from './directory.spec-support.js';
import { ProviderGroupsController } from './provider-groups.controller.js';
import { UsersMeController } from './users-me.controller.js';

describe('routes of the directory', () => {
  let t: TestDirectory;
  beforeAll(async () => {
    t = await TestDirectory.open({
      providers: [aProvider('acme'), aProvider('other'), aProvider('empty')],
      admins: [{ provider: 'acme', subjectOrEmail: 'admin' }],
    });
  });
  afterAll(() => t.close());

  async function call(method: 'GET' | 'DELETE', url: string) {
    const answer = await t.app.inject({ method, url, headers: { 'content-type': 'application/json' } });
    return { status: answer.statusCode, headers: answer.headers, body: answer.body === '' ? undefined : answer.json() };
  }
  const machine = {
    kind: 'machine',
    tokenId: 'j',
    clientId: 'tmi_cc_x',
    organizationId: 'o',
    scopes: [],
    expiresAt: 2_000_000_000,
    ownerId: 'owner',
  } as const;

  describe('D16', () => {
    it('answers UserWithAdminStatus with groups and idp', async () => {
      const user = await t.signIn({ subject: 'admin', email: 'admin@acme.example', groups: ['z', 'a'] });
      t.principal = t.sessionOf(user);
      const { status, headers, body } = await call('GET', '/users/me');
      expect(status).toBe(200);
      expect(headers['cache-control']).toBe('no-store');
      expect(body).toEqual({
        principal_type: 'user',
        provider: 'acme',
        provider_id: 'admin',
        display_name: 'Ada Lovelace',
        email: 'admin@acme.example',
        is_admin: true,
        groups: ['a', 'z'],
        idp: 'acme',
      });
    });

    it('shows the e-mail of a person without a name, never null', async () => {
      const user = await t.signIn({ subject: 'nameless', email: undefined, name: undefined });
      t.principal = t.sessionOf(user);
      const { body } = await call('GET', '/users/me');
      expect(body.display_name).toBe(`${user.userId}@users.invalid`);
      expect(JSON.stringify(body)).not.toContain('null');
    });

    it('answers 401 when the person is gone', async () => {
      const user = await t.signIn({ subject: 'gone', email: undefined });
      t.principal = t.sessionOf(user);
      await t.directory.deleteUser(user.userId);
      expect(await call('GET', '/users/me')).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
    });
  });

  describe('D56', () => {
    it('refuses machines, even behind a guard that let them in', async () => {
      t.principal = machine;
      expect(await call('GET', '/users/me')).toMatchObject({ status: 403, body: { error: 'forbidden' } });
      expect(await call('DELETE', '/users/me')).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    });
  });

  describe('DELETE /users/me', () => {
    async function challenged(subject: string) {
      const user = await t.signIn({ subject, email: undefined });
      t.principal = t.sessionOf(user);
      const { status, body } = await call('DELETE', '/users/me');
      expect(status).toBe(200);
      return { user, body: body as { challenge_text: string; expires_at: string } };
    }

    it('deletes in two steps', async () => {
      const { user, body } = await challenged('quitter');
      expect(body.expires_at).toBe(new Date(t.now.getTime() + 180_000).toISOString());
      const done = await call('DELETE', `/users/me?challenge=${encodeURIComponent(body.challenge_text)}`);
      expect(done).toMatchObject({ status: 204, body: undefined });
      expect(await t.directory.profile(user.userId, 'acme')).toBeUndefined();
    });

    it('takes a challenge once, and a wrong answer uses it up', async () => {
      const { user, body } = await challenged('hesitant');
      const wrong = await call('DELETE', '/users/me?challenge=delete-me');
      expect(wrong).toMatchObject({ status: 400, body: { error: 'invalid_challenge' } });
      const late = await call('DELETE', `/users/me?challenge=${body.challenge_text}`);
      expect(late).toMatchObject({ status: 400, body: { error: 'invalid_challenge' } });
      expect(await t.directory.profile(user.userId, 'acme')).toBeDefined();
    });

    it('does not take one that is older than three minutes, another’s, or the one before', async () => {
      const { body } = await challenged('slow');
      t.later(180_001);
      expect(await call('DELETE', `/users/me?challenge=${body.challenge_text}`)).toMatchObject({ status: 400 });
      const first = await challenged('first');
      const second = await challenged('second');
      expect(await call('DELETE', `/users/me?challenge=${first.body.challenge_text}`)).toMatchObject({ status: 400 });
      const again = await challenged('second');
      expect(await call('DELETE', `/users/me?challenge=${second.body.challenge_text}`)).toMatchObject({ status: 400 });
      expect(again.body.challenge_text).not.toBe(second.body.challenge_text);
    });
  });

  describe('D18', () => {
    it('answers every group ever seen, sorted, with what names it here', async () => {
      await t.signIn({ provider: 'other', subject: 'x', email: undefined, groups: ['ops', 'Staff', 'old'] });
      await t.signIn({ provider: 'other', subject: 'x', email: undefined, groups: ['ops'] });
      await t.database.query(`UPDATE groups SET display_name = 'Operations' WHERE name = 'ops'`);
      await t.database.query(
        `INSERT INTO group_references VALUES ('other', 'ops', 'role:admin'), ('acme', 'old', 'r')`,
      );
      expect(await call('GET', '/oauth2/providers/other/groups')).toMatchObject({
        status: 200,
        body: {
          idp: 'other',
          groups: [
            { name: 'Staff', used_in_authorizations: false },
            { name: 'old', used_in_authorizations: false },
            { name: 'ops', display_name: 'Operations', used_in_authorizations: true },
          ],
        },
      });
      expect((await call('GET', '/oauth2/providers/empty/groups')).body).toEqual({ idp: 'empty', groups: [] });
    });

    it.each(['unknown', '0acme', 'acme%00', 'a'.repeat(100)])('answers 404 for %s', async (idp) => {
      expect(await call('GET', `/oauth2/providers/${idp}/groups`)).toMatchObject({
        status: 404,
        body: { error: 'not_found' },
      });
    });

    it('is for administrators alone, and /users/me for people', () => {
      expect(policyOf(ProviderGroupsController.prototype.list).access).toBe('administrator');
      expect(policyOf(UsersMeController.prototype.get).access).toBe('user');
      expect(policyOf(UsersMeController.prototype.delete).access).toBe('user');
    });
  });
});
