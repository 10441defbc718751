import { Controller, Get, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConfigModule, loadConfig, Secret } from '@app/config';
import { Database, DatabaseModule } from '@app/database';
import { Dialect, EdgeModule, registerEdge, TenantRoute, type Principal } from '@app/edge';
import { Revocations } from '@app/revocation';
import { Directory } from '@app/directory';
import { TransientStoreModule } from '@app/transient-store';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { OrganizationsModule } from './organizations.module.js';
import { CurrentTenant, RequireTenant } from './require-tenant.js';
import type { TenantCaller } from './tenant-caller.js';

Object.assign(TransientStoreModule.forRoot(), { global: true });

const said = (caller: TenantCaller) => ({ ...caller, accesses: [...caller.accesses].toSorted() });

/** What another room does with the guard. */
@Controller('things')
@RequireTenant('read_connections')
@Dialect('planetscale')
class ThingsController {
  @Get()
  list(@CurrentTenant() caller: TenantCaller) {
    return said(caller);
  }
  @Get('managed')
  @RequireTenant('manage_organization')
  managed(@CurrentTenant() caller: TenantCaller) {
    return said(caller);
  }
  @Get('of/:organization')
  of(@CurrentTenant() caller: TenantCaller) {
    return said(caller);
  }
}

/** A mistake: let through by the bearer guard, and no guard behind it. */
@Controller('mistake')
class MistakenController {
  @Get()
  @TenantRoute()
  get(@CurrentTenant() caller: TenantCaller) {
    return said(caller);
  }
}

@Module({ imports: [OrganizationsModule], controllers: [ThingsController, MistakenController] })
class ThingsModule {}

let app: NestFastifyApplication;
let drop: () => Promise<void>;
let principal: Principal | undefined;

beforeAll(async () => {
  const fresh = await freshDatabase();
  const base = loadConfig({}, () => '');
  const member = (subjectOrEmail: string, role: 'owner' | 'admin' | 'member') => ({
    provider: 'test',
    subjectOrEmail,
    role,
  });
  const config = {
    ...base,
    databaseUrl: new Secret(fresh.url),
    redisUrl: undefined,
    admins: [{ provider: 'test', subjectOrEmail: 'root' }],
    organizations: [
      { name: 'default', members: [member('ann', 'admin')] },
      { name: 'blue', members: [member('both', 'member'), member('blue-owner', 'owner')] },
      { name: 'green', members: [] },
    ],
  };
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.forConfig(config),
      DatabaseModule.forRoot(),
      TransientStoreModule.forRoot(),
      EdgeModule,
      ThingsModule,
    ],
  }).compile();
  const adapter = new FastifyAdapter();
  registerEdge(adapter.getInstance() as never, config);
  app = module.createNestApplication<NestFastifyApplication>(adapter, { bodyParser: false, logger: false });
  adapter.getInstance().addHook('preHandler', async (request: { principal?: Principal }) => {
    if (principal !== undefined) request.principal = principal;
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  drop = async () => {
    await app.close();
    await fresh.drop();
  };
});
afterAll(() => drop());
beforeEach(() => (principal = undefined));

const frame = { tokenId: 'jti', clientId: 'web', expiresAt: 2_000_000_000 };
const EMPTY = { issuer: 'urn:test', email: undefined, emailVerified: false, groups: [] };

async function personOf(subject: string): Promise<Principal & { readonly kind: 'user' }> {
  const claim = { ...EMPTY, provider: 'test', subject, name: subject };
  const user = await app
    .get(Revocations, { strict: false })
    .transaction((manager, revoke) =>
      app.get(Directory, { strict: false }).signIn(manager, claim, new Date(), revoke, {}),
    );
  const { userId, organizationId } = user;
  return {
    kind: 'user',
    party: 'first',
    ...frame,
    organizationId,
    scopes: [],
    userId,
    sessionId: 's',
    providerId: 'test',
  };
}

async function ask(path: string, as?: Principal, headers: Record<string, string> = {}) {
  principal = as;
  const { statusCode, json, headers: answered } = await app.inject({ method: 'GET', url: path, headers });
  return { status: statusCode, body: json<Record<string, unknown>>(), headers: answered };
}

async function idOf(name: string): Promise<string> {
  const [row] = await app.get(Database).query<{ id: string }>('SELECT id FROM organizations WHERE name = $1', [name]);
  return row?.id ?? '';
}

describe('R25 R32 the tenant guard', () => {
  it('refuses who brings nothing, in the dialect of the route, and says how to authenticate', async () => {
    const { status, body, headers } = await ask('/things');
    expect([status, body]).toEqual([401, { code: 'unauthorized', message: expect.stringContaining('Authentication') }]);
    expect(headers['www-authenticate']).toBe('Bearer realm="gatehouse"');
  });

  it('fails closed: a tenant’s route without the guard has no caller', async () => {
    expect((await ask('/mistake', await personOf('ann'))).status).toBe(401);
  });
});

describe('D28 which organization', () => {
  it('is the caller’s only one', async () => {
    const bea = await personOf('bea');
    const { status, body } = await ask('/things', bea);
    expect(status).toBe(200);
    expect(body).toEqual({
      organizationId: await idOf('default'),
      organizationName: 'default',
      accesses: ['read_connections', 'write_connections'],
      actor: `user:${bea.userId}`,
      userId: bea.userId,
      providerId: 'test',
      role: 'member',
    });
  });

  it('is chosen by X-Workspace-Id, by name or id, among the caller’s own', async () => {
    const both = await personOf('both');
    const blue = await idOf('blue');
    for (const chosen of ['blue', blue, blue.toUpperCase()])
      expect((await ask('/things', both, { 'x-workspace-id': chosen })).body['organizationName']).toBe('blue');
    expect((await ask('/things', both, { 'x-workspace-id': 'default' })).body['organizationName']).toBe('default');
  });

  it('is 422 where several are possible and none is named', async () => {
    const { status, body } = await ask('/things', await personOf('both'));
    expect([status, body]).toEqual([
      422,
      { code: 'unprocessable_entity', message: expect.stringContaining('X-Workspace-Id') },
    ]);
    expect((await ask('/things', await personOf('both'), { 'x-workspace-id': '' })).status).toBe(422);
  });

  it('R27 is 404 when it is another’s, the same as when it does not exist', async () => {
    const bea = await personOf('bea');
    const unknown = await ask('/things', bea, { 'x-workspace-id': 'nowhere' });
    for (const chosen of ['blue', await idOf('blue'), 'green', '11111111-1111-4111-8111-111111111111']) {
      const foreign = await ask('/things', bea, { 'x-workspace-id': chosen });
      expect([foreign.status, foreign.body]).toEqual([404, unknown.body]);
    }
    expect((await ask('/things/of/blue', bea)).status).toBe(404);
    expect((await ask('/things/of/a%00b', bea)).status).toBe(404);
  });

  it('is the one of the address where it has one, whatever the header says', async () => {
    const both = await personOf('both');
    const { body } = await ask('/things/of/default', both, { 'x-workspace-id': 'blue' });
    expect(body['organizationName']).toBe('default');
  });
});

describe('D30 what a caller may', () => {
  it('a member lacks what only owners and admins have: 403 names the access', async () => {
    const { status, body } = await ask('/things/managed', await personOf('bea'));
    expect([status, body]).toEqual([
      403,
      { code: 'forbidden', message: expect.stringContaining('manage_organization') },
    ]);
    expect((await ask('/things/managed', await personOf('ann'))).status).toBe(200);
  });

  it('the role counts that the person has now', async () => {
    const ivy = await personOf('ivy');
    const setRole = (role: string) =>
      app.get(Database).query('UPDATE organization_members SET role = $2 WHERE user_id = $1', [ivy.userId, role]);
    await setRole('admin');
    expect((await ask('/things/managed', ivy)).status).toBe(200);
    await setRole('member');
    expect((await ask('/things/managed', ivy)).status).toBe(403);
    await app.get(Database).query('DELETE FROM organization_members WHERE user_id = $1', [ivy.userId]);
    expect((await ask('/things', ivy)).status).toBe(404);
  });

  it('an administrator of the installation is owner of every organization that exists', async () => {
    const root = await personOf('root');
    for (const name of ['default', 'blue', 'green']) {
      const { status, body } = await ask('/things/managed', root, { 'x-workspace-id': name });
      expect([status, body['organizationName'], body['role']]).toEqual([200, name, 'owner']);
    }
    expect((await ask('/things', root, { 'x-workspace-id': 'nowhere' })).status).toBe(404);
    expect((await ask('/things/managed', { ...root, providerId: 'other' })).status).toBe(403);
  });
});

describe('D56 a machine', () => {
  const machine = async (scopes: string[], owner: string): Promise<Principal> => {
    const { userId, organizationId } = await personOf(owner);
    return { kind: 'machine', ...frame, clientId: 'tmi_cc_x', organizationId, scopes, ownerId: userId };
  };

  it('has what its vault scopes say, in its organization', async () => {
    const { body } = await ask('/things', await machine(['vault:read', 'introspect'], 'bea'));
    expect(body).toMatchObject({
      organizationName: 'default',
      accesses: ['read_connection_tokens', 'read_connections'],
      actor: 'client:tmi_cc_x',
    });
    expect(body['userId']).toBeUndefined();
  });

  it('R30 has nothing without them, also where its owner administers everything', async () => {
    expect((await ask('/things', await machine([], 'root'))).status).toBe(403);
    expect((await ask('/things', await machine(['vault:write', 'directory:read'], 'root'))).status).toBe(403);
    expect((await ask('/things/managed', await machine(['vault:read', 'vault:write'], 'root'))).status).toBe(403);
  });

  it('R27 has no other organization, also where its owner is a member', async () => {
    const one = await machine(['vault:read'], 'both');
    expect((await ask('/things', one, { 'x-workspace-id': 'blue' })).status).toBe(404);
    expect((await ask('/things', one, { 'x-workspace-id': 'default' })).status).toBe(200);
  });

  it('R23 has nothing once its owner is no member any more', async () => {
    const one = await machine(['vault:read'], 'leaver');
    expect((await ask('/things', one)).status).toBe(200);
    const { ownerId } = one as { ownerId: string };
    await app.get(Database).query('DELETE FROM organization_members WHERE user_id = $1', [ownerId]);
    expect((await ask('/things', one)).status).toBe(404);
  });
});
