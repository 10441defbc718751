import { TestTenants, type Person } from './organizations.spec-support.js';
import type { PastCaller, TenantAccess } from './tenant-caller.js';
import { TenantCallers } from './tenant-callers.js';

let tenants: TestTenants;
let boss: Person;
let organizationId: string;

beforeAll(async () => {
  tenants = await TestTenants.open();
  boss = await tenants.person('boss');
  organizationId = (await tenants.organizations.get('default')).id;
});
afterAll(() => tenants.stop());

const stillMay = (past: PastCaller, access: TenantAccess = 'write_connections') =>
  tenants.server.app.get(TenantCallers, { strict: false }).stillMay(past, access);
const past = (actor: string, userId?: string): PastCaller => ({
  organizationId,
  actor,
  userId,
  providerId: userId === undefined ? undefined : 'test',
});
const sql = (text: string, values: unknown[]) => tenants.database.query(text, values);

describe('R11 R23 stillMay', () => {
  it('a person may what the role allows now, while enabled and a member', async () => {
    const { userId } = await tenants.person('ivy');
    const ivy = past(`user:${userId}`, userId);
    expect(await stillMay(ivy)).toMatchObject({ role: 'member', userId, actor: `user:${userId}` });
    expect(await stillMay(ivy, 'manage_organization')).toBeUndefined();
    await tenants.directory.disableUser(userId);
    expect(await stillMay(ivy)).toBeUndefined();
    await tenants.directory.enableUser(userId);
    expect(await stillMay(ivy)).toBeDefined();
    await sql('DELETE FROM organization_members WHERE user_id = $1', [userId]);
    expect(await stillMay(ivy)).toBeUndefined();
  });

  it('an administrator may without membership, by the provider of that session alone', async () => {
    const { userId } = await tenants.person('root');
    const acme = await tenants.organizations.get('acme corp');
    const root = { ...past(`user:${userId}`, userId), organizationId: acme.id };
    expect(await stillMay(root)).toMatchObject({ role: 'owner', organizationId: acme.id });
    expect(await stillMay({ ...root, providerId: 'other' })).toBeUndefined();
    await tenants.directory.disableUser(userId);
    expect(await stillMay(root)).toBeUndefined();
  });

  it.each(['api_key', 'service_token'] as const)(
    'an %s may while it is good, in its own organization',
    async (kind) => {
      const make = kind === 'api_key' ? tenants.apiKey.bind(tenants) : tenants.serviceToken.bind(tenants);
      const { id } = await make(boss, ['write_connections']);
      const key = past(`${kind}:${id}`);
      expect(await stillMay(key)).toMatchObject({ organizationId, actor: `${kind}:${id}` });
      expect(await stillMay(key, 'read_connections')).toBeUndefined();
      const other = (await tenants.organizations.get('acme corp')).id;
      expect(await stillMay({ ...key, organizationId: other })).toBeUndefined();
      await sql(`UPDATE tenant_keys SET expires_at = now() - interval '1 s' WHERE id = $1`, [id]);
      expect(await stillMay(key)).toBeUndefined();
      await sql(`UPDATE tenant_keys SET expires_at = NULL, revoked_at = now() WHERE id = $1`, [id]);
      expect(await stillMay(key)).toBeUndefined();
    },
  );

  it('a machine may while its credential and its owner are good', async () => {
    const { userId } = await tenants.person('mia');
    await sql(
      `INSERT INTO client_credentials (id, client_id, secret_hash, owner_id, organization_id, name, scopes)
       VALUES (gen_random_uuid(), 'tmi_cc_mia', '\\x00', $1, $2, 'ci', '{vault:write}')`,
      [userId, organizationId],
    );
    const machine = past('client:tmi_cc_mia');
    const set = (assignment: string) =>
      sql(`UPDATE client_credentials SET ${assignment} WHERE owner_id = $1`, [userId]);
    expect(await stillMay(machine)).toMatchObject({ actor: 'client:tmi_cc_mia' });
    expect(await stillMay(machine, 'read_connections')).toBeUndefined();
    await set(`expires_at = now() - interval '1 s'`);
    expect(await stillMay(machine)).toBeUndefined();
    await set('expires_at = NULL, deleted_at = now()');
    expect(await stillMay(machine)).toBeUndefined();
    await set('deleted_at = NULL');
    expect(await stillMay(machine)).toBeDefined();
    await tenants.directory.disableUser(userId);
    expect(await stillMay(machine)).toBeUndefined();
  });

  it('nobody may who is of no kind', async () => {
    for (const actor of ['operator', 'user:x', 'api_key:', 'api_key:key_unknown', 'client:unknown'])
      expect(await stillMay(past(actor))).toBeUndefined();
  });
});
