import fc from 'fast-check';
import { backoffMs, callerMarginMs, jitter, refreshDelay, SWEEP_WINDOW_MS } from './refresh-time.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const life = (accessMs: number | undefined, connectionId = 'conn_1') => ({
  connectionId,
  accessMs,
  refreshMs: undefined,
  maxIdleMs: undefined,
  marginMs: undefined,
});
const id = fc.string({ minLength: 5, maxLength: 40 });

describe('vault scheduling', () => {
  it('a token of 70 minutes or more is due 35 minutes before its end, or up to a tenth of its life earlier', () => {
    fc.assert(
      fc.property(id, fc.integer({ min: 70 * MINUTE, max: 400 * 24 * HOUR }), (connectionId, accessMs) => {
        const left = accessMs - (refreshDelay(life(accessMs, connectionId)) ?? Number.NaN);
        expect(left).toBeGreaterThanOrEqual(SWEEP_WINDOW_MS);
        expect(left).toBeLessThanOrEqual(SWEEP_WINDOW_MS + accessMs / 10);
      }),
    );
  });

  it('a shorter one max(60 s, 20 %) before its end, but not in the first two fifths of its life', () => {
    fc.assert(
      fc.property(id, fc.integer({ min: 1000, max: 70 * MINUTE - 1 }), (connectionId, accessMs) => {
        const delay = refreshDelay(life(accessMs, connectionId)) ?? Number.NaN;
        const margin = Math.min(Math.max(MINUTE, accessMs / 5), accessMs / 2);
        expect(accessMs - delay).toBeGreaterThanOrEqual(margin);
        expect(delay).toBeGreaterThanOrEqual(accessMs * 0.4 - 1);
      }),
    );
  });

  it('a token that never ends is not refreshed, unless its refresh token ends, by time or by idleness', () => {
    expect(refreshDelay(life(undefined))).toBeUndefined();
    const refreshMs = 90 * 24 * HOUR;
    expect(refreshDelay({ ...life(undefined), refreshMs })).toBeLessThanOrEqual(refreshMs * 0.9);
    expect(refreshDelay({ ...life(undefined), maxIdleMs: refreshMs })).toBeLessThanOrEqual(refreshMs * 0.8);
    expect(refreshDelay({ ...life(HOUR), refreshMs })).toBe(refreshDelay(life(HOUR)));
  });

  it('a provider’s own margin makes it earlier, never later', () => {
    expect(refreshDelay({ ...life(HOUR), marginMs: 20 * MINUTE })).toBeLessThan(refreshDelay(life(HOUR)) ?? 0);
    expect(refreshDelay({ ...life(HOUR), marginMs: MINUTE })).toBe(refreshDelay(life(HOUR)));
  });

  it('the same connection always has the same jitter', () => {
    expect(jitter('conn_abc')).toBe(jitter('conn_abc'));
    expect(jitter('conn_abc')).not.toBe(jitter('conn_abd'));
  });
});

describe('vault failure 13', () => {
  it('100,000 made in one second fall due evenly over a tenth of their life: each slice within 5 % of uniform', () => {
    const slices = Array.from({ length: 20 }, () => 0);
    const count = 100_000;
    for (let n = 0; n < count; n += 1) {
      const connectionId = `conn_${n.toString(16).padStart(32, '0')}`;
      const share =
        (30 * 24 * HOUR - SWEEP_WINDOW_MS - (refreshDelay(life(30 * 24 * HOUR, connectionId)) ?? 0)) / (3 * 24 * HOUR);
      const slice = Math.floor(share * slices.length);
      slices[slice] = (slices[slice] ?? 0) + 1;
    }
    for (const inSlice of slices) expect(Math.abs(inSlice / (count / slices.length) - 1)).toBeLessThan(0.05);
  });
});

describe('what callers count as expired', () => {
  it('five minutes by default, the provider’s setting instead, and a quarter of short lives', () => {
    expect(callerMarginMs(HOUR, undefined)).toBe(5 * MINUTE);
    expect(callerMarginMs(HOUR, MINUTE)).toBe(MINUTE);
    expect(callerMarginMs(MINUTE, undefined)).toBe(15_000);
    expect(callerMarginMs(undefined, undefined)).toBe(5 * MINUTE);
  });

  it('what the schedule has not refreshed yet is never expired for a caller: it comes first', () => {
    fc.assert(
      fc.property(id, fc.integer({ min: 1000, max: 90 * 24 * HOUR }), (connectionId, accessMs) => {
        const left = accessMs - (refreshDelay(life(accessMs, connectionId)) ?? Number.NaN);
        expect(left).toBeGreaterThan(Math.min(callerMarginMs(accessMs, undefined), accessMs / 2 - 1));
      }),
    );
  });
});

describe('backoff', () => {
  it('lies between 30 s and 6 h, and grows with the failures', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (failures, random) => {
          const pause = backoffMs(failures, undefined, random);
          expect(pause).toBeGreaterThanOrEqual(30_000);
          expect(pause).toBeLessThanOrEqual(6 * HOUR);
          expect(backoffMs(failures + 1, undefined, random)).toBeGreaterThanOrEqual(pause);
        },
      ),
    );
    expect(backoffMs(30, undefined, 0.999)).toBeGreaterThan(5 * HOUR);
  });

  it('a token of a minute is tried again within seconds', () => {
    expect(backoffMs(1, MINUTE, 0.999)).toBeLessThan(7_000);
    expect(backoffMs(1, MINUTE, 0)).toBe(3_000);
  });
});
