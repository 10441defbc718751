import { Leases } from './leases.js';
import { VaultWorld, type VaultInstance } from './vault.spec-support.js';

const CALLERS = 500;

describe('D60, callers of one connection in one process', () => {
  let world: VaultWorld;
  let instance: VaultInstance;

  beforeAll(async () => {
    world = await VaultWorld.start();
    instance = await world.instance();
  });
  afterAll(() => world.stop());
  afterEach(() => jest.restoreAllMocks());

  async function connected(): Promise<string> {
    const [issued] = await world.upstream.issue();
    if (issued === undefined) throw new Error('the upstream issued nothing');
    return (await instance.connect(issued)).id;
  }

  it('share one claim and one request upstream when all want a new token', async () => {
    const id = await connected();
    const claims = jest.spyOn(instance.module.get(Leases), 'claimOne');
    const before = await world.upstream.stats();
    const deliveries = await Promise.all(Array.from({ length: CALLERS }, () => instance.force(id)));
    const tokens = deliveries.map((delivery) => (delivery.kind === 'token' ? delivery.token.accessToken : undefined));
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toBeDefined();
    expect((await world.upstream.stats()).refresh.granted - before.refresh.granted).toBe(1);
    expect(claims).toHaveBeenCalledTimes(1);
  });

  it('read its row once when they ask together, and again when one asks later', async () => {
    const id = await connected();
    const statements = jest.spyOn(instance.database, 'queryNamed');
    const reads = () => statements.mock.calls.filter(([name]) => name === 'vault-read').length;
    await Promise.all(Array.from({ length: CALLERS }, () => instance.get(id)));
    expect(reads()).toBe(1);
    await instance.get(id);
    expect(reads()).toBe(2);
  });
});
