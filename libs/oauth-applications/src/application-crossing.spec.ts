import type { Answer } from '../../../test/protocol/http.js';
import { REDIRECT_URI, TestApplications, type Caller } from './oauth-applications.spec-support.js';

const APPLICATIONS = '/api/v1/organizations/default/applications';
const MINIMAL = { name: 'Wiki', redirect_uris: [REDIRECT_URI] };

let test: TestApplications;
let boss: Caller;
let carol: Caller;

beforeAll(async () => {
  test = await TestApplications.open();
  boss = await test.person('boss');
  carol = await test.person('carol');
});
afterAll(() => test.close());

type Call = (id: string, organization: string, headers: Record<string, string>) => Promise<Answer>;
const at = (organization: string, rest = '') =>
  `/api/v1/organizations/${encodeURIComponent(organization)}/applications${rest}`;
const EVERY_ROUTE: readonly (readonly [string, Call])[] = [
  ['GET', (id, organization, headers) => test.get(at(organization, `/${id}`), headers)],
  ['PATCH', (id, organization, headers) => test.patch(at(organization, `/${id}`), { name: 'Mine' }, headers)],
  ['POST secrets', (id, organization, headers) => test.post(at(organization, `/${id}/secrets`), {}, headers)],
  ['POST disable', (id, organization, headers) => test.post(at(organization, `/${id}/disable`), {}, headers)],
  ['POST enable', (id, organization, headers) => test.post(at(organization, `/${id}/enable`), {}, headers)],
  ['DELETE', (id, organization, headers) => test.delete(at(organization, `/${id}`), headers)],
];

describe('R27 crossing', () => {
  it.each(EVERY_ROUTE)(
    '%s: another organization’s id is 404 under one’s own name, and its name is 404',
    async (_name, call) => {
      const { id } = await test.application(boss);
      const before = (await test.get(`${APPLICATIONS}/${id}`, boss.headers)).body;
      const unknown = await call('app_AAAAAAAAAAAAAAAAAAAAAA', 'acme corp', carol.headers);
      const foreign = await call(id, 'acme corp', carol.headers);
      expect([foreign.status, foreign.body]).toEqual([404, unknown.body]);
      const stranger = await test.serviceToken(
        carol,
        ['read_oauth_applications', 'write_oauth_applications'],
        'acme corp',
      );
      const crossing = await call(id, 'default', stranger);
      const nowhere = await call(id, 'nowhere', stranger);
      expect([crossing.status, crossing.body]).toEqual([404, nowhere.body]);
      expect((await call('a%00b', 'default', boss.headers)).status).toBe(404);
      expect((await test.get(`${APPLICATIONS}/${id}`, boss.headers)).body).toEqual(before);
    },
  );

  it('lists only one’s own, and by pages', async () => {
    const made = await Promise.all(['A', 'B', 'C'].map((name) => test.application(carol, { name }, 'acme corp')));
    const ids = made.map(({ id }) => id);
    const page = async (query: string) => (await test.get(at('acme corp', query), carol.headers)).body;
    const all = await page('');
    expect((all['applications'] as { id: string }[]).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(all['total']).toBe(3);
    const first = await page('?limit=2');
    const rest = await page('?limit=2&offset=2');
    expect([...(first['applications'] as object[]), ...(rest['applications'] as object[])]).toEqual(
      all['applications'],
    );
    expect(rest['total']).toBe(3);
    const refused = await test.get(at('acme corp', '?limit=501'), carol.headers);
    expect([refused.status, refused.body]).toMatchObject([422, { detail: [{ loc: ['query', 'limit'] }] }]);
  });

  it('R25 R30: reading and writing are accesses of their own, and members have neither', async () => {
    const { id } = await test.application(boss);
    const reader = await test.serviceToken(boss, ['read_oauth_applications']);
    const member = await test.person('mia');
    const status = async (headers: Record<string, string>) => {
      const answers = [['list', (await test.get(APPLICATIONS, headers)).status]];
      answers.push(['create', (await test.post(APPLICATIONS, MINIMAL, headers)).status]);
      for (const [name, call] of EVERY_ROUTE) answers.push([name, (await call(id, 'default', headers)).status]);
      return answers.map(([name, code]) => `${name} ${code}`);
    };
    const writing = ['create', 'PATCH', 'POST secrets', 'POST disable', 'POST enable', 'DELETE'].map(
      (name) => `${name} 403`,
    );
    expect(await status(reader)).toEqual(['list 200', writing[0], 'GET 200', ...writing.slice(1)]);
    expect(await status(member.headers)).toEqual(['list 403', writing[0], 'GET 403', ...writing.slice(1)]);
    expect(await status({})).toEqual([
      'list 401',
      ...['create', ...EVERY_ROUTE.map(([name]) => name)].map((name) => `${name} 401`),
    ]);
  });
});
