import fc from 'fast-check';
import type { ExpiryStrategy } from '@app/config';
import { readExpiresIn, readRefreshExpiresIn } from './token-expiry.js';

const at = Date.parse('2026-03-01T12:00:00Z');
const inSeconds = { expiry: { kind: 'on_401' }, expiresInUnit: 'seconds' } as const;
const read = (fields: Record<string, unknown>, rules = inSeconds as Parameters<typeof readExpiresIn>[2], token = 't') =>
  readExpiresIn(fields, token, rules, at);
const jwt = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

describe('vault failure 8: the life of an access token', () => {
  it.each([
    ['a number of seconds (RFC 6749 §5.1)', { expires_in: 3600 }],
    ['text', { expires_in: '3600' }],
    ['text with a fraction', { expires_in: '3600.9' }],
    ['a date in epoch seconds', { expires_at: at / 1_000 + 3600 }],
    ['a date in epoch milliseconds', { expires_at: at + 3_600_000 }],
    ['epoch milliseconds as text', { expires_at: String(at + 3_600_000) }],
    ['an ISO date', { expires_at: '2026-03-01T13:00:00Z' }],
    ['an ISO date with an offset', { expires_at: '2026-03-01T15:00:00+02:00' }],
    ['an ISO date without a zone, which is UTC', { expires_at: '2026-03-01 13:00:00' }],
    ['a date under another name', { expiration: '2026-03-01T13:00:00.000Z' }],
    ['seconds before a date that disagrees', { expires_in: 3600, expires_at: at + 5_000 }],
  ])('is read from %s', (_, fields) => {
    expect(read(fields)).toBe(3_600);
  });

  it('is read in milliseconds where the provider counts so', () => {
    expect(read({ expires_in: 3_600_000 }, { ...inSeconds, expiresInUnit: 'milliseconds' })).toBe(3_600);
  });

  it.each([
    [{}],
    [{ expires_in: 0 }],
    [{ expires_in: '0' }],
    [{ expires_in: -1 }],
    [{ expires_in: '-1' }],
    [{ expires_in: null }],
    [{ expires_in: 'soon' }],
    [{ expires_in: Number.NaN }],
    [{ expires_at: at - 1_000 }],
    [{ expires_at: 3600 }],
    [{ expires_at: 'tomorrow' }],
  ])('is not known from %j', (fields) => {
    expect(read(fields)).toBeUndefined();
    expect(read(fields, { ...inSeconds, expiry: { kind: 'fixed', seconds: 77 } })).toBe(77);
  });

  it.each<[ExpiryStrategy]>([[{ kind: 'never' }], [{ kind: 'introspect' }], [{ kind: 'on_401' }]])(
    'is left open by the strategy %j',
    (expiry) => {
      expect(read({}, { ...inSeconds, expiry })).toBeUndefined();
      expect(read({ expires_in: 60 }, { ...inSeconds, expiry })).toBe(60);
    },
  );

  it('is the exp of a JWT where the strategy says so, and of nothing that is none', () => {
    const rules = { ...inSeconds, expiry: { kind: 'jwt_exp' } } as const;
    expect(read({}, rules, jwt({ exp: at / 1_000 + 600 }))).toBe(600);
    expect(read({}, rules, jwt({ exp: at / 1_000 - 600 }))).toBeUndefined();
    expect(read({}, rules, jwt({}))).toBeUndefined();
    expect(read({}, rules, 'opaque')).toBeUndefined();
    expect(read({}, rules, 'not.json.atall')).toBeUndefined();
  });

  it('is a whole positive number within a century, or open, whatever the answer holds', () => {
    const value = fc.oneof(fc.anything(), fc.double(), fc.integer(), fc.string(), fc.integer().map(String));
    fc.assert(
      fc.property(
        value,
        value,
        fc.string(),
        fc.constantFrom('seconds' as const, 'milliseconds' as const),
        (...drawn) => {
          const [expires_in, expires_at, token, expiresInUnit] = drawn;
          const rules = { expiry: { kind: 'jwt_exp' }, expiresInUnit } as const;
          for (const seconds of [
            readExpiresIn({ expires_in, expires_at }, token, rules, at),
            readRefreshExpiresIn({ refresh_token_expires_in: expires_in, refresh_expires_at: expires_at }, at),
          ]) {
            if (seconds === undefined) continue;
            expect(Number.isInteger(seconds)).toBe(true);
            expect(seconds).toBeGreaterThan(0);
            expect(seconds).toBeLessThanOrEqual(100 * 365 * 86_400);
          }
        },
      ),
    );
  });
});

describe('the life of a refresh token', () => {
  it.each([
    [{ refresh_token_expires_in: 15_811_200 }, 15_811_200],
    [{ refresh_token_expires_in: '15811200' }, 15_811_200],
    [{ x_refresh_token_expires_in: 8_726_400 }, 8_726_400],
    [{ refresh_expires_in: 1_800 }, 1_800],
    [{ refresh_token_expires_at: at + 60_000 }, 60],
    // Keycloak writes 0 for one that does not end.
    [{ refresh_expires_in: 0 }, undefined],
    [{}, undefined],
  ])('is read from %j', (fields, seconds) => {
    expect(readRefreshExpiresIn(fields, at)).toBe(seconds);
  });
});
