import fc from 'fast-check';
import { parseInstant } from './instant.js';

const instants = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});

describe('SAML core §1.3.3', () => {
  it('reads every instant that it is written as', () => {
    fc.assert(
      fc.property(instants, (instant) => {
        expect(parseInstant(instant.toISOString())).toEqual(instant);
      }),
    );
  });

  it('takes fractions of any length and cuts them to milliseconds', () => {
    fc.assert(
      fc.property(instants, fc.stringMatching(/^\d{1,30}$/), (instant, fraction) => {
        const text = `${instant.toISOString().slice(0, 19)}.${fraction}Z`;
        const wanted = Math.floor(instant.getTime() / 1000) * 1000 + Number(fraction.slice(0, 3).padEnd(3, '0'));
        expect(parseInstant(text)?.getTime()).toBe(wanted);
      }),
    );
  });

  it('takes whole seconds without a fraction', () => {
    expect(parseInstant('2026-11-21T07:08:09Z')).toEqual(new Date('2026-11-21T07:08:09.000Z'));
    expect(parseInstant('2024-02-29T00:00:00Z')).toEqual(new Date('2024-02-29T00:00:00.000Z'));
  });

  it.each([
    ['an offset', '2026-11-21T07:08:09+00:00'],
    ['another offset', '2026-11-21T07:08:09-08:00'],
    ['no zone', '2026-11-21T07:08:09'],
    ['a small z', '2026-11-21T07:08:09z'],
    ['a small t', '2026-11-21t07:08:09Z'],
    ['a blank for the T', '2026-11-21 07:08:09Z'],
    ['a date alone', '2026-11-21'],
    ['blanks around it', ' 2026-11-21T07:08:09Z '],
    ['a line feed at the end', '2026-11-21T07:08:09Z\n'],
    ['a point without digits', '2026-11-21T07:08:09.Z'],
    ['a comma', '2026-11-21T07:08:09,5Z'],
    ['30 February', '2026-02-30T07:08:09Z'],
    ['29 February of a common year', '2026-02-29T07:08:09Z'],
    ['month 13', '2026-13-01T07:08:09Z'],
    ['day 0', '2026-01-00T07:08:09Z'],
    ['hour 24', '2026-11-21T24:00:00Z'],
    ['minute 60', '2026-11-21T07:60:00Z'],
    ['a leap second', '2026-12-31T23:59:60Z'],
    ['the year 0', '0000-01-01T00:00:00Z'],
    ['a year before our era', '-0044-03-15T00:00:00Z'],
    ['a year of five digits', '12026-11-21T07:08:09Z'],
    ['digits of another script', '２０２６-11-21T07:08:09Z'],
    ['seconds since the epoch', '1763708889'],
    ['nothing at all', ''],
    ['a missing value', undefined],
  ])('refuses %s', (_name, text) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  it('never takes a text that stands for another one', () => {
    const digits = fc.integer({ min: 0, max: 99 }).map((n) => String(n).padStart(2, '0'));
    fc.assert(
      fc.property(fc.tuple(digits, digits, digits, digits, digits), ([mo, d, h, mi, s]) => {
        const text = `2026-${mo}-${d}T${h}:${mi}:${s}Z`;
        const instant = parseInstant(text);
        if (instant !== undefined) expect(instant.toISOString()).toBe(text.replace('Z', '.000Z'));
      }),
    );
  });
});
