import fc from 'fast-check';
import { answeredAt, readRetryAfter } from './retry-after.js';

const now = new Date('2026-03-01T12:00:00Z');
const httpDate = (ms: number): string => new Date(ms).toUTCString();

describe('vault failure 5: Retry-After', () => {
  it('reads seconds (RFC 9110 §10.2.3)', () => {
    expect(readRetryAfter('120', undefined, now)).toBe(120);
    expect(readRetryAfter(' 0 ', undefined, now)).toBe(0);
  });

  it('reads a date by the clock of the answer, so that ours does not matter', () => {
    const theirs = Date.parse('2031-01-01T00:00:00Z');
    expect(readRetryAfter(httpDate(theirs + 90_000), httpDate(theirs), now)).toBe(90);
    expect(readRetryAfter(httpDate(now.getTime() + 90_000), undefined, now)).toBe(90);
  });

  it.each(['Sunday, 01-Mar-26 12:01:00 GMT', 'Sun Mar  1 12:01:00 2026'])('reads the old form %s', (date) => {
    expect(readRetryAfter(date, undefined, now)).toBe(60);
  });

  it('waits for no date that has passed', () => {
    expect(readRetryAfter(httpDate(now.getTime() - 5_000), undefined, now)).toBe(0);
  });

  it.each(['', 'soon', '-5', '1.5', '1h', '2026-03-01T12:01:00Z', undefined])('says nothing for %p', (header) => {
    expect(readRetryAfter(header, undefined, now)).toBeUndefined();
  });

  it('never waits longer than an hour, nor a negative time, whatever is written', () => {
    const written = fc.oneof(
      fc.string(),
      fc.bigInt({ min: 0n }).map(String),
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }).map((date) => date.toUTCString()),
    );
    fc.assert(
      fc.property(written, fc.option(written, { nil: undefined }), (header, date) => {
        const seconds = readRetryAfter(header, date, now) ?? 0;
        expect(Number.isInteger(seconds)).toBe(true);
        expect(seconds).toBeGreaterThanOrEqual(0);
        expect(seconds).toBeLessThanOrEqual(3_600);
      }),
    );
  });
});

it('dates an answer by our clock where it has no date of its own', () => {
  expect(answeredAt(undefined, now)).toBe(now.getTime());
  expect(answeredAt('nonsense', now)).toBe(now.getTime());
});
