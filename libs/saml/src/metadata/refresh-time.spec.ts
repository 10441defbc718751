import fc from 'fast-check';
import { lifeAt, nextRefresh } from './refresh-time.js';

const now = new Date('2026-01-01T00:00:00Z');
const HOUR = 3_600_000;

function pause(life: { cacheSeconds?: number; validUntil?: string }, jitter = 0): number {
  const { cacheSeconds, validUntil } = life;
  return nextRefresh(now, { cacheSeconds, validUntil }, jitter).getTime() - now.getTime();
}

describe('the next refresh', () => {
  it('comes after a day, after cacheDuration, or at half the life, whichever is first', () => {
    expect(pause({})).toBe(24 * HOUR);
    expect(pause({ cacheSeconds: 3600 })).toBe(HOUR);
    expect(pause({ cacheSeconds: 30 * 86_400 })).toBe(24 * HOUR);
    expect(pause({ validUntil: '2026-01-01T10:00:00Z' })).toBe(5 * HOUR);
    expect(pause({ validUntil: '2026-01-01T10:00:00Z', cacheSeconds: 3600 })).toBe(HOUR);
  });

  it('is five minutes away at least, whatever a document says', () => {
    expect(pause({ cacheSeconds: 0 })).toBe(5 * 60_000);
    expect(pause({ validUntil: '2026-01-01T00:00:01Z' })).toBe(5 * 60_000);
    expect(pause({ validUntil: '2020-01-01T00:00:00Z' })).toBe(5 * 60_000);
  });

  it('is never later than what the document asks for, and at most a tenth earlier', () => {
    fc.assert(
      fc.property(fc.nat(200_000), fc.double({ min: 0, max: 1, noNaN: true }), (cacheSeconds, jitter) => {
        const latest = pause({ cacheSeconds });
        const actual = pause({ cacheSeconds }, jitter);
        expect(actual).toBeLessThanOrEqual(latest);
        expect(actual).toBeGreaterThanOrEqual(latest * 0.9 - 1);
      }),
    );
  });
});

describe('metadata §2.3.1', () => {
  it('ends at validUntil, and a day of grace after it', () => {
    const validUntil = now.toISOString();
    const at = (ms: number) => lifeAt(new Date(now.getTime() + ms), { validUntil });
    expect(at(-1)).toBe('valid');
    expect(at(0)).toBe('grace');
    expect(at(24 * HOUR - 1)).toBe('grace');
    expect(at(24 * HOUR)).toBe('over');
    expect(lifeAt(now, { validUntil: undefined })).toBe('valid');
  });
});
