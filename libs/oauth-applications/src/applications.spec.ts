import { generateKeyPairSync } from 'node:crypto';
import { REDIRECT_URI, TestApplications, type Caller, type Registered } from './oauth-applications.spec-support.js';

const APPLICATIONS = '/api/v1/organizations/default/applications';
const MINIMAL = { name: 'Wiki', redirect_uris: [REDIRECT_URI] };

let test: TestApplications;
let boss: Caller;

beforeAll(async () => {
  test = await TestApplications.open();
  boss = await test.person('boss');
});
afterAll(() => test.close());

const publicJwk = (type: 'rsa' | 'ec' = 'ec') =>
  type === 'ec'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });

describe('POST /api/v1/organizations/{organization}/applications', () => {
  it('registers one with what nobody said, and shows its secret once', async () => {
    const made = await test.post(APPLICATIONS, MINIMAL, boss.headers);
    expect([made.status, made.headers['cache-control'], made.headers['content-type']]).toEqual([
      200,
      'no-store',
      'application/json',
    ]);
    const { client_secret: secret, ...shown } = made.body;
    expect(secret).toMatch(/^gth_as_[\w-]{49}$/);
    expect(shown).toEqual({
      id: expect.stringMatching(/^app_[\w-]{22}$/) as string,
      client_id: shown['id'],
      organization_id: '00000000-0000-4000-8000-000000000001',
      name: 'Wiki',
      redirect_uris: [REDIRECT_URI],
      post_logout_redirect_uris: [],
      scopes: ['openid', 'profile', 'email'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'client_secret_basic',
      resources: [],
      consent: 'ask',
      dpop_bound_access_tokens: false,
      disabled: false,
      configured: false,
      created_by: `user:${boss.userId}`,
      created_at: expect.stringMatching(/Z$/) as string,
      updated_at: shown['created_at'],
    });
    const path = `${APPLICATIONS}/${String(shown['id'])}`;
    expect((await test.get(path, boss.headers)).body).toEqual(shown);
    const listed = await test.get(APPLICATIONS, boss.headers);
    expect(listed.body['applications']).toContainEqual(shown);
    for (const { text } of [listed, await test.get(path, boss.headers)]) expect(text).not.toContain(String(secret));
    expect(await test.audited('application.created')).toContainEqual({
      subject: shown['id'],
      actor: `user:${boss.userId}`,
      details: {},
    });
  });

  it('takes every setting, and gives no secret to whoever has none', async () => {
    const settings = {
      ...MINIMAL,
      logo_uri: 'https://wiki.example/logo.png',
      post_logout_redirect_uris: ['https://wiki.example/bye'],
      scopes: ['openid', 'groups', 'openid'],
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [publicJwk('ec'), { ...publicJwk('rsa'), kid: 'k2', key_ops: ['verify'] }] },
      resources: ['https://api.example/'],
      consent: 'skip',
      dpop_bound_access_tokens: true,
      backchannel_logout_uri: 'https://wiki.example/backchannel',
      frontchannel_logout_uri: 'https://wiki.example/frontchannel',
    };
    const { status, body } = await test.post(APPLICATIONS, settings, boss.headers);
    expect([status, body]).toEqual([200, expect.objectContaining({ ...settings, scopes: ['openid', 'groups'] })]);
    expect(body).not.toHaveProperty('client_secret');
    const open = await test.post(APPLICATIONS, { ...MINIMAL, token_endpoint_auth_method: 'none' }, boss.headers);
    expect(open.status).toBe(200);
    expect(open.body).not.toHaveProperty('client_secret');
  });

  const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const signing = (key: object) => ({
    ...MINIMAL,
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [key] },
  });
  it.each([
    ['no name', { redirect_uris: [REDIRECT_URI] }, 'name'],
    ['a blank name', { ...MINIMAL, name: ' ' }, 'name'],
    ['a name with a line break', { ...MINIMAL, name: 'a\nb' }, 'name'],
    ['a name with NUL', { ...MINIMAL, name: 'a\u0000' }, 'name'],
    ['a name that is a number', { ...MINIMAL, name: 7 }, 'name'],
    ['no target', { name: 'Wiki' }, 'redirect_uris'],
    ['an empty list of targets', { ...MINIMAL, redirect_uris: [] }, 'redirect_uris'],
    ['a target as text', { ...MINIMAL, redirect_uris: REDIRECT_URI }, 'redirect_uris'],
    ['D7 a plain http target', { ...MINIMAL, redirect_uris: ['http://wiki.example/'] }, 'redirect_uris'],
    [
      'D7 a target that is not its own serialisation',
      { ...MINIMAL, redirect_uris: ['https://WIKI.example/'] },
      'redirect_uris',
    ],
    [
      'a target with a fragment',
      { ...MINIMAL, post_logout_redirect_uris: ['https://a.example/#x'] },
      'post_logout_redirect_uris',
    ],
    ['an unknown scope', { ...MINIMAL, scopes: ['openid', 'vault:read'] }, 'scopes.1'],
    ['no authorization_code', { ...MINIMAL, grant_types: ['refresh_token'] }, 'grant_types'],
    ['another grant', { ...MINIMAL, grant_types: ['client_credentials'] }, 'grant_types.0'],
    [
      'another way to authenticate',
      { ...MINIMAL, token_endpoint_auth_method: 'tls_client_auth' },
      'token_endpoint_auth_method',
    ],
    ['keys without private_key_jwt', { ...MINIMAL, jwks: { keys: [publicJwk()] } }, 'jwks'],
    ['private_key_jwt without keys', { ...MINIMAL, token_endpoint_auth_method: 'private_key_jwt' }, 'jwks'],
    ['a private key', signing(privateKey), 'jwks'],
    ['a symmetric key', signing({ kty: 'oct', k: 'AAAA' }), 'jwks.keys.0'],
    ['a key that is none', signing({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }), 'jwks.keys.0'],
    ['a key with NUL in a value', signing({ ...publicJwk(), kid: 'a\u0000' }), 'jwks.keys.0.kid'],
    ['a key with NUL in a name', signing({ ...publicJwk(), 'a\u0000': 'b' }), 'jwks.keys.0.a\u0000'],
    ['a resource with a fragment', { ...MINIMAL, resources: ['https://api.example/#x'] }, 'resources'],
    ['a resource with NUL', { ...MINIMAL, resources: ['https://api.example/\u0000'] }, 'resources.0'],
    ['a logo over http', { ...MINIMAL, logo_uri: 'http://wiki.example/logo.png' }, 'logo_uri'],
    ['a logo with NUL', { ...MINIMAL, logo_uri: 'https://wiki.example/\u0000' }, 'logo_uri'],
    ['another consent', { ...MINIMAL, consent: 'never' }, 'consent'],
    [
      'D49 a public one that skips consent',
      { ...MINIMAL, token_endpoint_auth_method: 'none', consent: 'skip' },
      'consent',
    ],
    ['a setting that was misspelt', { ...MINIMAL, redirect_uri: REDIRECT_URI }, 'redirect_uri'],
    ['what only we say', { ...MINIMAL, client_id: 'mine' }, 'client_id'],
  ])('D4: 422 that names the field for %s', async (_what, body, field) => {
    const answer = await test.post(APPLICATIONS, body, boss.headers);
    expect([answer.status, answer.body]).toEqual([
      422,
      {
        detail: [
          {
            loc: ['body', ...field.split('.')],
            msg: expect.stringContaining(field.split('.')[0] ?? '') as string,
            type: 'value_error',
          },
        ],
      },
    ]);
  });

  it('R31: a fault of a key quotes nothing of it', async () => {
    const { text } = await test.post(APPLICATIONS, signing(privateKey), boss.headers);
    expect(text).not.toContain(String(privateKey.d));
  });
});

describe('PATCH /api/v1/organizations/{organization}/applications/{id}', () => {
  it('changes what it names and leaves the rest (RFC 7396)', async () => {
    const { id } = await test.application(boss, { logo_uri: 'https://wiki.example/logo.png', scopes: ['openid'] });
    const path = `${APPLICATIONS}/${id}`;
    const before = await test.get(path, boss.headers);
    const changed = await test.patch(path, { name: 'Wiki 2', consent: null, logo_uri: null }, boss.headers);
    const { logo_uri: _gone, ...rest } = before.body;
    expect([changed.status, changed.body]).toEqual([
      200,
      { ...rest, name: 'Wiki 2', consent: 'ask', updated_at: expect.any(String) as string },
    ]);
    expect((await test.get(path, boss.headers)).body).toEqual(changed.body);
    expect(await test.audited('application.changed')).toContainEqual(expect.objectContaining({ subject: id }));
  });

  it('lets the targets of a device go, as it has none (RFC 8628)', async () => {
    const { id } = await test.application(boss);
    const device = ['refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];
    const path = `${APPLICATIONS}/${id}`;
    const changed = await test.patch(path, { grant_types: device, redirect_uris: null }, boss.headers);
    expect([changed.status, changed.body]).toMatchObject([200, { grant_types: device, redirect_uris: [] }]);
    const back = await test.patch(path, { grant_types: null }, boss.headers);
    expect([back.status, back.body]).toMatchObject([422, { detail: [{ loc: ['body', 'redirect_uris'] }] }]);
  });

  it.each([
    [{ name: null }, 'name'],
    [{ name: '' }, 'name'],
    [{ redirect_uris: null }, 'redirect_uris'],
    [{ redirect_uris: [] }, 'redirect_uris'],
    [{ jwks: { keys: [] } }, 'jwks.keys'],
    [{ token_endpoint_auth_method: 'none' }, 'consent'],
    [{ disabled: true }, 'disabled'],
  ])('refuses %j and changes nothing', async (change, field) => {
    const { id } = await test.application(boss);
    const path = `${APPLICATIONS}/${id}`;
    const before = (await test.get(path, boss.headers)).body;
    const refused = await test.patch(path, change, boss.headers);
    expect([refused.status, refused.body]).toMatchObject([422, { detail: [{ loc: ['body', ...field.split('.')] }] }]);
    expect((await test.get(path, boss.headers)).body).toEqual(before);
  });
});

describe('RFC 8628 POST of an application for devices', () => {
  it('needs no target', async () => {
    const grants = ['urn:ietf:params:oauth:grant-type:device_code'];
    const input = { name: 'Screen', grant_types: grants, token_endpoint_auth_method: 'none' };
    const made = await test.post(APPLICATIONS, input, boss.headers);
    expect([made.status, made.body]).toMatchObject([200, { grant_types: grants, redirect_uris: [] }]);
  });
});

describe('POST …/secrets', () => {
  const grant = (clientSecret: string, clientId: string) =>
    test.post('/oauth2/token', {
      grant_type: 'refresh_token',
      refresh_token: 'none',
      client_id: clientId,
      client_secret: clientSecret,
    });

  it('gives a new secret beside the old one, or in its place', async () => {
    const { id, clientId, clientSecret } = await test.application(boss);
    const rotated = await test.post(`${APPLICATIONS}/${id}/secrets`, {}, boss.headers);
    expect([rotated.status, rotated.headers['cache-control'], rotated.body]).toEqual([
      200,
      'no-store',
      { client_id: clientId, client_secret: expect.stringMatching(/^gth_as_/) as string },
    ]);
    const second = String(rotated.body['client_secret']);
    for (const secret of [clientSecret, second])
      expect((await grant(secret, clientId)).body).toMatchObject({ error: 'invalid_grant' });
    const last = await test.post(`${APPLICATIONS}/${id}/secrets`, { keep_seconds: 0 }, boss.headers);
    for (const secret of [clientSecret, second])
      expect((await grant(secret, clientId)).body).toMatchObject({ error: 'invalid_client' });
    expect((await grant(String(last.body['client_secret']), clientId)).body).toMatchObject({ error: 'invalid_grant' });
    const stored = JSON.stringify(await test.database.query('SELECT * FROM application_secrets'));
    expect(stored).not.toContain(second);
  });

  it.each([
    [{ keep_seconds: -1 }],
    [{ keep_seconds: 30 * 86_400 + 1 }],
    [{ keep_seconds: 1.5 }],
    [{ keep_seconds: '9' }],
  ])('refuses %j', async (body) => {
    const { id } = await test.application(boss);
    const refused = await test.post(`${APPLICATIONS}/${id}/secrets`, body, boss.headers);
    expect([refused.status, refused.body]).toMatchObject([422, { detail: [{ loc: ['body', 'keep_seconds'] }] }]);
  });

  it('is 422 for an application without one', async () => {
    const { id } = await test.application(boss, { token_endpoint_auth_method: 'none', consent: 'ask' });
    expect((await test.post(`${APPLICATIONS}/${id}/secrets`, {}, boss.headers)).status).toBe(422);
  });
});

describe('R11 D20 disable, enable, delete', () => {
  /** What a person’s sign-in gives an application, and what it is good for. */
  async function signedIn(application: Registered) {
    const { clientId, clientSecret, redirectUri } = application;
    const client = { client_id: clientId, client_secret: clientSecret };
    const code = await test.code(application, 'dora');
    const { body } = await test.post('/oauth2/token', {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      ...client,
    });
    const headers = { authorization: `Bearer ${String(body['access_token'])}` };
    const renewal = { grant_type: 'refresh_token', refresh_token: body['refresh_token'], ...client };
    return {
      userinfo: async () => (await test.get('/oauth2/userinfo', headers)).status,
      renew: async () => (await test.post('/oauth2/token', renewal)).status,
    };
  }

  it.each([
    ['disable', async (path: string) => (await test.post(`${path}/disable`, {}, boss.headers)).status],
    ['delete', async (path: string) => (await test.delete(path, boss.headers)).status],
  ])('%s ends what was issued at once, and nothing begins', async (_what, end) => {
    const application = await test.application(boss);
    const held = await signedIn(application);
    expect(await held.userinfo()).toBe(200);
    expect([200, 204]).toContain(await end(`${APPLICATIONS}/${application.id}`));
    expect([await held.userinfo(), await held.renew()]).toEqual([401, 401]);
    await expect(test.code(application, 'dora')).rejects.toThrow();
  });

  it('what was issued before it was disabled stays dead when it is enabled, and it begins anew', async () => {
    const application = await test.application(boss);
    const path = `${APPLICATIONS}/${application.id}`;
    const before = await signedIn(application);
    const disabled = await test.post(`${path}/disable`, {}, boss.headers);
    expect([disabled.status, disabled.body]).toMatchObject([200, { disabled: true }]);
    const enabled = await test.post(`${path}/enable`, {}, boss.headers);
    expect([enabled.status, enabled.body]).toMatchObject([200, { disabled: false }]);
    expect([await before.userinfo(), await before.renew()]).toEqual([401, 400]);
    const after = await signedIn(application);
    expect([await after.userinfo(), await after.renew()]).toEqual([200, 200]);
  });

  it('a deleted one is not there any more', async () => {
    const { id } = await test.application(boss);
    expect((await test.delete(`${APPLICATIONS}/${id}`, boss.headers)).status).toBe(204);
    expect((await test.get(`${APPLICATIONS}/${id}`, boss.headers)).status).toBe(404);
    expect((await test.delete(`${APPLICATIONS}/${id}`, boss.headers)).status).toBe(404);
    for (const kind of ['disabled', 'enabled', 'deleted'])
      expect(await test.audited(`application.${kind}`)).toContainEqual(
        expect.objectContaining({ actor: `user:${boss.userId}` }),
      );
  });

  it('D30: a person’s token of an application opens none of these routes, whoever the person is', async () => {
    const application = await test.application(boss);
    const code = await test.code(application, 'boss');
    const { body } = await test.post('/oauth2/token', {
      grant_type: 'authorization_code',
      code,
      redirect_uri: application.redirectUri,
      client_id: application.clientId,
      client_secret: application.clientSecret,
    });
    const headers = { authorization: `Bearer ${String(body['access_token'])}` };
    expect((await test.get('/oauth2/userinfo', headers)).status).toBe(200);
    for (const path of [APPLICATIONS, '/v1/organizations/default/oauth-applications'])
      expect((await test.get(path, headers)).status).toBe(403);
  });
});
