import fc from 'fast-check';
import { parseDateTime, parseDuration } from './xs-time.js';

describe('xs:duration', () => {
  it.each([
    ['PT1H', 3600],
    ['P1D', 86_400],
    ['P7D', 604_800],
    ['P1Y', 31_536_000],
    ['P1M', 2_592_000],
    ['PT1M', 60],
    ['PT1.5S', 1.5],
    ['P1DT2H3M4S', 93_784],
    ['PT0S', 0],
    ['PT604800.000S', 604_800],
  ])('%s has %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', 'P', 'PT', 'P1', 'P1DT', '-P1D', 'P-1D', 'P1H', 'PT1D', '1D', 'P1D ', 'PT1.S', 'P1.5D', 'P1DT1', 'p1d'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('is the sum of its parts, whichever are there', () => {
    const part = fc.option(fc.nat(10_000), { nil: undefined });
    fc.assert(
      fc.property(part, part, part, part, (days, hours, minutes, seconds) => {
        const given = [days, hours, minutes, seconds].filter((value) => value !== undefined);
        fc.pre(given.length > 0);
        const write = (value: number | undefined, unit: string) => (value === undefined ? '' : `${value}${unit}`);
        const time = write(hours, 'H') + write(minutes, 'M') + write(seconds, 'S');
        const text = `P${write(days, 'D')}${time === '' ? '' : `T${time}`}`;
        const sum = (days ?? 0) * 86_400 + (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0);
        expect(parseDuration(text)).toBe(sum);
      }),
    );
  });

  it('never throws, and never takes long, whatever the text', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[PT0-9YMDHS.-]*$/), (text) => {
        const seconds = parseDuration(text);
        expect(seconds === undefined || seconds >= 0).toBe(true);
      }),
    );
  });
});

describe('xs:dateTime', () => {
  it.each([
    ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000Z'],
    ['2026-01-01T00:00:00.1234567Z', '2026-01-01T00:00:00.123Z'],
    ['2026-01-01T02:00:00+02:00', '2026-01-01T00:00:00.000Z'],
    ['2026-01-01T00:00:00', '2026-01-01T00:00:00.000Z'],
  ])('%s is %s', (text, iso) => {
    expect(parseDateTime(text)?.toISOString()).toBe(iso);
  });

  it.each(['', '2026-01-01', '2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-01 00:00:00Z', 'tomorrow'])(
    '%j is none',
    (text) => {
      expect(parseDateTime(text)).toBeUndefined();
    },
  );

  it('reads back every moment', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1970-01-01'), max: new Date('9999-01-01'), noInvalidDate: true }),
        (date) => {
          expect(parseDateTime(date.toISOString())).toEqual(date);
        },
      ),
    );
  });
});
