import fc from 'fast-check';
import { Database, DEFAULT_ORGANIZATION } from '@app/database';
import { SecretBox } from '@app/keys';
import { Secret } from '@app/config';
import { dataSourceOptions, openDataSource, runMigrations } from '@app/database';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { DataKeys } from './data-keys.js';
import { TokenNotAuthentic, TokenSeal } from './token-seal.js';

const ORGANIZATION = DEFAULT_ORGANIZATION.id;
const OTHER = '00000000-0000-4000-8000-0000000000ff';
const box = new SecretBox([{ id: 'k1', key: new Secret(Buffer.alloc(32, 1)) }]);
let database: Database;
let seal: TokenSeal;
let dataKeyId: string;
const cleanUp: (() => Promise<unknown>)[] = [];
const place = { organizationId: ORGANIZATION, connectionId: 'conn_1', generation: 4n };

beforeAll(async () => {
  const fresh = await freshDatabase();
  await runMigrations(fresh.url);
  const source = await openDataSource(dataSourceOptions({ url: fresh.url, poolSize: 4, warn: () => undefined }));
  cleanUp.push(
    () => source.destroy(),
    () => fresh.drop(),
  );
  database = new Database(source);
  await database.query(`INSERT INTO organizations (id, name) VALUES ($1, 'other')`, [OTHER]);
  seal = new TokenSeal(new DataKeys(database, box));
  ({ dataKeyId } = await seal.seal(place, { accessToken: 'a', refreshToken: 'r' }));
});
afterAll(async () => {
  for (const step of cleanUp) await step();
});

const sealed = (accessToken: string) => seal.seal(place, { accessToken, refreshToken: 'refresh' });

describe('vault failure 14', () => {
  it('what was sealed opens in its place, whatever it holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 500 }), async (token) => {
        const box_ = await sealed(token);
        await expect(seal.open(place, dataKeyId, 'access_token', box_.accessToken)).resolves.toBe(
          Buffer.from(token).toString(),
        );
        expect(box_.accessToken.includes(Buffer.from(token)) && token.length > 8).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('it opens nowhere else: other field, generation, connection, or one byte changed', async () => {
    const { accessToken } = await sealed('the-token');
    const refused = (promise: Promise<unknown>) => expect(promise).rejects.toBeInstanceOf(TokenNotAuthentic);
    await refused(seal.open(place, dataKeyId, 'refresh_token', accessToken));
    await refused(seal.open({ ...place, generation: 3n }, dataKeyId, 'access_token', accessToken));
    await refused(seal.open({ ...place, connectionId: 'conn_2' }, dataKeyId, 'access_token', accessToken));
    await fc.assert(
      fc.asyncProperty(fc.nat(accessToken.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = Buffer.from(accessToken);
        changed[at] = (changed[at] ?? 0) ^ flip;
        await refused(seal.open(place, dataKeyId, 'access_token', changed));
      }),
      { numRuns: 50 },
    );
    await refused(seal.open(place, dataKeyId, 'access_token', accessToken.subarray(0, 20)));
  });

  it('R27 a row that was moved to another organization does not open, nor with that one’s key', async () => {
    const { accessToken } = await sealed('the-token');
    await expect(
      seal.open({ ...place, organizationId: OTHER }, dataKeyId, 'access_token', accessToken),
    ).rejects.toThrow();
    const theirs = await seal.seal({ ...place, organizationId: OTHER }, { accessToken: 'x', refreshToken: undefined });
    expect(theirs.dataKeyId).not.toBe(dataKeyId);
    await expect(seal.open(place, theirs.dataKeyId, 'access_token', accessToken)).rejects.toThrow();
  });

  it('a data key whose master key is gone says which key to put back', async () => {
    const without = new SecretBox([{ id: 'k2', key: new Secret(Buffer.alloc(32, 2)) }]);
    const { accessToken } = await sealed('the-token');
    const later = new TokenSeal(new DataKeys(database, without));
    await expect(later.open(place, dataKeyId, 'access_token', accessToken)).rejects.toThrow(/"k1"/);
  });

  it('two instances that make an organization’s first key at once end with one', async () => {
    const third = '00000000-0000-4000-8000-0000000000fe';
    await database.query(`INSERT INTO organizations (id, name) VALUES ($1, 'third')`, [third]);
    const made = await Promise.all(Array.from({ length: 8 }, () => new DataKeys(database, box).current(third)));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(new Set(made.map(({ key }) => key.toString('hex'))).size).toBe(1);
  });
});
