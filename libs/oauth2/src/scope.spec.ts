import fc from 'fast-check';
import { knownSignInScopes, narrowScope, parseScope } from './scope.js';

describe('RFC 6749 §3.3', () => {
  it('splits on spaces, keeps the order and drops repeats', () => {
    expect(parseScope('openid  email openid profile')).toEqual(['openid', 'email', 'profile']);
  });

  it.each(['open"id', 'a\\b', 'caf\u00e9', 'a\tb', 'a\nb', '\u0000'])('refuses %j', (text) => {
    expect(parseScope(text)).toBeUndefined();
  });

  it('parses what it prints', () => {
    const token = fc.stringMatching(/^[\x21\x23-\x5B\x5D-\x7E]{1,20}$/);
    fc.assert(
      fc.property(fc.uniqueArray(token, { maxLength: 10 }), (tokens) => {
        expect(parseScope(tokens.join(' '))).toEqual(tokens);
      }),
    );
  });
});

describe('D31', () => {
  it('ignores unknown scopes at sign-in', () => {
    expect(knownSignInScopes(['openid', 'write:world', 'email'])).toEqual(['openid', 'email']);
  });

  it('never lets a refresh widen', () => {
    expect(narrowScope(['openid', 'email'], ['email'])).toEqual(['email']);
    expect(narrowScope(['openid'], ['openid', 'email'])).toBeUndefined();
  });
});
