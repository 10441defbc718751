import { randomUUID } from 'node:crypto';
import type { Answer } from '../../../test/protocol/http.js';
import { TestApplications, type Caller, type Registered } from './oauth-applications.spec-support.js';

const BASE = '/v1/organizations/default/oauth-applications';

let test: TestApplications;
let boss: Caller;
let carol: Caller;
let issuer: { authorization: string };
let reader: { authorization: string };
let deleter: { authorization: string };
let application: Registered;

beforeAll(async () => {
  test = await TestApplications.open();
  boss = await test.person('boss');
  carol = await test.person('carol');
  issuer = await test.serviceToken(boss, ['write_oauth_tokens']);
  reader = await test.serviceToken(boss, ['read_oauth_tokens', 'read_oauth_applications']);
  deleter = await test.serviceToken(boss, ['delete_oauth_tokens']);
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

describe('GET …/oauth-applications and …/tokens', () => {
  it('lists by pages, newest first, with 0 and "" where there is no other page', async () => {
    const owned = await test.serviceToken(carol, ['read_oauth_applications'], 'acme corp');
    const names = ['A', 'B', 'C', 'D', 'E'];
    for (const name of names) await test.application(carol, { name }, 'acme corp');
    const path = '/v1/organizations/acme%20corp/oauth-applications';
    const page = async (query: string) => (await test.get(`${path}${query}`, owned)).body;
    const link = (number: number) => `${test.server.config.publicUrl}${path}?page=${number}&per_page=2`;
    const pages = [
      await page('?page=1&per_page=2'),
      await page('?page=2&per_page=2'),
      await page('?page=3&per_page=2'),
    ];
    expect(pages.map(({ data: _data, ...rest }) => rest)).toEqual([
      { current_page: 1, next_page: 2, prev_page: 0, next_page_url: link(2), prev_page_url: '' },
      { current_page: 2, next_page: 3, prev_page: 1, next_page_url: link(3), prev_page_url: link(1) },
      { current_page: 3, next_page: 0, prev_page: 2, next_page_url: '', prev_page_url: link(2) },
    ]);
    const seen = pages.flatMap(({ data }) => (data as { name: string }[]).map(({ name }) => name));
    expect(seen).toEqual(names.toReversed());
    expect(await page('')).toMatchObject({ current_page: 1, next_page: 0, data: { length: 5 } });
    expect(await page('?page=9')).toMatchObject({ next_page: 0, prev_page: 8, data: [] });
  });

  it.each(['?page=0', '?page=x', '?page=1.5', '?per_page=101', '?per_page=0', '?page=10001'])(
    '422 for %s',
    async (query) => {
      for (const path of [BASE, `${BASE}/${application.id}/tokens`]) {
        const { status, body } = await test.get(path + query, reader);
        expect([status, body]).toEqual([
          422,
          { code: 'unprocessable_entity', message: expect.stringMatching(/^(per_)?page /) as string },
        ]);
      }
    },
  );

  it('shows an application without secrets, with the number of its living tokens', async () => {
    const own = await test.application(boss, { logo_uri: 'https://wiki.example/logo.png' });
    const path = `${BASE}/${own.id}`;
    const { status, body } = await test.get(path, reader);
    expect([status, body]).toEqual([
      200,
      {
        id: own.id,
        name: 'Wiki',
        redirect_uri: own.redirectUri,
        domain: 'wiki.example',
        created_at: INSTANT,
        updated_at: INSTANT,
        scopes: ['openid', 'profile', 'email'],
        avatar: 'https://wiki.example/logo.png',
        client_id: own.clientId,
        tokens: 0,
      },
    ]);
    await created(own, 'mona');
    await created(own, 'nils');
    expect((await test.get(path, reader)).body['tokens']).toBe(2);
    const listed = (await test.get(BASE, reader)).body['data'] as { id: string; tokens: number }[];
    expect(listed.find(({ id }) => id === own.id)?.tokens).toBe(2);
  });

  it('shows tokens without what was shown once, and only of this application', async () => {
    const own = await test.application(boss);
    const [first, second] = [await created(own, 'olga'), await created(own, 'pete')];
    const shown = (token: Body) => ({
      ...token,
      token: '',
      plain_text_refresh_token: '',
      expires_at: INSTANT,
    });
    const listed = await test.get(`${BASE}/${own.id}/tokens`, reader);
    expect(listed.body).toMatchObject({ current_page: 1, next_page: 0, prev_page: 0 });
    expect(listed.body['data']).toEqual([shown(second), shown(first)]);
    const one = await test.get(`${BASE}/${own.id}/tokens/${String(first['id'])}`, reader);
    expect([one.status, one.body]).toEqual([200, shown(first)]);
    expect(one.body['expires_at']).toBe(first['expires_at']);
    expect((await test.get(`${BASE}/${application.id}/tokens/${String(first['id'])}`, reader)).status).toBe(404);
    for (const id of ['x', randomUUID(), '%00'])
      expect((await test.get(`${BASE}/${own.id}/tokens/${id}`, reader)).status).toBe(404);
    const paged = await test.get(`${BASE}/${own.id}/tokens?page=2&per_page=1`, reader);
    expect(paged.body).toMatchObject({ current_page: 2, next_page: 0, prev_page: 1, data: [{ id: first['id'] }] });
  });

  it('leaves out scopes that the application is not registered for any more', async () => {
    const own = await test.application(boss);
    const { id } = await created(own, 'quin', 'openid email');
    await test.patch(`/api/v1/organizations/default/applications/${own.id}`, { scopes: ['openid'] }, boss.headers);
    const { body } = await test.get(`${BASE}/${own.id}/tokens/${String(id)}`, reader);
    expect((body['service_token_accesses'] as { access: string }[]).map(({ access }) => access)).toEqual(['openid']);
  });

  it('R23: shows nothing of a person who was disabled', async () => {
    const own = await test.application(boss);
    const { id, actor_id: userId } = await created(own, 'rolf');
    await test.database.query(`UPDATE users SET disabled_at = now(), generation = generation + 1 WHERE id = $1`, [
      userId,
    ]);
    expect((await test.get(`${BASE}/${own.id}/tokens`, reader)).body['data']).toEqual([]);
    expect((await test.get(`${BASE}/${own.id}/tokens/${String(id)}`, reader)).status).toBe(404);
    expect((await test.get(`${BASE}/${own.id}`, reader)).body['tokens']).toBe(0);
  });
});

describe('D20 DELETE …/tokens/{token_id}', () => {
  it('is dead at the next request, with nothing else of the person or the application', async () => {
    const [token, other] = [await created(application, 'sara'), await created(application, 'sara')];
    const path = `${BASE}/${application.id}/tokens/${String(token['id'])}`;
    expect(await userinfo(token)).toBe(200);
    const answer = await test.delete(path, deleter);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(await userinfo(token)).toBe(401);
    expect((await issue(renewal(token))).status).toBe(422);
    expect((await test.get(path, reader)).status).toBe(404);
    expect((await test.delete(path, deleter)).status).toBe(404);
    expect(await userinfo(other)).toBe(200);
    expect((await issue(renewal(other))).status).toBe(200);
    const [, handle] = deleter.authorization.match(/^(st_[\w-]+):/) ?? [];
    expect(await test.audited('token.revoked')).toContainEqual(
      expect.objectContaining({ subject: token['id'], actor: `service_token:${handle}` }),
    );
  });
});

type Call = (base: string, id: string, tokenId: string, headers: Record<string, string>) => Promise<Answer>;
const EVERY_ROUTE: readonly (readonly [string, Call])[] = [
  ['GET application', (base, id, _token, headers) => test.get(`${base}/${id}`, headers)],
  [
    'POST token',
    (base, id, _token, headers) =>
      test.post(
        `${base}/${id}/token`,
        { ...client(application), grant_type: 'refresh_token', refresh_token: 'x' },
        headers,
      ),
  ],
  ['GET tokens', (base, id, _token, headers) => test.get(`${base}/${id}/tokens`, headers)],
  ['GET token', (base, id, token, headers) => test.get(`${base}/${id}/tokens/${token}`, headers)],
  ['DELETE token', (base, id, token, headers) => test.delete(`${base}/${id}/tokens/${token}`, headers)],
];

describe('R27 crossing', () => {
  it.each(EVERY_ROUTE)('%s: another organization’s is 404, like what is unknown', async (_name, call) => {
    const token = await created(application, 'tess');
    const stranger = await test.serviceToken(
      carol,
      ['read_oauth_applications', 'read_oauth_tokens', 'write_oauth_tokens', 'delete_oauth_tokens'],
      'acme corp',
    );
    const own = '/v1/organizations/acme%20corp/oauth-applications';
    const tokenId = String(token['id']);
    for (const [asked, unknown] of [
      [await call(own, application.id, tokenId, stranger), await call(own, 'app_x', randomUUID(), stranger)],
      [
        await call(BASE, application.id, tokenId, stranger),
        await call('/v1/organizations/nowhere/oauth-applications', application.id, tokenId, stranger),
      ],
    ] as const) {
      expect([asked.status, asked.body]).toEqual([404, unknown.body]);
      expect(asked.body['code']).toBe('not_found');
    }
    expect(await userinfo(token)).toBe(200);
  });

  it('R25 R30: each access opens its own routes and no others', async () => {
    const token = await created(application, 'uma');
    const tokenId = String(token['id']);
    const allowed = async (
      access: 'read_oauth_applications' | 'read_oauth_tokens' | 'write_oauth_tokens' | 'delete_oauth_tokens',
    ) => {
      const headers = await test.serviceToken(boss, [access]);
      const names = (await test.get(BASE, headers)).status === 403 ? [] : ['GET applications'];
      for (const [name, call] of EVERY_ROUTE)
        if ((await call(BASE, application.id, tokenId, headers)).status !== 403) names.push(name);
      return names;
    };
    // The refresh token that POST sends is none: 422 behind the access.
    expect(await allowed('read_oauth_applications')).toEqual(['GET applications', 'GET application']);
    expect(await allowed('read_oauth_tokens')).toEqual(['GET tokens', 'GET token']);
    expect(await allowed('write_oauth_tokens')).toEqual(['POST token']);
    expect(await allowed('delete_oauth_tokens')).toEqual(['DELETE token']);
  });
});
