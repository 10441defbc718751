import { presentedAccessToken } from './presented-access-token.js';

const read = (authorization: string | undefined) => {
  const presented = presentedAccessToken({ method: 'GET', url: '/', headers: { authorization } });
  return presented && [presented.scheme, presented.token];
};

describe.each([
  ['RFC 6750 §2.1', 'Bearer'],
  ['RFC 9449 §7.1', 'DPoP'],
])('%s', (_clause, scheme) => {
  it.each([
    ['abc', 'abc'],
    ['  abc  ', 'abc'],
    ['a-._~+/b==', 'a-._~+/b=='],
    ['', undefined],
    [' ', undefined],
    ['a b', undefined],
    [`a, ${scheme} b`, undefined],
    ['ä', undefined],
    ['"abc"', undefined],
    ['a=b', undefined],
  ])('reads %j after the scheme as %j', (text, token) => {
    expect(read(`${scheme} ${text}`)).toEqual(token === undefined ? undefined : [scheme, token]);
  });

  it('RFC 9110 §11.1: in whatever case, and nothing else', () => {
    for (const written of [scheme.toLowerCase(), scheme.toUpperCase()])
      expect(read(`${written} abc`)).toEqual([scheme, 'abc']);
    for (const other of [scheme, `${scheme}abc`, ` ${scheme} abc`, 'Basic YTpi', '', undefined])
      expect(read(other)).toBeUndefined();
  });
});
