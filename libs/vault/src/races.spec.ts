import { setVaultClock, tokenSetOf, VaultWorld, ORGANIZATION, type VaultInstance } from './vault.spec-support.js';

let world: VaultWorld;
let one: VaultInstance;
let two: VaultInstance;
const CONTEXT = { requestId: 'spec', remoteAddress: '127.0.0.1' };

beforeAll(async () => {
  world = await VaultWorld.start();
  one = await world.instance();
  two = await world.instance();
});
afterEach(async () => {
  await world.upstream.clearFaults();
  await setVaultClock(one.database, 0);
});
afterAll(() => world.stop());

async function connected() {
  const [issued] = await world.upstream.issue(1);
  if (issued === undefined) throw new Error('nothing was issued');
  return { id: (await one.connect(issued)).id, issued };
}

/** Resolves when the upstream has been asked about this family. */
async function asked(family: string): Promise<void> {
  while ((await world.upstream.stats()).in_flight === 0 && (await world.upstream.grants(family)).presented === 0);
}

describe('vault failure 15', () => {
  it('a connection that is deleted during its refresh does not come back', async () => {
    const { id, issued } = await connected();
    await world.upstream.plan({ family: issued.family, latency_after_ms: 300 });
    const refreshing = one.force(id);
    await asked(issued.family);
    await expect(two.vault.delete(ORGANIZATION, id, 'user:spec', CONTEXT)).resolves.toBe(true);
    await expect(refreshing).resolves.toEqual({ kind: 'not_found' });
    const [row] = await one.database.query<object>(
      `SELECT status, generation, length(access_token) AS left, refresh_token FROM connections WHERE id = $1`,
      [id],
    );
    expect(row).toEqual({ status: 'revoked', generation: '2', left: 0, refresh_token: null });
    // What the refresh brought is given back as well: nobody would ever use it.
    while ((await world.upstream.grants(issued.family)).status === 'active');
  });

  it('a new grant that comes during a refresh of the old one wins', async () => {
    const { id, issued } = await connected();
    const [fresh] = await world.upstream.issue(1);
    await world.upstream.plan({ family: issued.family, latency_after_ms: 300 });
    const refreshing = one.force(id);
    await asked(issued.family);
    const grant = { tokens: tokenSetOf(fresh!), subject: undefined, actor: 'user:spec' };
    await expect(two.vault.reconnect(ORGANIZATION, id, grant, CONTEXT)).resolves.toMatchObject({ generation: 2n });
    await expect(refreshing).resolves.toMatchObject({ token: { accessToken: fresh!.access_token, generation: 2n } });
    await expect(two.force(id)).resolves.toMatchObject({ kind: 'token', token: { generation: 3n } });
    expect(await world.upstream.grants(fresh!.family)).toMatchObject({ presented: 1, granted: 1 });
  });

  it('connecting again revives what had died', async () => {
    const { id, issued } = await connected();
    await world.upstream.revoke(issued.family);
    await expect(one.force(id)).resolves.toMatchObject({ kind: 'dead' });
    const [fresh] = await world.upstream.issue(1);
    await one.vault.reconnect(
      ORGANIZATION,
      id,
      { tokens: tokenSetOf(fresh!), subject: undefined, actor: 'u' },
      CONTEXT,
    );
    await expect(one.get(id)).resolves.toMatchObject({ token: { accessToken: fresh!.access_token } });
    expect(await one.find(id)).toMatchObject({ status: 'active', statusReason: undefined, consecutiveFailures: 0 });
  });
});

describe('vault failure 16', () => {
  it('a sweep that is asked for a hundred times is one sweep', async () => {
    const issued = await world.upstream.issue(40);
    for (const tokens of issued) await one.connect(tokens);
    await setVaultClock(one.database, 3_000);
    const reports = await Promise.all(Array.from({ length: 100 }, () => one.sweeper.sweep()));
    expect(new Set(reports).size).toBe(1);
    expect(reports[0]?.refreshed).toBeGreaterThanOrEqual(40);
    const { replayed, duplicate_grants: duplicates } = (await world.upstream.stats()).refresh;
    expect({ replayed, duplicates }).toEqual({ replayed: 0, duplicates: 0 });
  });
});

describe('vault failure 17', () => {
  it('who insists on another token gets one, also beside those who do not', async () => {
    const { id, issued } = await connected();
    await world.upstream.plan({ family: issued.family, latency_before_ms: 100 });
    const [forced, plain, forcedElsewhere] = await Promise.all([one.force(id), one.get(id), two.force(id)]);
    expect(plain).toMatchObject({ token: { generation: 1n } });
    expect(forced).toMatchObject({ token: { generation: 2n } });
    expect(forcedElsewhere).toMatchObject({ token: { generation: 2n } });
  });

  it('a thousand who wait for one refresh are one request', async () => {
    const { id, issued } = await connected();
    await world.upstream.plan({ family: issued.family, latency_before_ms: 100 });
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => (n % 2 === 0 ? one : two).force(id)));
    expect(
      new Set(answers.map((answer) => (answer.kind === 'token' ? answer.token.accessToken : answer.kind))).size,
    ).toBe(1);
    expect(await world.upstream.grants(issued.family)).toMatchObject({ presented: 1, granted: 1 });
  });
});

describe('vault failure 9', () => {
  it('a clock that jumps lets nothing be claimed twice, and nothing be missed', async () => {
    const issued = await world.upstream.issue(60);
    const made = await Promise.all(issued.map((tokens) => one.connect(tokens)));
    for (const offset of [600, -600, 3_000, 2_400, 3_300]) {
      await setVaultClock(one.database, offset);
      await Promise.all([one.sweeper.sweep(), two.sweeper.sweep()]);
    }
    await setVaultClock(one.database, 3_599);
    await Promise.all([one.sweeper.sweep(), two.sweeper.sweep()]);
    for (const { id } of made) expect((await one.find(id)).generation).toBeGreaterThanOrEqual(2n);
    const { refresh, families_revoked: revoked } = await world.upstream.stats();
    expect([refresh.replayed, refresh.duplicate_grants, revoked['reuse'] ?? 0]).toEqual([0, 0, 0]);
  });

  it('who was away for longer than his lease does not take his own request, under way still, for a lost one', async () => {
    const { id, issued } = await connected();
    await world.upstream.plan({ family: issued.family, latency_after_ms: 500 });
    const refreshing = one.force(id);
    await asked(issued.family);
    // As after a suspended machine, or a database that was silent: lease over, connection due, no heartbeat yet.
    await setVaultClock(one.database, 3_300);
    await one.sweeper.sweep();
    await expect(refreshing).resolves.toMatchObject({ kind: 'token', token: { generation: 2n } });
    expect(await one.outcomes(id)).toEqual(['refreshed']);
    expect(await world.upstream.grants(issued.family)).toMatchObject({ status: 'active', presented: 1, granted: 1 });
  });
});
