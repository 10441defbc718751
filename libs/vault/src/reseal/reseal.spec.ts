import { SecretBox } from '@app/keys';
import { DataKeys } from '../data-keys.js';
import { ORGANIZATION, VaultWorld, type VaultInstance } from '../vault.spec-support.js';
import { DataKeyHousekeeping } from './data-key-housekeeping.js';
import { age, dataKeys, K1, K2, makeOrganizations, reseal } from './reseal.spec-support.js';

let world: VaultWorld;
let before: VaultInstance;
let organizations: string[];
const connected: { organizationId: string; id: string; token: string }[] = [];

beforeAll(async () => {
  world = await VaultWorld.start();
  before = await world.instance();
  organizations = [ORGANIZATION, ...(await makeOrganizations(before, 3))];
  const issued = await world.upstream.issue(120);
  await Promise.all(
    issued.map(async (one, index) => {
      const organizationId = organizations[index % organizations.length] ?? ORGANIZATION;
      const { id } = await before.connect(one, 'up', {}, organizationId);
      connected.push({ organizationId, id, token: one.access_token });
    }),
  );
});
afterAll(() => world.stop());

async function withKeys(masterKeys: string): Promise<VaultInstance> {
  world.masterKeys = masterKeys;
  return world.instance();
}

const read = (instance: VaultInstance, { organizationId, id }: { organizationId: string; id: string }) =>
  instance.vault.token(organizationId, id, { freshness: 'fresh_enough', minTtlMs: undefined });

async function readsAll(instance: VaultInstance): Promise<void> {
  const answers = await Promise.all(connected.map((one) => read(instance, one)));
  expect(answers.filter(({ kind }) => kind !== 'token')).toEqual([]);
}

describe('vault:reseal', () => {
  it('says what it would do, and does nothing, with --dry-run', async () => {
    const both = await withKeys(`${K2},${K1}`);
    const words = await reseal(both, '--tokens', '--older-than', '0', '--dry-run');
    expect(words).toContain('data_keys: 4 would be sealed anew');
    expect(words).toContain('data keys: 4 would be replaced');
    expect(new Set((await dataKeys(before)).map(({ master }) => master))).toEqual(new Set(['k1']));
  });

  it('seals every key anew with the newest master key, and says which one may go', async () => {
    const both = await withKeys(`${K2},${K1}`);
    const words = await reseal(both);
    expect(words).toContain('data_keys: done, 4 sealed anew');
    expect(words).toMatch(/signing_keys: done, [1-9]\d* sealed anew/);
    expect(words).toContain('Master key "k1" is no longer needed');
    const alone = await withKeys(K2);
    await readsAll(alone);
    expect(await reseal(alone)).toContain('data_keys: done, 0 sealed anew');
  });

  it('several at once seal each row once', async () => {
    const [one, other] = [await withKeys(`${K1},${K2}`), await withKeys(`${K1},${K2}`)];
    const words = await Promise.all([reseal(one), reseal(other), reseal(one)]);
    const sealed = words.map((text) => Number(/data_keys: done, (\d+) sealed/.exec(text)?.[1]));
    expect(sealed.reduce((sum, count) => sum + count, 0)).toBe(4);
    await readsAll(await withKeys(K1));
  });

  it('names a secret that does not open, leaves it, and seals the others', async () => {
    const both = await withKeys(`${K2},${K1}`);
    const [victim] = await dataKeys(both);
    const [row] = await both.database.query<{ sealed_key: string }>(`SELECT sealed_key FROM data_keys WHERE id = $1`, [
      victim?.id,
    ]);
    const change = (sealed: string | undefined) =>
      both.database.query(`UPDATE data_keys SET sealed_key = $2 WHERE id = $1`, [victim?.id, sealed]);
    await change(`${row?.sealed_key.slice(0, -4)}AAAA`);
    await expect(reseal(both)).rejects.toThrow(`data_keys ${victim?.id}: A secret sealed with master key "k1"`);
    const masters = (await dataKeys(both)).map(({ id, master }) => [id === victim?.id, master]);
    expect(masters.toSorted()).toEqual([...[1, 2, 3].map(() => [false, 'k2']), [true, 'k1']]);
    await change(row?.sealed_key);
    expect(await reseal(both)).toContain('data_keys: done, 1 sealed anew');
  });

  it('refuses what it does not know', async () => {
    for (const args of [
      ['--all'],
      ['--older-than', '1'],
      ['--tokens', '--older-than', 'x'],
      ['--tokens', '--older-than'],
    ])
      await expect(reseal(before, ...args)).rejects.toThrow('usage: gatehouse vault:reseal');
  });
});

describe('vault:reseal --tokens', () => {
  it('replaces keys older than a day, and none that is younger', async () => {
    const one = await withKeys(`${K2},${K1}`);
    expect(await reseal(one, '--tokens')).toContain('data keys: done, 0 replaced');
    await age(one, 25);
    const words = await reseal(one, '--tokens');
    expect(words).toContain('data keys: done, 4 replaced');
    expect(words).toContain('connections: done, 120 sealed anew');
    const keys = await dataKeys(one);
    expect(keys.filter(({ retired }) => retired).map(({ used }) => used)).toEqual([0, 0, 0, 0]);
    expect(keys.filter(({ retired }) => !retired).reduce((sum, { used }) => sum + used, 0)).toBe(120);
    expect(await reseal(one, '--tokens')).toContain('data keys: done, 0 replaced');
  });

  it('leaves tokens, generation and times as they were', async () => {
    const one = await withKeys(`${K2},${K1}`);
    for (const { organizationId, id, token } of connected.slice(0, 20)) {
      const answer = await read(one, { organizationId, id });
      expect(answer).toMatchObject({ kind: 'token', token: { accessToken: token, generation: 1n } });
    }
  });

  it('lets a deleted connection let go of its key', async () => {
    const one = await withKeys(`${K2},${K1}`);
    const gone = connected.pop();
    if (gone === undefined) throw new Error('there is none');
    await one.vault.delete(gone.organizationId, gone.id, 'user:spec', {});
    await reseal(one, '--tokens', '--older-than', '0');
    expect((await dataKeys(one)).filter(({ retired, used }) => retired && used > 0)).toEqual([]);
    await readsAll(one);
  });

  it('names connections whose tokens do not open, and goes on', async () => {
    const one = await withKeys(`${K2},${K1}`);
    const [victim, donor] = connected.filter(({ organizationId }) => organizationId === ORGANIZATION);
    const swap = `UPDATE connections c SET access_token = o.access_token FROM connections o WHERE c.id = $1 AND o.id = $2`;
    const [kept] = await one.database.query<{ access_token: Buffer }>(
      `SELECT access_token FROM connections WHERE id = $1`,
      [victim?.id],
    );
    await one.database.query(swap, [victim?.id, donor?.id]);
    await expect(reseal(one, '--tokens', '--older-than', '0')).rejects.toThrow(
      new RegExp(`^1 secrets do not open[^]*connection ${victim?.id}`),
    );
    const [row] = await one.database.query<{ retired: boolean }>(
      `SELECT k.retired_at IS NOT NULL AS retired FROM connections c JOIN data_keys k ON k.id = c.data_key_id WHERE c.id = $1`,
      [victim?.id],
    );
    expect(row?.retired).toBe(true);
    await one.database.query(`UPDATE connections SET access_token = $2 WHERE id = $1`, [
      victim?.id,
      kept?.access_token,
    ]);
    await reseal(one, '--tokens');
    await readsAll(one);
  });
});

describe('a retired data key', () => {
  it('still seals for a process that remembers it, and what it sealed opens everywhere', async () => {
    const [slow, other] = [await withKeys(K2), await withKeys(K2)];
    const issued = await world.upstream.issue(2);
    const [first, second] = issued;
    if (first === undefined || second === undefined) throw new Error('nothing was issued');
    await slow.connect(first);
    await reseal(other, '--tokens', '--older-than', '0');
    const late = await slow.connect(second);
    connected.push({ organizationId: ORGANIZATION, id: late.id, token: second.access_token });
    expect((await dataKeys(other)).filter(({ retired }) => retired).map(({ used }) => used)).toContain(1);
    expect(await read(other, { organizationId: ORGANIZATION, id: late.id })).toMatchObject({ kind: 'token' });
  });

  it('is removed a day later, when nothing needs it, and its last tokens were sealed anew before', async () => {
    const one = await withKeys(K2);
    const housekeeping = one.module.get(DataKeyHousekeeping, { strict: false });
    await housekeeping.tidy();
    const kept = await dataKeys(one);
    expect(kept.filter(({ retired }) => retired).length).toBeGreaterThan(0);
    expect(kept.filter(({ retired, used }) => retired && used > 0)).toEqual([]);
    await age(one, 23);
    await housekeeping.tidy();
    expect((await dataKeys(one)).filter(({ retired }) => retired).length).toBeGreaterThan(0);
    await age(one, 2);
    await housekeeping.tidy();
    expect((await dataKeys(one)).filter(({ retired }) => retired)).toEqual([]);
    await readsAll(await withKeys(K2));
  });

  it('is asked for anew within the hour, so that nobody seals with it when it goes', async () => {
    const one = await withKeys(K2);
    let now = new Date('2026-01-01T00:00:00Z');
    const keys = new DataKeys(one.database, one.module.get(SecretBox, { strict: false }), () => now);
    const first = await keys.current(ORGANIZATION);
    const replaced = await one.module.get(DataKeys, { strict: false }).replace(ORGANIZATION, first.id);
    const later = (minutes: number) => (now = new Date(now.getTime() + minutes * 60_000));
    later(59);
    expect(await keys.current(ORGANIZATION)).toBe(first);
    expect(await keys.sealing(ORGANIZATION)).toBe(first);
    later(2);
    // An answer that has just come is sealed without a look.
    expect(await keys.sealing(ORGANIZATION)).toBe(first);
    expect((await keys.current(ORGANIZATION)).id).toBe(replaced?.id);
    later(-600);
    const again = await one.module.get(DataKeys, { strict: false }).replace(ORGANIZATION, replaced?.id ?? '');
    expect((await keys.sealing(ORGANIZATION)).id).toBe(again?.id);
  });

  it('cannot be named by a row once it is removed: such a write is refused', async () => {
    const one = await withKeys(K2);
    const keys = one.module.get(DataKeys, { strict: false });
    const retired = await keys.current(ORGANIZATION);
    await keys.replace(ORGANIZATION, retired.id);
    await reseal(one, '--tokens');
    await one.database.query(`DELETE FROM data_keys WHERE id = $1`, [retired.id]);
    const [connection] = connected;
    await expect(
      one.database.query(`UPDATE connections SET data_key_id = $2 WHERE id = $1`, [connection?.id, retired.id]),
    ).rejects.toMatchObject({ code: '23503' });
  });

  it('replaced by two at once is replaced once', async () => {
    const [one, other] = [await withKeys(K2), await withKeys(K2)];
    const { id } = await one.module.get(DataKeys, { strict: false }).current(ORGANIZATION);
    const replaced = await Promise.all(
      [one, other].map(({ module }) => module.get(DataKeys, { strict: false }).replace(ORGANIZATION, id)),
    );
    expect(replaced.filter((key) => key !== undefined)).toHaveLength(1);
  });

  it('R27 cannot be another organization’s: the database says so itself', async () => {
    const one = await withKeys(K2);
    const mine = connected.find(({ organizationId }) => organizationId === ORGANIZATION);
    const theirs = await one.module.get(DataKeys, { strict: false }).current(organizations[1] ?? '');
    await expect(
      one.database.query(`UPDATE connections SET data_key_id = $2 WHERE id = $1`, [mine?.id, theirs.id]),
    ).rejects.toMatchObject({ code: '23503' });
  });
});
