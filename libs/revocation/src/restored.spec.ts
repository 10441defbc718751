import { freshDatabase } from '../../../test/harness/postgres.js';
import { revokeEverythingIssued } from './restored.js';
import { startInstance, type Instance } from './revocation.spec-support.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let instance: Instance;
beforeAll(async () => {
  database = await freshDatabase();
  instance = await startInstance(database.url, undefined);
});
afterAll(async () => {
  await instance.close();
  await database.drop();
});

async function organization(): Promise<{ subject: string; generation: number }> {
  const [row] = await instance.database.query<{ id: string; generation: number }>(
    `SELECT id, generation FROM organizations WHERE name = 'default'`,
  );
  if (row === undefined) throw new Error('the migration makes the default organization');
  return { subject: `organization:${row.id}`, generation: row.generation };
}

describe('D50', () => {
  it('a restore voids what carries the generation of before, and nothing that is issued after', async () => {
    const before = await organization();
    expect(await instance.revocations.check([before])).toEqual([]);
    expect(await revokeEverythingIssued(instance.revocations)).toBe(1);
    expect(await instance.revocations.check([before])).toEqual([before.subject]);
    expect(await instance.revocations.check([await organization()])).toEqual([]);
  });

  it('also what was issued after the backup under a generation that the backup does not know', async () => {
    const lost = { ...(await organization()), generation: 40 };
    await instance.database.query(`UPDATE organizations SET generation = 3`);
    await revokeEverythingIssued(instance.revocations);
    expect(await instance.revocations.check([lost])).toEqual([lost.subject]);
  });

  it('twice in one minute rises twice', async () => {
    const once = await organization();
    await revokeEverythingIssued(instance.revocations);
    expect(await instance.revocations.check([once])).toEqual([once.subject]);
  });
});
