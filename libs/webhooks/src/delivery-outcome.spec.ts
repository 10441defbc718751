import fc from 'fast-check';
import { outcomeOfAnswer, outcomeOfFault, retryAfterMs, retryDelayMs } from './delivery-outcome.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const rules = { firstRetryMs: 5_000, maxRetryMs: 6 * 3_600_000 };
const verdictOf = (status: number) => outcomeOfAnswer({ status, headers: {}, body: '' }, NOW).verdict;

describe('what an answer to a vault event means', () => {
  it('is one of three things for every status', () => {
    for (let status = 200; status < 600; status += 1) {
      const passing = status === 408 || status === 429 || status >= 500;
      expect(verdictOf(status)).toBe(status < 300 ? 'delivered' : passing ? 'retry' : 'refused');
    }
  });

  it('is final for a redirect alone where there was none', () => {
    expect(outcomeOfFault('redirect_refused').verdict).toBe('refused');
    for (const fault of ['network', 'timeout', 'too_large', 'encoding_refused', 'address_refused'] as const) {
      expect(outcomeOfFault(fault)).toEqual({ verdict: 'retry', error: fault });
    }
  });
});

describe('RFC 9110 §10.2.3', () => {
  it.each([
    [{ 'retry-after': '30' }, 30_000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '99999999' }, 86_400_000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after': 'Thu, 01 Jan 2099 00:00:00 GMT' }, 86_400_000],
    // A receiver whose clock is an hour ahead.
    [{ 'retry-after': 'Thu, 01 Jan 2026 01:01:00 GMT', date: 'Thu, 01 Jan 2026 01:00:00 GMT' }, 60_000],
    [{ 'retry-after': 'soon' }, 0],
    [{ 'retry-after': '-5' }, 0],
    [{}, 0],
  ])('%j is a wait of %d ms', (headers, ms) => expect(retryAfterMs(headers, NOW)).toBe(ms));

  it('is never a wait that is not a number', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const ms = retryAfterMs({ 'retry-after': value }, NOW);
        expect(ms >= 0 && ms <= 86_400_000).toBe(true);
      }),
    );
  });
});

describe('the wait before the next attempt', () => {
  it('doubles to its bound, with full jitter', () => {
    expect([1, 2, 3, 12, 13, 14, 5000].map((attempts) => retryDelayMs(attempts, 0, rules, 1))).toEqual([
      5_000, 10_000, 20_000, 10_240_000, 20_480_000, 21_600_000, 21_600_000,
    ]);
    expect(retryDelayMs(3, 0, rules, 0.5)).toBe(10_000);
    expect(retryDelayMs(9, 0, rules, 0)).toBe(1_000);
  });

  it('is never shorter than the receiver asks', () => {
    fc.assert(
      fc.property(
        fc.nat(50),
        fc.nat(86_400_000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempts, ms, random) => {
          expect(retryDelayMs(attempts + 1, ms, rules, random)).toBeGreaterThanOrEqual(ms);
        },
      ),
    );
  });
});
