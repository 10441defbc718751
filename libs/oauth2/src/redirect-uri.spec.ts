import fc from 'fast-check';
import { postLogoutUriFault, redirectUriFault, redirectUriMatches } from './redirect-uri.js';

describe('D7', () => {
  it.each([
    'https://app.example.com/auth/callback',
    'https://app.example.com/cb?tenant=1',
    'http://localhost:3000/cb',
    'http://127.0.0.1:3000/',
    'http://[::1]:3000/cb',
  ])('registers %s', (url) => expect(redirectUriFault(url)).toBeUndefined());

  it.each([
    ['http://app.example.com/cb', /https/],
    ['https://app.example.com/cb#x', /fragment/],
    ['https://app.example.com/cb#', /fragment/],
    ['https://user@app.example.com/cb', /user name/],
    ['https://app.example.com', /normal form: https:\/\/app\.example\.com\//],
    ['https://APP.example.com/cb', /normal form/],
    ['https://app.example.com:443/cb', /normal form/],
    ['https://app.example.com/a/../cb', /normal form/],
    ['https:\\\\app.example.com\\cb', /normal form/],
    [' https://app.example.com/cb', /normal form/],
    ['javascript:alert(1)', /https/],
    ['data:text/html,x', /https/],
    ['com.example.app:/cb', /https/],
    ['/cb', /absolute/],
    ['', /absolute/],
    ['http://127.0.0.1.example.com/cb', /https/],
    ['http://localhost.example.com/cb', /https/],
  ])('refuses %j', (url, reason) => expect(redirectUriFault(url)).toMatch(reason));
});

describe('RP-Initiated Logout §3.1 R18', () => {
  it.each([
    'https://app.example.com',
    'http://localhost:3000',
    'https://app.example.com/',
    'https://app.example.com/bye',
  ])('registers %s for after a logout', (url) => expect(postLogoutUriFault(url)).toBeUndefined());

  it.each([
    ['http://app.example.com', /https/],
    ['https://user@app.example.com', /user name/],
    ['https://APP.example.com', /normal form/],
    ['https://app.example.com:443', /normal form/],
    ['https://app.example.com#', /fragment/],
    ['https://app.example.com?', /normal form/],
    ['https://app.example.com/a/..', /normal form/],
    ['null', /absolute/],
    ['data:text/html,x', /https/],
    ['', /absolute/],
  ])('refuses %j', (url, reason) => expect(postLogoutUriFault(url)).toMatch(reason));
});

describe('R18', () => {
  const registered = 'https://app.example.com/auth/callback';

  it.each([
    'https://app.example.com/auth/callback/',
    'https://app.example.com/auth/callback?x=1',
    'https://app.example.com/auth/Callback',
    'https://app.example.com/auth/%63allback',
    'https://app.example.com:8443/auth/callback',
    'https://app.example.com.evil.test/auth/callback',
    'https://evil.test/https://app.example.com/auth/callback',
    'https://app.example.com@evil.test/auth/callback',
    'http://app.example.com/auth/callback',
    'https://app.example.com/auth/callback\u0000',
    '//app.example.com/auth/callback',
  ])('does not take %j for the registered target', (candidate) => {
    expect(redirectUriMatches(candidate, registered, 'query')).toBe(false);
    expect(redirectUriMatches(candidate, registered, 'fragment')).toBe(false);
  });

  it('takes nothing but the registered string itself', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.string()), (candidate) => {
        expect(redirectUriMatches(candidate, registered, 'query')).toBe(candidate === registered);
      }),
    );
  });
});

describe('RFC 8252 §7.3', () => {
  it.each(['http://127.0.0.1/cb', 'http://127.0.0.1:4999/cb', 'http://[::1]:1/cb'])(
    'lets %s be at any port for a code',
    (registered) => {
      const at = (port: number) => {
        const url = new URL(registered);
        url.port = String(port);
        return url.href;
      };
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 65_535 }), (port) => redirectUriMatches(at(port), registered, 'query')),
      );
      expect(redirectUriMatches(at(51_004), registered, 'fragment')).toBe(at(51_004) === registered);
    },
  );

  it('does not extend to the name localhost, to another path, or to https', () => {
    expect(redirectUriMatches('http://localhost:2/cb', 'http://localhost:1/cb', 'query')).toBe(false);
    expect(redirectUriMatches('http://127.0.0.1:2/other', 'http://127.0.0.1:1/cb', 'query')).toBe(false);
    expect(redirectUriMatches('https://127.0.0.1:2/cb', 'https://127.0.0.1:1/cb', 'query')).toBe(false);
    expect(redirectUriMatches('http://[::1]:2/cb', 'http://127.0.0.1:1/cb', 'query')).toBe(false);
  });
});
