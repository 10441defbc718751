import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStorage } from './memory-storage.js';

describe('the storage of the test identity provider', () => {
  let now = 1_000_000;
  const storage = memoryStorage(() => now);
  const tokens = storage('AccessToken');
  const codes = storage('AuthorizationCode');

  it('forgets a record when its time is over', async () => {
    await tokens.upsert('a', { jti: 'a' }, 60);
    now += 59_999;
    expect(await tokens.find('a')).toEqual({ jti: 'a' });
    now += 1;
    expect(await tokens.find('a')).toBeUndefined();
  });

  it('keeps models apart', async () => {
    await tokens.upsert('same', { jti: 'token' });
    expect(await codes.find('same')).toBeUndefined();
  });

  it('marks a record as consumed, in seconds', async () => {
    await codes.upsert('c', { jti: 'c' }, 60);
    await codes.consume('c');
    expect((await codes.find('c'))?.consumed).toBe(Math.floor(now / 1000));
  });

  it('ends everything of one grant, of whatever model, and nothing of another', async () => {
    await tokens.upsert('t1', { grantId: 'g1' }, 60);
    await codes.upsert('c1', { grantId: 'g1' }, 60);
    await tokens.upsert('t2', { grantId: 'g2' }, 60);
    await tokens.revokeByGrantId('g1');
    expect(await tokens.find('t1')).toBeUndefined();
    expect(await codes.find('c1')).toBeUndefined();
    expect(await tokens.find('t2')).toBeDefined();
  });

  it('drops the oldest records rather than grow without end', async () => {
    const small = memoryStorage(() => now)('AccessToken');
    for (let i = 0; i <= 50_000; i += 1) await small.upsert(`t${i}`, { jti: `t${i}` }, 60);
    expect(await small.find('t0')).toBeUndefined();
    expect(await small.find('t1')).toBeDefined();
  });
});

describe('the storage with a file', () => {
  let now = 1_000_000;
  const clock = () => now;
  const folder = mkdtempSync(join(tmpdir(), 'test-idp-'));
  const path = join(folder, 'kept', 'records.jsonl');
  afterAll(() => rmSync(folder, { recursive: true }));

  it('has after a new start what it had before, consumed and removed records too, whatever a kill left of the last line', async () => {
    const before = memoryStorage(clock, path)('RefreshToken');
    await before.upsert('kept', { jti: 'kept', grantId: 'g' }, 60);
    await before.upsert('used', { jti: 'used' });
    await before.upsert('over', { jti: 'over' }, 1);
    await before.upsert('gone', { jti: 'gone' }, 60);
    await before.consume('used');
    await before.destroy('gone');
    appendFileSync(path, '{"key":"RefreshToken:half","payl');
    now += 2_000;
    const after = memoryStorage(clock, path)('RefreshToken');
    expect(await after.find('kept')).toEqual({ jti: 'kept', grantId: 'g' });
    expect(await after.find('used')).toEqual({ jti: 'used', consumed: 1_000 });
    expect(await after.find('over')).toBeUndefined();
    expect(await after.find('gone')).toBeUndefined();
    expect(await after.find('half')).toBeUndefined();
    await after.revokeByGrantId('g');
    expect(await memoryStorage(clock, path)('RefreshToken').find('kept')).toBeUndefined();
  });
});
