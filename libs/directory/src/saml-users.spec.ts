import { policyOf } from '@app/edge';
import { aSamlProvider } from '../../../test/harness/saml-provider.js';
import { aProvider, TestDirectory } from './directory.spec-support.js';
import { SamlUsersController } from './saml-users.controller.js';

interface Listed {
  readonly idp: string;
  readonly users: readonly { internal_uuid: string; email: string; name: string; last_login?: string }[];
  readonly total: number;
}

describe('D58: GET /saml/providers/{idp}/users', () => {
  let t: TestDirectory;
  beforeAll(async () => {
    t = await TestDirectory.open({
      providers: [aProvider('acme')],
      samlProviders: [aSamlProvider('corp'), aSamlProvider('partner'), aSamlProvider('closed', { enabled: false })],
      admins: [{ provider: 'acme', subjectOrEmail: 'root' }],
    });
    for (const name of ['zoe', 'Dana', 'erin'])
      await t.signIn({ provider: 'corp', subject: name, email: `${name}@corp.test`, name: `${name} of Corp` });
    t.later(60_000);
    t.principal = t.sessionOf(
      await t.signIn({ provider: 'corp', subject: 'nobody', email: undefined, name: undefined }),
      'corp',
    );
    await t.signIn({ provider: 'partner', subject: 'x', email: 'x@partner.test' });
    await t.signIn({ provider: 'acme', subject: 'y', email: 'y@acme.test' });
  });
  afterAll(() => t.close());

  async function list(path: string) {
    const answer = await t.app.inject({ method: 'GET', url: `/saml/providers/${path}` });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() as Listed, text: answer.body };
  }
  const emailsOf = ({ body }: { body: Listed }): string[] =>
    body.users.map(({ email }) => email.replace(/^.{36}@/, '{id}@'));

  it('answers the people of the caller’s own provider, by e-mail', async () => {
    const answer = await list('corp/users');
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body.idp).toBe('corp');
    expect(answer.body.total).toBe(4);
    expect(emailsOf(answer).toSorted()).toEqual([
      'Dana@corp.test',
      'erin@corp.test',
      'zoe@corp.test',
      '{id}@users.invalid',
    ]);
    expect(emailsOf(answer).filter((email) => email.endsWith('corp.test'))).toEqual([
      'Dana@corp.test',
      'erin@corp.test',
      'zoe@corp.test',
    ]);
    expect(answer.body.users.find(({ email }) => email === 'Dana@corp.test')).toEqual({
      internal_uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: 'Dana@corp.test',
      name: 'Dana of Corp',
      last_login: new Date(t.now.getTime() - 60_000).toISOString(),
    });
  });

  it('shows a person without name and address, and one who never signed in, without a null (D2)', async () => {
    await t.database.query(`UPDATE external_identities SET last_login_at = NULL WHERE subject = 'zoe'`);
    const { body, text } = await list('corp/users');
    expect(text).not.toContain('null');
    expect(body.users.find(({ email }) => email === 'zoe@corp.test')).not.toHaveProperty('last_login');
    const nameless = body.users.find(({ email }) => email.endsWith('@users.invalid'));
    expect(nameless?.name).toBe(nameless?.email);
  });

  it('takes a page, and counts all of them', async () => {
    const everybody = emailsOf(await list('corp/users'));
    for (const [query, from, to] of [
      ['limit=2', 0, 2],
      ['limit=2&offset=2', 2, 4],
      ['limit=500&offset=3', 3, 4],
      ['offset=9', 9, 9],
      ['limit=0', 0, 0],
    ] as const) {
      const answer = await list(`corp/users?${query}`);
      expect([emailsOf(answer), answer.body.total]).toEqual([everybody.slice(from, to), 4]);
    }
  });

  it('answers 100 people unless told otherwise', async () => {
    await t.database.query(
      `WITH made AS (
         INSERT INTO users (id, organization_id, email, email_key, email_verified)
         SELECT gen_random_uuid(), organization_id, n || '@many.test', n || '@many.test', false
         FROM providers, generate_series(1, 101) n WHERE providers.id = 'partner' RETURNING id, email)
       INSERT INTO external_identities (id, provider_id, issuer, subject, user_id, email_verified)
       SELECT gen_random_uuid(), 'partner', 'i', email, id, false FROM made`,
    );
    const before = t.principal;
    t.principal = t.sessionOf(
      await t.signIn({ provider: 'partner', subject: 'x', email: 'x@partner.test' }),
      'partner',
    );
    const { body } = await list('partner/users');
    t.principal = before;
    expect([body.users.length, body.total]).toEqual([100, 102]);
  });

  it.each([
    ['ERIN', ['erin@corp.test']],
    ['@corp.test', ['Dana@corp.test', 'erin@corp.test', 'zoe@corp.test']],
    ['dana', ['Dana@corp.test']],
    ['%25', []],
    ['_', []],
    ['x%40partner.test', []],
  ])('finds by a part of the address, as it is written: %s', async (email, found) => {
    const answer = await list(`corp/users?email=${email}`);
    expect(emailsOf(answer)).toEqual(found);
    expect(answer.body.total).toBe(found.length);
  });

  it.each(['limit=501', 'limit=-1', 'limit=ten', 'limit=1.5', 'offset=-1', 'limit=1&limit=2'])(
    'refuses %s, naming the parameter',
    async (query) => {
      expect(await list(`corp/users?${query}`)).toMatchObject({
        status: 400,
        body: { error: 'invalid_request', error_description: expect.stringMatching(/limit|offset/) },
      });
    },
  );

  it('leaves out who is disabled, and counts a person with two identities once', async () => {
    const gone = await t.signIn({ provider: 'corp', subject: 'gone', email: 'gone@corp.test' });
    await t.database.query(
      `INSERT INTO external_identities (id, provider_id, issuer, subject, user_id, email_verified, last_login_at)
       VALUES (gen_random_uuid(), 'corp', 'another-idp', 'gone', $1, false, now() + interval '1 day')`,
      [gone.userId],
    );
    const both = await list('corp/users?email=gone');
    expect([both.body.users.length, both.body.total]).toEqual([1, 1]);
    expect(Date.parse(both.body.users[0]?.last_login ?? '')).toBeGreaterThan(t.now.getTime());
    await t.directory.disableUser(gone.userId);
    expect((await list('corp/users?email=gone')).body).toMatchObject({ users: [], total: 0 });
  });

  it('refuses people of other providers, linked or not, and machines', async () => {
    const before = t.principal;
    const outsider = await t.signIn({ provider: 'acme', subject: 'y', email: 'y@acme.test' });
    t.principal = t.sessionOf(outsider, 'acme');
    await t.database.query(
      `INSERT INTO external_identities (id, provider_id, issuer, subject, user_id, email_verified)
       VALUES (gen_random_uuid(), 'corp', 'i', 'linked', $1, false)`,
      [outsider.userId],
    );
    expect(await list('corp/users')).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    t.principal = {
      kind: 'machine',
      tokenId: 'j',
      clientId: 'tmi_cc_x',
      organizationId: 'o',
      scopes: [],
      expiresAt: 2_000_000_000,
      ownerId: outsider.userId,
    };
    expect(await list('corp/users')).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    t.principal = before;
  });

  it('answers administrators, of a provider that is switched off too', async () => {
    const before = t.principal;
    t.principal = t.sessionOf(await t.signIn({ provider: 'acme', subject: 'root', email: 'root@acme.test' }), 'acme');
    expect((await list('corp/users?email=erin')).body.total).toBe(1);
    expect(await list('closed/users')).toMatchObject({ status: 200, body: { idp: 'closed', users: [], total: 0 } });
    t.principal = before;
  });

  it.each(['unknown', 'acme', 'corp%00', '__proto__'])('answers 404 for %s, which is no SAML provider', async (idp) => {
    expect(await list(`${idp}/users`)).toMatchObject({ status: 404, body: { error: 'not_found' } });
  });

  it('is for people', () => {
    expect(policyOf(SamlUsersController.prototype.list).access).toBe('user');
  });
});

describe('D55', () => {
  it('knows SAML providers by id like the others: their rows, their state, their domains for linking', async () => {
    const t = await TestDirectory.open({
      providers: [aProvider('acme', { linkByVerifiedEmailDomains: ['acme.example'] })],
      samlProviders: [
        aSamlProvider('corp', { linkByVerifiedEmailDomains: ['acme.example'] }),
        aSamlProvider('off', { enabled: false }),
      ],
    });
    try {
      const first = await t.signIn();
      const linked = await t.signIn({ provider: 'corp', issuer: 'https://corp.example', subject: 's' });
      expect(linked).toMatchObject({ userId: first.userId, isNew: false });
      await expect(t.signIn({ provider: 'off', subject: 's2' })).rejects.toMatchObject({ code: 'access_denied' });
    } finally {
      await t.close();
    }
  });
});
