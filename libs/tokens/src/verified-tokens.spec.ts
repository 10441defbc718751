import { VerifiedTokens, type VerifiedToken } from './verified-tokens.js';

const endingAt = (exp: number): VerifiedToken =>
  ({ claims: { exp }, principal: {}, revocationClaims: [], introspection: undefined }) as unknown as VerifiedToken;

describe('VerifiedTokens', () => {
  it('finds a token until it ends, and not in the second of its end', () => {
    const tokens = new VerifiedTokens();
    const verified = endingAt(100);
    tokens.add('a', verified);
    expect(tokens.find('a', 99.999)).toBe(verified);
    expect(tokens.find('a', 100)).toBeUndefined();
    // Forgotten, not only refused: a clock that goes back does not bring it back.
    expect(tokens.find('a', 50)).toBeUndefined();
  });

  it('forgets what is deleted', () => {
    const tokens = new VerifiedTokens();
    tokens.add('a', endingAt(100));
    tokens.delete('a');
    expect(tokens.find('a', 1)).toBeUndefined();
  });

  it('holds at most its capacity, and lets the oldest go', () => {
    const tokens = new VerifiedTokens(20);
    for (let n = 0; n < 1000; n++) tokens.add(`t${n}`, endingAt(100));
    const held = Array.from({ length: 1000 }, (_, n) => n).filter((n) => tokens.find(`t${n}`, 1) !== undefined);
    expect(held.length).toBeLessThanOrEqual(20);
    expect(held.length).toBeGreaterThanOrEqual(18);
    expect(held).toEqual(Array.from({ length: held.length }, (_, n) => 1000 - held.length + n));
  });

  it('works with room for one', () => {
    const tokens = new VerifiedTokens(1);
    tokens.add('a', endingAt(100));
    tokens.add('b', endingAt(100));
    expect(tokens.find('a', 1)).toBeUndefined();
    expect(tokens.find('b', 1)).toBeDefined();
  });
});
