import { KeyCommand } from './key-command.js';
import { TestTenants } from './organizations.spec-support.js';
import { TenantKeys } from './tenant-keys.js';

describe('D62 service-token:create and api-key:create', () => {
  let tenants: TestTenants;
  let command: KeyCommand;
  beforeAll(async () => {
    tenants = await TestTenants.open();
    command = new KeyCommand(tenants.organizations, tenants.server.app.get(TenantKeys, { strict: false }));
  });
  afterAll(() => tenants.stop());

  const WANTED = ['--organization', 'acme corp', '--name', 'ci', '--access'];

  it('print the header that authenticates, for the organization and the accesses asked for', async () => {
    const printed = await command.create('service_token', [...WANTED, 'manage_organization, read_connections']);
    const [first = '', header = ''] = printed.split('\n');
    expect(first).toContain('of acme corp may: manage_organization, read_connections');
    const authorization = /^Authorization: (.+)$/.exec(header)?.[1] ?? '';
    const path = '/api/v1/organizations/acme%20corp/service-tokens';
    const { status, body } = await tenants.get(path, { authorization });
    expect(status).toBe(200);
    expect(body['service_tokens']).toMatchObject([{ created_by: 'command', name: 'ci' }]);
    expect((await tenants.get('/api/v1/organizations/default/members', { authorization })).status).toBe(404);
  });

  it('make API keys too, which may end by themselves', async () => {
    const args = [...WANTED, 'manage_organization', '--expires', '2999-01-31T12:00:00Z'];
    const printed = await command.create('api_key', args);
    const key = /^X-API-Key: (gth_ak_\S+)$/m.exec(printed)?.[1] ?? '';
    const { status, body } = await tenants.get('/api/v1/api-keys', { 'x-api-key': key });
    expect([status, body['api_keys']]).toMatchObject([200, [{ expires_at: '2999-01-31T12:00:00.000Z' }]]);
    expect(await tenants.audited('api_key.created')).toMatchObject([{ actor: 'command' }]);
  });

  it('say how they are used when asked', async () => {
    expect(await command.create('api_key', ['--help'])).toMatch(/^usage: gatehouse api-key:create --organization/);
  });

  it.each([
    [[], 'usage: gatehouse service-token:create'],
    [['--name', 'x', '--access', 'read_connections'], 'usage:'],
    [[...WANTED, 'fly'], 'there is no access "fly"'],
    [[...WANTED, 'read_connections', '--expires', 'soon'], '--expires must be a time'],
    [[...WANTED, 'read_connections', '--expires', '2001-01-01'], 'must be in the future'],
    [[...WANTED, 'read_connections', '--wrong'], 'usage:'],
    [['--organization', 'default', '--name', ' ', '--access', 'read_connections'], '--name must have'],
    [
      ['--organization', 'nowhere', '--name', 'x', '--access', 'read_connections'],
      'there is no organization "nowhere"',
    ],
  ])('refuse %j and make nothing', async (args, message) => {
    const count = () => tenants.database.query(`SELECT count(*)::int AS n FROM tenant_keys`);
    const before = await count();
    await expect(command.create('service_token', args)).rejects.toThrow(message);
    expect(await count()).toEqual(before);
  });
});
