import { setVaultClock, VaultWorld, type VaultInstance } from './vault.spec-support.js';

let world: VaultWorld;
let one: VaultInstance;

beforeAll(async () => {
  world = await VaultWorld.start();
  one = await world.instance();
});
afterEach(() => world.upstream.clearFaults());
afterAll(() => world.stop());

describe('the one refresh', () => {
  it('brings a new generation, keeps it sealed, and writes the journal', async () => {
    const [issued] = await world.upstream.issue(1);
    const made = await one.connect(issued!);
    const before = await one.get(made.id);
    expect(before).toMatchObject({ kind: 'token', token: { accessToken: issued!.access_token, stale: undefined } });
    const after = await one.force(made.id);
    expect(after).toMatchObject({ kind: 'token', token: { generation: 2n } });
    const ledger = await world.upstream.grants(issued!.family);
    expect(after).toMatchObject({ token: { accessToken: ledger.current.access_token } });
    expect(await one.outcomes(made.id)).toEqual(['refreshed']);
    await expect(one.get(made.id)).resolves.toEqual(after);
  });
});

describe('vault error class dead', () => {
  it('a revoked grant needs its person, at once and for good', async () => {
    const [issued] = await world.upstream.issue(1);
    const made = await one.connect(issued!);
    await world.upstream.revoke(issued!.family);
    await expect(one.force(made.id)).resolves.toEqual({ kind: 'dead', reason: 'revoked' });
    await expect(one.get(made.id)).resolves.toEqual({ kind: 'dead', reason: 'revoked' });
    const { presented } = await world.upstream.grants(issued!.family);
    await one.force(made.id);
    expect((await world.upstream.grants(issued!.family)).presented).toBe(presented);
  });
});

describe('the sweep', () => {
  it('refreshes what is due and nothing else', async () => {
    const issued = await world.upstream.issue(30);
    const made = await Promise.all(issued.map((one_) => one.connect(one_)));
    const granted = (await world.upstream.stats()).refresh.granted;
    await one.sweeper.sweep();
    expect((await world.upstream.stats()).refresh.granted).toBe(granted);
    await setVaultClock(one.database, 3600 - 600);
    await one.sweeper.sweep();
    await setVaultClock(one.database, 0);
    const generations = await Promise.all(made.map(async ({ id }) => (await one.find(id)).generation));
    expect(generations).toEqual(issued.map(() => 2n));
  });
});
