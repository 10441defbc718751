import { nearName } from './near-name.js';

describe('nearName', () => {
  it.each([
    ['issur', 'issuer'],
    ['isuser', 'issuer'],
    ['Issuer', 'issuer'],
    ['tokenURL', 'token_url'],
    ['client_secert', 'client_secret'],
    ['zzz', undefined],
    ['a', undefined],
    ['x'.repeat(10_000), undefined],
  ])('%s', (name, expected) => {
    expect(nearName(name, ['client_secret', 'issuer', 'token_url'])).toBe(expected);
  });

  it('has nothing to suggest from an empty list', () => {
    expect(nearName('x', [])).toBeUndefined();
  });
});
