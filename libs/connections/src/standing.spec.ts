import { Directory } from '@app/directory';
import { Browser } from '../../../test/harness/browser.js';
import { REDIRECT_URL, TestVault } from './connections.spec-support.js';

let vault: TestVault;
let boss: Asker;
let number = 0;

beforeAll(async () => {
  vault = await TestVault.open();
  boss = await vault.person('boss');
});
afterEach(() => vault.upstream.clearFaults());
afterAll(() => vault.close());

interface Asker {
  readonly headers: Record<string, string>;
  readonly userId: string;
}

const member = () => vault.person(`member-${++number}`);
const directory = () => vault.server.app.get(Directory, { strict: false });
const sql = (text: string, values: unknown[]) => vault.database.query(text, values);

async function withKey(): Promise<Asker> {
  return { userId: '', headers: { 'x-api-key': await vault.apiKey(boss, ['write_connections']) } };
}

async function withServiceToken(): Promise<Asker> {
  const path = '/api/v1/organizations/default/service-tokens';
  const { body } = await vault.post(path, { name: 'ci', accesses: ['write_connections'] }, boss.headers);
  return { userId: '', headers: { authorization: String(body['token']) } };
}

async function root(): Promise<Asker> {
  const { headers, userId } = await vault.person('root');
  return { userId, headers: { ...headers, 'x-workspace-id': 'acme' } };
}

/** Who asks, and what becomes of that one afterwards. */
const LOST: readonly (readonly [string, () => Promise<Asker>, (asker: Asker) => Promise<unknown>])[] = [
  ['an API key that was revoked', withKey, () => sql('UPDATE tenant_keys SET revoked_at = now()', [])],
  ['an API key that is over', withKey, () => sql(`UPDATE tenant_keys SET expires_at = now() - interval '1 s'`, [])],
  ['a service token that was revoked', withServiceToken, () => sql('UPDATE tenant_keys SET revoked_at = now()', [])],
  ['a key that lost the access', withKey, () => sql(`UPDATE tenant_keys SET accesses = '{read_connections}'`, [])],
  [
    'a member who was removed',
    member,
    ({ userId }) => sql('DELETE FROM organization_members WHERE user_id = $1', [userId]),
  ],
  ['a user who was disabled', member, ({ userId }) => directory().disableUser(userId)],
  ['a user who was deleted', member, ({ userId }) => directory().deleteUser(userId)],
  ['an administrator who is none any more', root, () => sql('DELETE FROM administrator_pins', [])],
];

async function initiate(asker: Asker, more: object = {}): Promise<string> {
  const input = { integration_id: 'up', redirect_url: REDIRECT_URL, ...more };
  const { status, body, text } = await vault.post('/api/v1/oauth/initiate', input, asker.headers);
  if (status !== 200) throw new Error(text);
  return String(body['auth_url']);
}

async function agreementOf(browser: Browser, authUrl: string): Promise<string> {
  const html = await (await browser.request(vault.local(authUrl))).text();
  return /name="agreement" value="([^"]*)"/.exec(html)?.[1] ?? '';
}

async function agree(browser: Browser, authUrl: string, agreement: string): Promise<Response> {
  const body = new URLSearchParams({ decision: 'continue', agreement });
  return browser.request(vault.local(authUrl), { method: 'POST', body });
}

/** Up to the address of the callback, unvisited. */
async function consent(browser: Browser, authUrl: string): Promise<string> {
  const gone = await agree(browser, authUrl, await agreementOf(browser, authUrl));
  const back = await browser.request(gone.headers.get('location') ?? '');
  return vault.local(back.headers.get('location') ?? '');
}

function endOf(answer: Response) {
  const { origin, pathname, searchParams } = new URL(answer.headers.get('location') ?? 'about:blank');
  return { status: answer.status, at: origin + pathname, error: searchParams.get('error') };
}

const REFUSED = { status: 303, at: REDIRECT_URL, error: 'access_denied' };

async function counts() {
  const [row] = await vault.database.query<{ total: number }>('SELECT count(*)::int AS total FROM connections');
  const { families_revoked: given } = await vault.upstream.stats();
  return { kept: row?.total ?? 0, givenBack: given['revoked'] ?? 0 };
}

describe('R11 R23 D20 an order of somebody who may not ask any more', () => {
  it.each(LOST)(
    '%s: refused on the page, after it and at the callback, and nothing is kept',
    async (_what, who, lose) => {
      const asker = await who();
      const [first, second, third] = [await initiate(asker), await initiate(asker), await initiate(asker)];
      const browser = new Browser();
      const agreement = await agreementOf(browser, second);
      const callback = await consent(browser, third);
      const before = await counts();
      await lose(asker);
      expect(endOf(await browser.request(vault.local(first)))).toEqual(REFUSED);
      expect(endOf(await agree(browser, second, agreement))).toEqual(REFUSED);
      expect(await counts()).toEqual(before);
      expect(endOf(await browser.request(callback))).toEqual(REFUSED);
      expect(await counts()).toEqual({ kept: before.kept, givenBack: before.givenBack + 1 });
    },
  );

  it('one who is lost while the code is being redeemed: the tokens go back', async () => {
    const asker = await member();
    const browser = new Browser();
    const callback = await consent(browser, await initiate(asker));
    const before = await counts();
    await vault.upstream.plan({ on: 'code', latency_after_ms: 300, times: 1 });
    const ending = browser.request(callback);
    while ((await vault.upstream.stats()).in_flight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await directory().deleteUser(asker.userId);
    expect(endOf(await ending)).toEqual(REFUSED);
    expect(await counts()).toEqual({ kept: before.kept, givenBack: before.givenBack + 1 });
  });

  it('without a redirect_url the refusal is a page, and a provider that takes nothing back changes nothing', async () => {
    const asker = await member();
    const browser = new Browser();
    const nowhere = { redirect_url: undefined };
    const authUrl = await initiate(asker, nowhere);
    const callback = await consent(browser, await initiate(asker, nowhere));
    await vault.upstream.plan({ on: 'revoke', fault: 'custom', status: 500, body: {} });
    await directory().disableUser(asker.userId);
    const page = await browser.request(vault.local(authUrl));
    expect([page.status, await page.text()]).toEqual([403, expect.stringContaining('not valid any more')]);
    expect((await browser.request(callback)).status).toBe(403);
  });

  it('an admin who became a member changes no other’s connection', async () => {
    const { id } = await vault.imported(boss);
    const asker = await member();
    const setRole = (role: string) =>
      sql('UPDATE organization_members SET role = $2 WHERE user_id = $1', [asker.userId, role]);
    await setRole('admin');
    const browser = new Browser();
    const callback = await consent(browser, await initiate(asker, { connection_id: id }));
    await setRole('member');
    expect(endOf(await browser.request(callback))).toEqual(REFUSED);
    const { body } = await vault.get(`/api/v1/connections/${id}`, boss.headers);
    expect(body['generation']).toBe(1);
  });

  it('those who still may are not refused', async () => {
    for (const who of [withKey, withServiceToken, member, root]) {
      const browser = new Browser();
      const end = await browser.request(await consent(browser, await initiate(await who())));
      expect(new URL(end.headers.get('location') ?? '').searchParams.get('status')).toBe('success');
    }
  });
});

describe('D4 text that the database cannot hold', () => {
  const credentials = { access_token: 'a' };
  const good = { integration: 'up', credentials };
  it.each([
    ['NUL', '\0'],
    ['a lone high surrogate', '\ud800'],
    ['a lone low surrogate', 'x\udc00'],
  ])('422 for %s in every text of a body', async (_what, bad) => {
    const imports: [object, string][] = [
      [{ ...good, integration: bad }, 'integration'],
      [{ ...good, integration_type: bad }, 'integration_type'],
      [{ ...good, auth_method_id: bad }, 'auth_method_id'],
      [{ ...good, label: bad }, 'label'],
      [{ ...good, config: { a: bad } }, 'config.a'],
      [{ ...good, config: { [bad]: 'a' } }, `config.${bad}`],
      [{ ...good, credentials: { ...credentials, scope: bad } }, 'credentials.scope'],
      [{ ...good, credentials: { ...credentials, token_type: bad } }, 'credentials.token_type'],
      [{ ...good, credentials: { ...credentials, refresh_token: bad } }, 'credentials.refresh_token'],
    ];
    for (const [body, field] of imports) {
      const answer = await vault.post('/api/v1/connections', body, boss.headers);
      expect([answer.status, answer.body]).toMatchObject([422, { detail: [{ loc: ['body', ...field.split('.')] }] }]);
    }
    for (const field of ['integration_id', 'auth_method_id', 'redirect_url', 'connection_id', 'scopes']) {
      const body = { integration_id: 'up', [field]: field === 'scopes' ? [bad] : bad };
      const answer = await vault.post('/api/v1/oauth/initiate', body, boss.headers);
      expect([answer.status, answer.body]).toMatchObject([
        422,
        { detail: [{ loc: ['body', ...(field === 'scopes' ? ['scopes', '0'] : [field])] }] },
      ]);
    }
  });

  it.each(['integration', 'cursor'])('422 for NUL in the query’s %s', async (field) => {
    const answer = await vault.get(`/api/v1/connections?${field}=%00`, boss.headers);
    expect([answer.status, answer.body]).toMatchObject([422, { detail: [{ loc: ['query', field] }] }]);
  });

  it('whole characters outside the BMP are kept', async () => {
    const answer = await vault.post('/api/v1/connections', { ...good, label: '🔑', config: { k: '𝒂' } }, boss.headers);
    expect([answer.status, answer.body]).toMatchObject([200, { label: '🔑', config: { k: '𝒂' } }]);
  });
});
