import { listRoutes, type ListedRoute } from '@app/edge';
import { mintOpaqueToken } from '@app/oauth2';
import { send } from '../../../test/protocol/http.js';
import { entry, TestTenants, type Person } from './organizations.spec-support.js';

let tenants: TestTenants;
let boss: Person;
let stranger: Person;
let routes: readonly ListedRoute[];

beforeAll(async () => {
  const machines = { name: 'machines', members: [{ ...entry('mia'), role: 'owner' as const }] };
  tenants = await TestTenants.open({
    organizations: [{ name: 'default', members: [{ ...entry('boss'), role: 'owner' }] }, machines],
  });
  boss = await tenants.person('boss');
  stranger = await tenants.person('stranger');
  routes = listRoutes(tenants.server.app).filter(({ access }) => access === 'tenant');
});
afterAll(() => tenants.stop());

/** Every tenant's route of the whole server, those of rooms to come too. */
async function call(route: ListedRoute, organization: string, headers: Record<string, string>) {
  const path = route.path
    .replace(':organization', organization)
    .replaceAll(/:\w+/g, '11111111-1111-4111-8111-111111111111');
  const { status, headers: answered } = await send(route.method, tenants.url(path), { headers });
  return { route: `${route.method} ${route.path}`, status, challenge: answered['www-authenticate'] };
}

describe('R25 R32 routes of tenants', () => {
  it('there are some', () => {
    expect(routes.map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining(['POST /api/v1/api-keys', 'PUT /api/v1/organizations/:organization/members/:user_id']),
    );
  });

  it.each([
    ['nothing', {}],
    ['an API key of nobody’s', { 'x-api-key': mintOpaqueToken('ak') }],
    ['an API key of nobody’s as a bearer', { authorization: `Bearer ${mintOpaqueToken('ak')}` }],
    ['something like an API key', { authorization: 'Bearer gth_ak_x' }],
    ['a service token of nobody’s', { authorization: `st_${'A'.repeat(22)}:${mintOpaqueToken('st')}` }],
    ['an access token that is none', { authorization: 'Bearer aaa.bbb.ccc' }],
    ['client credentials', { authorization: 'Basic YTpi' }],
  ])('all refuse %s with 401 and a challenge', async (_what, headers) => {
    for (const route of routes) {
      const answer = await call(route, 'default', headers as Record<string, string>);
      expect(answer).toEqual({ route: answer.route, status: 401, challenge: expect.stringMatching(/^Bearer realm/) });
    }
  });

  it('R27 all are 404 to a person of another organization, known or unknown alike', async () => {
    const crossing = async (organization: string) => {
      const headers: Record<string, string> = { ...stranger.headers };
      headers['x-workspace-id'] = organization;
      const answers = [];
      for (const route of routes) answers.push(await call(route, organization, headers));
      return answers;
    };
    const foreign = await crossing('machines');
    for (const { route, status } of foreign) expect([route, status]).toEqual([route, 404]);
    expect(await crossing('nowhere')).toEqual(foreign);
  });

  it('R27 all are 404 to a key of another organization', async () => {
    const all = ['read_connections', 'write_connections', 'read_connection_tokens', 'manage_organization'] as const;
    const { headers } = await tenants.serviceToken(boss, all);
    const chosen: Record<string, string> = { ...headers };
    chosen['x-workspace-id'] = 'machines';
    for (const route of routes) {
      const answer = await call(route, 'machines', chosen);
      expect([answer.route, answer.status]).toEqual([answer.route, 404]);
    }
  });
});

describe('D30 D56 a machine over the real token endpoint', () => {
  it('has what an administrator granted, until the credential is deleted', async () => {
    const root = await tenants.person('root');
    const { body: made } = await tenants.post(
      '/client-credentials',
      { name: 'm', scopes: ['vault:read'] },
      root.headers,
    );
    const { body: plain } = await tenants.post('/client-credentials', { name: 'p' }, root.headers);
    const bearerOf = async (credential: Record<string, unknown>) => {
      const { client_id, client_secret } = credential;
      const { body } = await tenants.post('/oauth2/token', {
        grant_type: 'client_credentials',
        client_id,
        client_secret,
      });
      return { authorization: `Bearer ${String(body['access_token'])}` };
    };
    const granted = await bearerOf(made);
    const refused = await tenants.get('/api/v1/api-keys', granted);
    // Good credentials, and not for this: vault scopes manage nothing.
    expect([refused.status, refused.body]).toEqual([403, { detail: expect.stringContaining('manage_organization') }]);
    expect((await tenants.get('/api/v1/api-keys', await bearerOf(plain))).status).toBe(403);
    expect((await tenants.delete(`/client-credentials/${String(made['id'])}`, root.headers)).status).toBe(204);
    expect((await tenants.get('/api/v1/api-keys', granted)).status).toBe(401);
  });
});
