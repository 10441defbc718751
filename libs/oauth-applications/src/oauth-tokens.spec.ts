import { loadConfig } from '@app/config';
import type { Answer } from '../../../test/protocol/http.js';
import { pkcePair } from '../../../test/harness/sign-in.js';
import { REDIRECT_URI, TestApplications, type Caller, type Registered } from './oauth-applications.spec-support.js';

const SECRET = 'a-secret-of-the-wiki-with-enough-characters';
const CONFIGURED = `applications:
  - { client_id: wiki, client_secret: ${SECRET}, name: Wiki, redirect_uris: ['${REDIRECT_URI}'], consent: skip }`;
const BASE = '/v1/organizations/default/oauth-applications';

let test: TestApplications;
let boss: Caller;
let issuer: { authorization: string };
let reader: { authorization: string };
let application: Registered;

beforeAll(async () => {
  test = await TestApplications.open();
  boss = await test.person('boss');
  issuer = await test.serviceToken(boss, ['write_oauth_tokens']);
  reader = await test.serviceToken(boss, ['read_oauth_tokens', 'read_oauth_applications']);
  application = await test.application(boss);
});
afterAll(() => test.close());

type Body = Record<string, unknown>;
const client = ({ clientId, clientSecret }: Registered) => ({ client_id: clientId, client_secret: clientSecret });
const issue = (body: unknown, of = application, headers: Record<string, string> = issuer): Promise<Answer> =>
  test.post(`${BASE}/${of.id}/token`, body, headers);
const created = async (
  of: Registered,
  person: string,
  scope = 'openid profile email offline_access',
): Promise<Body> => {
  const code = await test.code(of, person, { scope });
  const grant = { ...client(of), grant_type: 'authorization_code', code, redirect_uri: of.redirectUri };
  const { status, body, text } = await issue(grant, of);
  if (status !== 200) throw new Error(text);
  return body;
};
const renewal = (token: Body, of = application) => ({
  ...client(of),
  grant_type: 'refresh_token',
  refresh_token: token['plain_text_refresh_token'],
});
const userinfo = async (token: Body) =>
  (await test.get('/oauth2/userinfo', { authorization: `Bearer ${String(token['token'])}` })).status;

const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;

describe('D29 POST …/oauth-applications/{id}/token', () => {
  it('creates a token from a code: all 15 keys, none null, kept by nobody on the way', async () => {
    const dora = await test.person('dora');
    const code = await test.code(application, 'dora', { scope: 'openid email' });
    const answer = await issue({
      ...client(application),
      grant_type: 'authorization_code',
      code,
      redirect_uri: application.redirectUri,
    });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
    const id = String(answer.body['id']);
    const resource = {
      id: dora.userId,
      name: expect.any(String) as string,
      created_at: INSTANT,
      updated_at: INSTANT,
      deleted_at: '',
    };
    const access = (scope: string) => ({
      id: `${id}:${scope}`,
      access: scope,
      description: expect.stringMatching(/./) as string,
      resource_name: resource.name,
      resource_id: dora.userId,
      resource_type: 'User',
      resource,
    });
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      name: 'Wiki',
      display_name: 'Wiki',
      token: expect.stringMatching(/^eyJ/) as string,
      plain_text_refresh_token: expect.stringMatching(/^gth_rt_/) as string,
      avatar_url: '',
      created_at: INSTANT,
      updated_at: answer.body['created_at'],
      expires_at: INSTANT,
      last_used_at: '',
      actor_id: dora.userId,
      actor_display_name: resource.name,
      actor_type: 'User',
      service_token_accesses: [access('openid'), access('email')],
      oauth_accesses_by_resource: {
        database: { databases: [], accesses: [] },
        organization: { organizations: [], accesses: [] },
        branch: { branches: [], accesses: [] },
        user: {
          users: [{ name: resource.name, id: dora.userId }],
          accesses: ['openid', 'email'].map((name) => ({ name, description: expect.any(String) as string })),
        },
      },
    });
    expect(answer.text).not.toContain('null');
    expect(await userinfo(answer.body)).toBe(200);
  });

  it('expires_at is the end of the access token, never later', async () => {
    const token = await created(application, 'erin');
    const { exp } = JSON.parse(Buffer.from(String(token['token']).split('.')[1] ?? '', 'base64url').toString()) as {
      exp: number;
    };
    const late = Date.parse(String(token['expires_at'])) / 1000 - exp;
    expect([late <= 0, late > -5]).toEqual([true, true]);
  });

  it('groups are an access to the organization', async () => {
    const grouped = await test.application(boss, { scopes: ['openid', 'groups'] });
    const token = await created(grouped, 'erin', 'openid groups');
    expect(token['oauth_accesses_by_resource']).toMatchObject({
      organization: {
        organizations: [{ name: 'default', url: `${test.server.config.publicUrl}/v1/organizations/default` }],
        accesses: [{ name: 'groups' }],
      },
      user: { accesses: [{ name: 'openid' }] },
    });
    expect(token['service_token_accesses']).toContainEqual(
      expect.objectContaining({ access: 'groups', resource_type: 'Organization', resource_name: 'default' }),
    );
  });

  it('renews it: the same id, another token, and last_used_at', async () => {
    const first = await created(application, 'finn');
    const { status, body: second } = await issue(renewal(first));
    expect(status).toBe(200);
    expect(second).toMatchObject({ id: first['id'], created_at: first['created_at'], last_used_at: INSTANT });
    expect(second['updated_at']).toBe(second['last_used_at']);
    expect(second['plain_text_refresh_token']).not.toBe(first['plain_text_refresh_token']);
    expect(await userinfo(second)).toBe(200);
  });

  it('D13: reuse of a used refresh token is 422 and ends the token', async () => {
    const first = await created(application, 'gus');
    const { body: second } = await issue(renewal(first));
    await issue(renewal(second));
    const reused = await issue(renewal(first));
    expect([reused.status, reused.body]).toEqual([
      422,
      { code: 'unprocessable_entity', message: expect.stringContaining('refresh token') as string },
    ]);
    expect(await userinfo(second)).toBe(401);
    expect((await test.get(`${BASE}/${application.id}/tokens/${String(first['id'])}`, reader)).status).toBe(404);
  });

  it('D9: takes code_verifier beside the seed’s fields, and demands it where a challenge was sent', async () => {
    const { verifier, challenge } = pkcePair();
    const code = await test.code(application, 'hal', { code_challenge: challenge, code_challenge_method: 'S256' });
    const grant = {
      ...client(application),
      grant_type: 'authorization_code',
      code,
      redirect_uri: application.redirectUri,
    };
    expect((await issue(grant)).status).toBe(422);
    expect((await issue({ ...grant, code_verifier: pkcePair().verifier })).status).toBe(422);
    expect((await issue({ ...grant, code_verifier: verifier })).status).toBe(200);
  });

  it('R22: a code is good once', async () => {
    const code = await test.code(application, 'ida');
    const grant = {
      ...client(application),
      grant_type: 'authorization_code',
      code,
      redirect_uri: application.redirectUri,
    };
    const statuses = (await Promise.all([issue(grant), issue(grant)])).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 422]);
  });

  it('the fields of the other grant do not matter: the seed’s example sends all of them', async () => {
    const first = await created(application, 'jan');
    const all = { ...renewal(first), code: 'ullam', redirect_uri: 'quos' };
    expect((await issue(all)).status).toBe(200);
  });
});

describe('S003 statuses', () => {
  const good = () => ({
    ...client(application),
    grant_type: 'authorization_code',
    code: 'gth_ac_x',
    redirect_uri: application.redirectUri,
  });

  it('401 without a service token, whatever else is right, with a challenge', async () => {
    for (const headers of [{}, { authorization: `st_${'A'.repeat(22)}:nobody` }, { authorization: 'Basic YTpi' }]) {
      const { status, body, headers: answered } = await issue(good(), application, headers as Record<string, string>);
      expect([status, body, answered['www-authenticate']]).toEqual([
        401,
        { code: 'unauthorized', message: expect.any(String) as string },
        expect.stringMatching(/^Bearer/) as string,
      ]);
    }
  });

  it('403 without write_oauth_tokens', async () => {
    const { status, body } = await issue(good(), application, reader);
    expect([status, body]).toEqual([
      403,
      { code: 'forbidden', message: expect.stringContaining('write_oauth_tokens') as string },
    ]);
  });

  it('403 for wrong client credentials, the same for a wrong secret and another application’s', async () => {
    const other = await test.application(boss);
    const wrongSecret = await issue({ ...good(), client_secret: other.clientSecret });
    expect([wrongSecret.status, wrongSecret.body]).toEqual([
      403,
      { code: 'forbidden', message: 'Client authentication failed' },
    ]);
    expect(wrongSecret.headers['www-authenticate']).toBeUndefined();
    const another = await issue({ ...good(), ...client(other) });
    expect([another.status, another.body]).toEqual([403, wrongSecret.body]);
    expect((await issue({ ...good(), client_id: 'nobody' })).body).toEqual(wrongSecret.body);
  });

  it('a code of another application is 422, and is not used up', async () => {
    const other = await test.application(boss);
    const code = await test.code(application, 'kim');
    const stolen = { ...client(other), grant_type: 'authorization_code', code, redirect_uri: other.redirectUri };
    expect((await issue(stolen, other)).status).toBe(422);
    expect((await issue({ ...good(), code })).status).toBe(200);
  });

  it('a refresh token of another application is 422, and stays good', async () => {
    const other = await test.application(boss);
    const token = await created(application, 'lea');
    const stolen = { ...client(other), grant_type: 'refresh_token', refresh_token: token['plain_text_refresh_token'] };
    expect((await issue(stolen, other)).status).toBe(422);
    expect((await issue(renewal(token))).status).toBe(200);
  });

  it.each([
    ['no body', undefined, 'client_id'],
    ['an empty object', {}, 'client_id'],
    ['no client_secret', { client_secret: undefined }, 'client_secret'],
    ['an empty client_secret', { client_secret: '' }, 'client_secret'],
    ['a null client_id', { client_id: null }, 'client_id'],
    ['a number', { client_id: 7 }, 'client_id'],
    ['a list', { code: ['a'] }, 'code'],
    ['an object', { redirect_uri: {} }, 'redirect_uri'],
    ['true', { refresh_token: true }, 'refresh_token'],
    ['no grant_type', { grant_type: undefined }, 'grant_type'],
    ['another grant_type', { grant_type: 'client_credentials' }, 'grant_type'],
    ['no code', { code: undefined }, 'code'],
    ['no redirect_uri', { redirect_uri: undefined }, 'redirect_uri'],
    ['no refresh_token', { grant_type: 'refresh_token' }, 'refresh_token'],
    ['a field that is not there', { scope: 'openid' }, 'scope'],
    ['NUL in the id', { client_id: 'a\u0000' }, 'client_id'],
    ['NUL in the code', { code: 'a\u0000' }, 'code'],
    ['half of a character', { refresh_token: '\ud800' }, 'refresh_token'],
    ['a code without end', { code: 'x'.repeat(5000) }, 'code'],
  ])('422 that names the field for %s', async (_what, change, field) => {
    const body = change === undefined || Object.keys(change).length === 0 ? change : { ...good(), ...change };
    const { status, body: fault } =
      body === undefined ? await test.post(`${BASE}/${application.id}/token`, undefined, issuer) : await issue(body);
    expect([status, fault]).toEqual([
      422,
      { code: 'unprocessable_entity', message: expect.stringMatching(new RegExp(`^${field} `)) as string },
    ]);
  });

  it('422 for a code and a refresh token that are not good, and says no more', async () => {
    expect((await issue(good())).body).toEqual({
      code: 'unprocessable_entity',
      message: expect.stringContaining('authorization code') as string,
    });
    const renewed = await issue({ ...client(application), grant_type: 'refresh_token', refresh_token: 'gth_rt_x' });
    expect([renewed.status, renewed.body['code']]).toEqual([422, 'unprocessable_entity']);
  });

  it('404 for an application that is unknown, and for what could never be one', async () => {
    for (const id of ['app_AAAAAAAAAAAAAAAAAAAAAA', 'architecto', '%00', '%20'])
      expect((await issue(good(), { ...application, id })).status).toBe(404);
  });

  it('403 for a disabled application, 422 for one that has no secret or may not refresh', async () => {
    const off = await test.application(boss);
    await test.post(`/api/v1/organizations/default/applications/${off.id}/disable`, {}, boss.headers);
    const disabled = await issue({ ...good(), ...client(off) }, off);
    expect([disabled.status, disabled.body]).toEqual([
      403,
      { code: 'forbidden', message: 'This application is disabled' },
    ]);
    const open = await test.application(boss, { token_endpoint_auth_method: 'none', consent: 'ask' });
    const once = await test.application(boss, { grant_types: ['authorization_code'] });
    for (const [one, field] of [
      [open, 'client_secret'],
      [once, 'grant_type'],
    ] as const) {
      const { status, body } = await issue({ ...good(), ...client(one) }, one);
      expect([status, body['message']]).toEqual([422, expect.stringMatching(new RegExp(`^${field} `))]);
    }
  });

  it('D4: the dialect for what never reached a route', async () => {
    for (const path of ['/v1/organizations/x', '/organizations/x', '/compat/planetscale-go/v1/x'])
      expect((await test.get(path, reader)).body).toEqual({ code: 'not_found', message: expect.any(String) as string });
  });
});

describe('D62 an application of the configuration file', () => {
  it('has a client_id of its own beside its id, and is changed only in the file', async () => {
    const { applications } = loadConfig(
      { PUBLIC_URL: 'http://localhost:8080', GATEHOUSE_CONFIG: 'x' },
      () => CONFIGURED,
    );
    const server = await TestApplications.open({ applications });
    try {
      const owner = await server.person('boss');
      const list = '/api/v1/organizations/default/applications';
      const { applications: listed } = (await server.get(list, owner.headers)).body;
      const [{ id }] = listed as [{ id: string }];
      expect(listed).toMatchObject([{ client_id: 'wiki', configured: true, created_by: 'configuration' }]);
      const wiki = { id, clientId: 'wiki', clientSecret: SECRET, redirectUri: REDIRECT_URI };
      const headers = await server.serviceToken(owner, ['write_oauth_tokens']);
      const code = await server.code(wiki, 'vera');
      const grant = { ...client(wiki), grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI };
      expect((await server.post(`${BASE}/${id}/token`, grant, headers)).status).toBe(200);
      expect((await server.post(`${BASE}/wiki/token`, grant, headers)).status).toBe(404);
      const path = `${list}/${id}`;
      for (const refused of [
        await server.patch(path, { name: 'Mine' }, owner.headers),
        await server.post(`${path}/secrets`, {}, owner.headers),
        await server.post(`${path}/disable`, {}, owner.headers),
        await server.delete(path, owner.headers),
      ])
        expect([refused.status, refused.body]).toEqual([
          403,
          { detail: expect.stringContaining('configuration file') as string },
        ]);
    } finally {
      await server.close();
    }
  });
});

describe('R29 a secret that is guessed', () => {
  it('locks (application, address) with 429, here and at /oauth2/token alike', async () => {
    const limits = { ...test.server.config.rateLimits, enabled: true };
    const strict = await TestApplications.open({ rateLimits: limits });
    try {
      const owner = await strict.person('boss');
      const headers = await strict.serviceToken(owner, ['write_oauth_tokens']);
      const target = await strict.application(owner);
      const guess = { ...client(target), client_secret: 'guess', grant_type: 'refresh_token', refresh_token: 'x' };
      const path = `${BASE}/${target.id}/token`;
      for (let i = 0; i < 10; i++) expect((await strict.post(path, guess, headers)).status).toBe(403);
      const locked = await strict.post(path, { ...guess, ...client(target) }, headers);
      expect([locked.status, locked.body['code'], Number(locked.headers['retry-after']) > 0]).toEqual([
        429,
        'too_many_requests',
        true,
      ]);
      expect((await strict.post('/oauth2/token', { ...guess, ...client(target) })).status).toBe(429);
    } finally {
      await strict.close();
    }
  });
});
