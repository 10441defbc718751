import fc from 'fast-check';
import { challengeOf, isCodeChallenge, isCodeVerifier, verifierMatches } from './pkce.js';

const UNRESERVED = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';
const verifiers = fc.string({
  unit: fc.constantFrom(...UNRESERVED),
  minLength: 43,
  maxLength: 128,
});

describe('RFC 7636 §4.1', () => {
  it('takes every verifier of 43 to 128 unreserved characters', () => {
    fc.assert(fc.property(verifiers, (verifier) => isCodeVerifier(verifier)));
  });

  it.each(['a'.repeat(42), 'a'.repeat(129), `${'a'.repeat(43)}+`, `${'a'.repeat(43)} `, `${'a'.repeat(43)}\n`, ''])(
    'refuses %j',
    (text) => expect(isCodeVerifier(text)).toBe(false),
  );
});

describe('RFC 7636 §4.2', () => {
  it('derives the challenge of the example in appendix B', () => {
    expect(challengeOf('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')).toBe(
      'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    );
  });

  it('always gives a well-formed challenge', () => {
    fc.assert(fc.property(verifiers, (verifier) => isCodeChallenge(challengeOf(verifier))));
  });
});

describe('RFC 7636 §4.6', () => {
  it('accepts the verifier of the challenge and no other', () => {
    fc.assert(
      fc.property(verifiers, verifiers, (verifier, other) => {
        expect(verifierMatches(verifier, challengeOf(verifier))).toBe(true);
        expect(verifierMatches(other, challengeOf(verifier))).toBe(other === verifier);
      }),
    );
  });

  it('D9: never accepts the challenge itself as verifier, as the plain method would', () => {
    fc.assert(fc.property(verifiers, (verifier) => !verifierMatches(challengeOf(verifier), challengeOf(verifier))));
  });

  it('refuses any malformed pair without throwing', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => !verifierMatches(a, b)));
  });
});
