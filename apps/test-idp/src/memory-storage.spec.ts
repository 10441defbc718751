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
