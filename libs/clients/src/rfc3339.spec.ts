import fc from 'fast-check';
import { parseRfc3339 } from './rfc3339.js';

describe('RFC 3339 §5.6', () => {
  it.each([
    ['2030-01-31T12:00:00Z', '2030-01-31T12:00:00.000Z'],
    ['2030-01-31t12:00:00z', '2030-01-31T12:00:00.000Z'],
    ['2030-01-31T12:00:00.5+02:00', '2030-01-31T10:00:00.500Z'],
    ['2030-01-31T12:00:00.123456789-00:30', '2030-01-31T12:30:00.123Z'],
    ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
  ])('reads %s', (text, expected) => {
    expect(parseRfc3339(text)?.toISOString()).toBe(expected);
  });

  it.each([
    '',
    '2030-01-31',
    '2030-01-31T12:00:00',
    '2030-01-31 12:00:00Z',
    '2030-02-30T12:00:00Z',
    '2029-02-29T12:00:00Z',
    '2100-02-29T12:00:00Z',
    '2030-13-01T12:00:00Z',
    '2030-00-01T12:00:00Z',
    '2030-01-31T24:00:00Z',
    '2030-01-31T12:60:00Z',
    '2030-01-31T12:00:00+24:00',
    '2030-01-31T12:00:00Z ',
    '+002030-01-31T12:00:00Z',
    '9999-12-31T23:59:59-00:01',
    '0000-01-01T00:00:00+00:01',
    '1893456000',
    'tomorrow',
  ])('refuses %j', (text) => {
    expect(parseRfc3339(text)).toBeUndefined();
  });

  it('reads whatever JavaScript writes', () => {
    const range = { min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true };
    fc.assert(
      fc.property(fc.date(range), (date) => {
        expect(parseRfc3339(date.toISOString())).toEqual(date);
      }),
    );
  });
});
