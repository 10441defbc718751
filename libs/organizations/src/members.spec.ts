import { TestTenants, type Person } from './organizations.spec-support.js';

const MEMBERS = '/api/v1/organizations/default/members';

let tenants: TestTenants;
let boss: Person;
let root: Person;

beforeAll(async () => {
  tenants = await TestTenants.open();
  boss = await tenants.person('boss');
  root = await tenants.person('root');
});
afterAll(() => tenants.stop());

const roleOf = async (user: Person): Promise<unknown> => {
  const { body } = await tenants.get(MEMBERS, root.headers);
  return (body['members'] as { user_id: string; role: string }[]).find((one) => one.user_id === user.userId)?.role;
};
const put = (user: Person, role: unknown, by: Person) => tenants.put(`${MEMBERS}/${user.userId}`, { role }, by.headers);
const remove = (user: Person, by: Person) => tenants.delete(`${MEMBERS}/${user.userId}`, by.headers);

describe('D62 members of an organization', () => {
  it('everybody who signs in at its provider is one', async () => {
    const dora = await tenants.person('dora');
    expect(await roleOf(dora)).toBe('member');
    const mine = await tenants.get('/api/v1/organizations', dora.headers);
    expect(mine.body).toEqual({ organizations: [{ id: expect.any(String), name: 'default', role: 'member' }] });
  });

  it('my organizations are those that I belong to, by name', async () => {
    const both = await tenants.person('both');
    const { body, headers } = await tenants.get('/api/v1/organizations', both.headers);
    expect(headers['cache-control']).toBe('no-store');
    expect(body['organizations']).toMatchObject([
      { name: 'acme corp', role: 'admin' },
      { name: 'default', role: 'member' },
    ]);
    const page = await tenants.get('/api/v1/organizations?limit=1&offset=1', both.headers);
    expect(page.body['organizations']).toMatchObject([{ name: 'default' }]);
  });

  it('are listed by pages, with name, address and role', async () => {
    await tenants.person('dora');
    const all = await tenants.get(MEMBERS, boss.headers);
    const members = all.body['members'] as Record<string, unknown>[];
    expect(members.length).toBe(all.body['total']);
    expect(members).toContainEqual({
      user_id: boss.userId,
      email: 'boss@test.tmi',
      name: expect.any(String),
      role: 'owner',
      configured: true,
      created_at: expect.stringMatching(/Z$/),
    });
    const second = await tenants.get(`${MEMBERS}?limit=1&offset=1`, boss.headers);
    expect(second.body).toEqual({ members: [members[1]], total: all.body['total'] });
  });

  it('get another role at once, and the audit says who gave it', async () => {
    const eve = await tenants.person('eve');
    expect((await tenants.get(MEMBERS, eve.headers)).status).toBe(403);
    expect((await put(eve, 'admin', boss)).status).toBe(204);
    expect((await tenants.get(MEMBERS, eve.headers)).status).toBe(200);
    expect((await put(eve, 'member', boss)).status).toBe(204);
    expect((await tenants.get(MEMBERS, eve.headers)).status).toBe(403);
    const told = (await tenants.audited('member.changed')).filter(({ subject }) => subject === eve.userId);
    expect(told.map(({ actor, details }) => [actor, details])).toEqual([
      [`user:${boss.userId}`, { role: 'admin' }],
      [`user:${boss.userId}`, { role: 'member' }],
    ]);
  });

  it('are gone at once when removed, stay gone at the next sign-in, and may be taken back', async () => {
    const fay = await tenants.person('fay');
    await put(fay, 'admin', boss);
    expect((await remove(fay, boss)).status).toBe(204);
    expect((await tenants.get(MEMBERS, fay.headers)).status).toBe(404);
    const again = await tenants.person('fay');
    expect((await tenants.get(MEMBERS, again.headers)).status).toBe(404);
    expect((await tenants.get('/api/v1/organizations', again.headers)).body).toEqual({ organizations: [] });
    expect((await remove(fay, boss)).status).toBe(404);
    expect((await put(fay, 'member', boss)).status).toBe(204);
    expect(await roleOf(fay)).toBe('member');
  });

  it('D4 a role that is none is 422', async () => {
    const { status, body } = await put(boss, 'king', boss);
    expect([status, body]).toEqual([
      422,
      {
        detail: [{ loc: ['body', 'role'], msg: expect.stringContaining('member, admin, owner'), type: 'value_error' }],
      },
    ]);
  });
});

describe('R30 nobody rises, or raises anybody, above himself', () => {
  it('an admin makes no owner, and neither changes nor removes one', async () => {
    const gus = await tenants.person('gus');
    const hal = await tenants.person('hal');
    await put(gus, 'admin', boss);
    await put(hal, 'owner', boss);
    for (const refused of [await put(gus, 'owner', gus), await put(hal, 'member', gus), await remove(hal, gus)])
      expect(refused.status).toBe(403);
    expect((await put(gus, 'member', gus)).status).toBe(204);
    await put(hal, 'member', boss);
  });

  it('a key makes nobody more than it is', async () => {
    const ida = await tenants.person('ida');
    const all = (await import('./tenant-caller.js')).TENANT_ACCESSES;
    const strong = await tenants.serviceToken(boss, all);
    const weak = await tenants.serviceToken(boss, ['manage_organization', 'read_connections']);
    const by = (headers: Record<string, string>, role: string) =>
      tenants.put(`${MEMBERS}/${ida.userId}`, { role }, headers);
    expect((await by(strong.headers, 'owner')).status).toBe(403);
    expect((await by(strong.headers, 'admin')).status).toBe(204);
    expect((await by(weak.headers, 'admin')).status).toBe(403);
    expect((await by(weak.headers, 'member')).status).toBe(403);
    expect((await by(strong.headers, 'member')).status).toBe(204);
  });
});

describe('D62 the last owner', () => {
  /** An organization whose only owner is not the configuration's, so that the routes may change him. */
  const soleOwner = async (): Promise<Person> => {
    const joe = await tenants.person('joe');
    await tenants.database.query(
      `INSERT INTO organization_members (organization_id, user_id, role) SELECT organization_id, id, 'member' FROM users
       WHERE id = $1 ON CONFLICT DO NOTHING`,
      [joe.userId],
    );
    await tenants.database.query(
      `UPDATE organization_members m SET role = CASE WHEN user_id = $1 THEN 'owner' ELSE 'member' END
       FROM organizations o WHERE o.id = m.organization_id AND o.name = 'default'`,
      [joe.userId],
    );
    return joe;
  };
  afterEach(async () => {
    await tenants.database.query(`UPDATE organization_members SET role = 'owner' WHERE user_id = $1`, [boss.userId]);
    await tenants.database.query(`UPDATE users SET disabled_at = NULL`);
  });

  it('is neither removed nor made less, by anybody', async () => {
    const joe = await soleOwner();
    for (const by of [joe, root])
      for (const refused of [await remove(joe, by), await put(joe, 'admin', by)])
        expect([refused.status, refused.body]).toEqual([409, { detail: expect.stringContaining('last owner') }]);
    expect(await roleOf(joe)).toBe('owner');
  });

  it('is also who has only a disabled owner beside him', async () => {
    const joe = await soleOwner();
    const kai = await tenants.person('kai');
    await put(kai, 'owner', joe);
    await tenants.database.query(`UPDATE users SET disabled_at = now() WHERE id = $1`, [kai.userId]);
    expect((await remove(joe, root)).status).toBe(409);
    await tenants.database.query(`UPDATE users SET disabled_at = NULL WHERE id = $1`, [kai.userId]);
    expect((await remove(joe, root)).status).toBe(204);
    await put(kai, 'member', root);
  });

  it('stays, when two owners remove each other at once', async () => {
    for (let round = 0; round < 10; round++) {
      const joe = await soleOwner();
      const lea = await tenants.person('lea');
      await put(joe, 'owner', root);
      expect((await put(lea, 'owner', root)).status).toBe(204);
      const answers = await Promise.all([remove(joe, lea), remove(lea, joe)]);
      expect(answers.map(({ status }) => status)).toContain(204);
      const [{ owners } = { owners: 0 }] = await tenants.database.query<{ owners: number }>(
        `SELECT count(*)::int AS owners FROM organization_members m JOIN organizations o ON o.id = m.organization_id
         WHERE o.name = 'default' AND m.role = 'owner'`,
      );
      expect(owners).toBe(1);
      for (const one of [joe, lea]) await put(one, 'member', root);
    }
  });
});

describe('R27 people of other organizations', () => {
  it('cannot be fetched in, changed or removed, and are as unknown as nobody', async () => {
    const { userId } = await tenants.person('both');
    const elsewhere = '/api/v1/organizations/acme%20corp/members';
    const carol = await tenants.person('carol');
    const victim = await tenants.person('victim');
    const nobody = await tenants.put(
      `${elsewhere}/11111111-1111-4111-8111-111111111111`,
      { role: 'member' },
      carol.headers,
    );
    const fetched = await tenants.put(`${elsewhere}/${victim.userId}`, { role: 'member' }, carol.headers);
    expect([fetched.status, fetched.text]).toEqual([404, nobody.text]);
    expect((await tenants.delete(`${elsewhere}/${victim.userId}`, carol.headers)).status).toBe(404);
    expect((await tenants.delete(`${elsewhere}/not-an-id`, carol.headers)).status).toBe(404);
    expect((await tenants.get(elsewhere, victim.headers)).status).toBe(404);
    expect((await tenants.get(elsewhere, carol.headers)).text).not.toContain(victim.userId);
    expect((await tenants.get(elsewhere, carol.headers)).text).toContain(userId);
  });
});

describe('D62 whom the configuration put there', () => {
  it('is changed there and not here', async () => {
    for (const refused of [await put(boss, 'member', root), await remove(boss, root)])
      expect([refused.status, refused.body]).toEqual([409, { detail: expect.stringContaining('configuration') }]);
    expect(await roleOf(boss)).toBe('owner');
  });
});
