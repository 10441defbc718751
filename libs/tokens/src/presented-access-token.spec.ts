import { bearerToken } from './presented-access-token.js';

describe('RFC 6750 §2.1', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER   abc  ', 'abc'],
    ['Bearer a-._~+/b==', 'a-._~+/b=='],
    ['Bearer', undefined],
    ['Bearer ', undefined],
    ['Bearerabc', undefined],
    ['Bearer a b', undefined],
    ['Bearer a, Bearer b', undefined],
    ['Bearer ä', undefined],
    ['Bearer "abc"', undefined],
    ['Bearer a=b', undefined],
    ['Basic YTpi', undefined],
    [' Bearer abc', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('reads %j as %j', (authorization, token) => {
    expect(bearerToken(authorization)).toBe(token);
  });
});
