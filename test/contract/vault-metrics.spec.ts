import { TestVault, type Caller } from '../../libs/connections/src/connections.spec-support.js';

let vault: TestVault;
let boss: Caller;

beforeAll(async () => {
  vault = await TestVault.open();
  boss = await vault.person('boss');
});
afterAll(() => vault.close());

async function sample(series: string): Promise<number | undefined> {
  const { text } = await vault.get('/metrics');
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('GET /metrics of the vault', () => {
  it('tells the backlog, and what became of it', async () => {
    const made = await vault.imported(boss);
    expect(await sample('gatehouse_vault_due_connections{provider="up"}')).toBe(0);
    await vault.shiftClock(3_500);
    expect(await sample('gatehouse_vault_due_connections{provider="up"}')).toBe(1);
    expect(await sample('gatehouse_vault_oldest_due_seconds{provider="up"}')).toBeGreaterThan(60);
    await vault.post('/internal/auth/refresh-tokens', {});
    while ((await sample('gatehouse_vault_refresh_commits_total{provider="up",outcome="kept"}')) !== 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await sample('gatehouse_vault_due_connections{provider="up"}')).toBe(0);
    expect(await sample('gatehouse_vault_refresh_answers_total{provider="up",kind="refreshed"}')).toBe(1);
    expect(await sample('gatehouse_vault_refresh_lateness_seconds_count{provider="up"}')).toBe(1);
    expect(await sample('gatehouse_vault_refresh_lateness_seconds_bucket{provider="up",le="+Inf"}')).toBe(1);
    expect(await sample('gatehouse_vault_refresh_lateness_seconds_bucket{provider="up",le="1"}')).toBe(0);
    await vault.shiftClock(0);
    await vault.upstream.revoke(made.issued.family);
    await vault.post(`/api/v1/oauth/refresh/${made.id}`, {}, boss.headers);
    expect(await sample('gatehouse_vault_connections_died_total{provider="up",reason="revoked"}')).toBe(1);
    expect(await sample('gatehouse_vault_needs_reauth_connections{provider="up"}')).toBe(1);
  });

  it('tells that a provider rests, and readiness says so without being unready', async () => {
    const { id } = await vault.imported(boss);
    await vault.upstream.plan({ on: 'refresh', fault: 'invalid_client' });
    await vault.post(`/api/v1/oauth/refresh/${id}`, {}, boss.headers);
    expect(await sample('gatehouse_vault_provider_resting{provider="up"}')).toBe(1);
    const { status, body } = await vault.get('/health/ready');
    const { details } = body as { details: { vault: unknown } };
    expect([status, details.vault]).toMatchObject([
      200,
      { state: 'degraded', providers: [{ id: 'up', resting: 'misconfigured' }] },
    ]);
  });

  it('names no connection and no organization', async () => {
    const { text } = await vault.get('/metrics');
    expect(text).not.toMatch(/conn_|workspace|organization=/);
  });
});
