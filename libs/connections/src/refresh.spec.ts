import { TestVault, type Caller } from './connections.spec-support.js';

let vault: TestVault;
let boss: Caller;

beforeAll(async () => {
  vault = await TestVault.open();
  boss = await vault.person('boss');
});
afterEach(async () => {
  await vault.upstream.clearFaults();
  await vault.database.query('DELETE FROM provider_breakers');
});
afterAll(() => vault.close());

const refresh = (id: string) => vault.post(`/api/v1/oauth/refresh/${id}`, {}, boss.headers);
const token = (id: string, wish: object = {}) => vault.post(`/api/v1/connections/${id}/token`, wish, boss.headers);

describe('POST /api/v1/oauth/refresh/{connection_id}', () => {
  it('brings new tokens and says until when they live', async () => {
    const { id, issued } = await vault.imported(boss);
    const { status, body, headers } = await refresh(id);
    expect([status, body]).toEqual([
      200,
      { status: 'success', connection_id: id, expires_at: expect.stringMatching(/^\d{4}-.*Z$/) as string },
    ]);
    expect(headers['content-type']).toBe('application/json');
    const after = await token(id);
    expect(after.body).toMatchObject({ generation: 2, expires_at: body['expires_at'] });
    expect(after.body['access_token']).not.toBe(issued.access_token);
  });

  it('callers at once share one request to the provider, and hear the same', async () => {
    const { id, issued } = await vault.imported(boss);
    await vault.upstream.plan({ on: 'refresh', family: issued.family, latency_after_ms: 200 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(id)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(await vault.upstream.grants(issued.family)).toMatchObject({ granted: 1, presented: 1 });
  });

  it('vault failure 17: who forces a refresh gets a new generation, even beside those who do not', async () => {
    const { id, issued } = await vault.imported(boss);
    await vault.upstream.plan({ on: 'refresh', family: issued.family, latency_after_ms: 150 });
    const [forced, plain] = await Promise.all([token(id, { force: true }), token(id)]);
    expect([forced.body['generation'], plain.status]).toEqual([2, 200]);
    expect(forced.body['access_token']).not.toBe(issued.access_token);
  });

  it('409 for a grant that is over: why, and a link that brings it back', async () => {
    const { id, issued } = await vault.imported(boss);
    await vault.upstream.revoke(issued.family);
    const { status, body } = await refresh(id);
    expect([status, body]).toEqual([
      409,
      {
        detail: expect.stringMatching(/authorized again \(revoked\).*reauth_url/) as string,
        error_code: 'revoked',
        reauth_url: expect.stringMatching(/^http:\/\/localhost:8080\/connect\/[\w-]{43}$/) as string,
      },
    ]);
    // The same link for whoever asks again: polling does not fill the store.
    expect((await token(id)).body['reauth_url']).toBe(body['reauth_url']);
    const page = await vault.browser().request(vault.local(String(body['reauth_url'])));
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('takes the place')]);
    const tokensOnly = { 'x-api-key': await vault.apiKey(boss, ['read_connection_tokens']) };
    const refused = await vault.post(`/api/v1/connections/${id}/token`, {}, tokensOnly);
    expect([refused.status, refused.body]).toEqual([
      409,
      { detail: expect.stringContaining('/api/v1/oauth/initiate') as string, error_code: 'revoked' },
    ]);
  });

  it('409 where there is nothing to refresh with', async () => {
    const { id } = await vault.imported(boss, { without: 'refresh_token' });
    expect((await refresh(id)).body).toMatchObject({ error_code: 'expired_no_refresh' });
    expect((await token(id)).status).toBe(200);
  });

  it('503 with Retry-After while the provider is down, and nobody asks it meanwhile', async () => {
    const { id, issued } = await vault.imported(boss);
    await vault.upstream.plan({ on: 'refresh', family: issued.family, fault: 'unavailable_until', seconds: 120 });
    const first = await refresh(id);
    expect([first.status, first.body]).toEqual([
      503,
      { detail: expect.stringContaining('try again in') as string, error_code: expect.any(String) as string },
    ]);
    const second = await refresh(id);
    expect(second.status).toBe(503);
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(60);
    expect((await vault.upstream.grants(issued.family)).presented).toBeLessThanOrEqual(1);
    expect((await token(id)).body).toMatchObject({ status: 'fresh', access_token: issued.access_token });
    const wish = await token(id, { min_ttl: 86_400 });
    expect([wish.status, wish.body]).toMatchObject([200, { status: 'stale', access_token: issued.access_token }]);
    expect(wish.body['retry_after']).toBeGreaterThan(60);
    const { body } = await vault.get(`/api/v1/connections/${id}`, boss.headers);
    expect(body).toMatchObject({ status: 'active', health: { state: 'failing' } });
  });
});

describe('POST /api/v1/connections/{id}/unauthorized', () => {
  it('however many report one token, it is refreshed once', async () => {
    const { id, issued } = await vault.imported(boss);
    const report = () => vault.post(`/api/v1/connections/${id}/unauthorized`, { generation: 1 }, boss.headers);
    const together = await Promise.all([report(), report(), report()]);
    const late = await report();
    for (const { status, body } of [...together, late]) expect([status, body['generation']]).toEqual([200, 2]);
    expect(await vault.upstream.grants(issued.family)).toMatchObject({ granted: 1 });
  });

  it.each([[{ generation: 0 }], [{ generation: 'x' }], [{ generation: 1.5 }]])('422 for %j', async (body) => {
    const { id } = await vault.imported(boss);
    const answer = await vault.post(`/api/v1/connections/${id}/unauthorized`, body, boss.headers);
    expect([answer.status, answer.body]).toMatchObject([422, { detail: [{ loc: ['body', 'generation'] }] }]);
  });
});
