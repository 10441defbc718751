import fc from 'fast-check';
import { hashOpaqueToken, isOpaqueToken, mintOpaqueToken, secretMatches } from './opaque-token.js';

describe('D45', () => {
  it('mints gth_{kind}_ + 43 + 6 characters that it recognises', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const token = mintOpaqueToken('rt', () => Buffer.from(bytes));
        expect(token).toMatch(/^gth_rt_[A-Za-z0-9_-]{49}$/);
        expect(isOpaqueToken(token, 'rt')).toBe(true);
        expect(isOpaqueToken(token, 'ac')).toBe(false);
      }),
    );
  });

  it('sees every single changed character by the checksum', () => {
    const token = mintOpaqueToken('rt');
    fc.assert(
      fc.property(
        fc.integer({ min: 7, max: token.length - 1 }),
        fc.constantFrom('A', 'b', '9', '-'),
        (at, character) => {
          const changed = token.slice(0, at) + character + token.slice(at + 1);
          expect(isOpaqueToken(changed, 'rt')).toBe(changed === token);
        },
      ),
    );
  });

  it('refuses anything else without throwing', () => {
    fc.assert(fc.property(fc.string(), (text) => !isOpaqueToken(text, 'rt')));
  });

  it('stores a SHA-256 that only the token itself matches', () => {
    const token = mintOpaqueToken('rt');
    expect(secretMatches(token, hashOpaqueToken(token))).toBe(true);
    expect(secretMatches(`${token}x`, hashOpaqueToken(token))).toBe(false);
    expect(secretMatches(token, Buffer.alloc(3))).toBe(false);
  });
});
