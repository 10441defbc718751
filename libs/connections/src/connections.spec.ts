import { TestVault, type Caller } from './connections.spec-support.js';

let vault: TestVault;
let boss: Caller;
let carol: Caller;

beforeAll(async () => {
  vault = await TestVault.open();
  boss = await vault.person('boss');
  carol = await vault.person('carol');
});
afterAll(() => vault.close());

describe('POST /api/v1/connections, POST /api/v1/connections/{id}/token', () => {
  it('keeps an imported token set and hands out its access token', async () => {
    const { id, issued, answer } = await vault.imported(boss);
    expect(answer.body).toMatchObject({ id, integration: 'up', status: 'active', label: 'Mail', origin: 'import' });
    const token = await vault.post(`/api/v1/connections/${id}/token`, {}, boss.headers);
    expect([token.status, token.body]).toEqual([
      200,
      {
        access_token: issued.access_token,
        token_type: 'Bearer',
        expires_at: expect.stringMatching(/Z$/),
        expires_in: expect.any(Number),
        scope: issued.scope,
        generation: 1,
        status: 'fresh',
      },
    ]);
    expect(token.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
  });
});
