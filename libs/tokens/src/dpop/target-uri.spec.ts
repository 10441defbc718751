import fc from 'fast-check';
import { namesTarget } from './target-uri.js';

const TARGET = 'https://login.example.com/oauth2/token';

describe('RFC 9449 §4.3 htu', () => {
  it.each([
    TARGET,
    `${TARGET}?a=1`,
    `${TARGET}#x`,
    `${TARGET}?`,
    'HTTPS://LOGIN.EXAMPLE.COM/oauth2/token',
    'https://login.example.com:443/oauth2/token',
    'https://login.example.com/./x/../oauth2/token',
    'https://login.example.com/%6fauth2/to%6Ben',
  ])('%s is the address of the token endpoint', (htu) => expect(namesTarget(htu, TARGET)).toBe(true));

  it.each([
    'http://login.example.com/oauth2/token',
    'https://login.example.com:8443/oauth2/token',
    'https://evil.example/oauth2/token',
    'https://login.example.com.evil.example/oauth2/token',
    'https://login.example.com/oauth2/token/',
    'https://login.example.com/oauth2/Token',
    'https://login.example.com/oauth2%2Ftoken',
    'https://user@login.example.com/oauth2/token',
    'https://login.example.com/oauth2\\token',
    ' https://login.example.com/oauth2/token',
    'https://login.example.com/oauth2/to\nken',
    'https://login.exämple.com/oauth2/token',
    '/oauth2/token',
    '//login.example.com/oauth2/token',
    'urn:example:token',
    '',
  ])('%j is not', (htu) => expect(namesTarget(htu, TARGET)).toBe(false));

  it('knows the two ways to write an escape of what means something (RFC 3986 §6.2.2.1)', () => {
    expect(namesTarget('https://api.example/a%2fb', 'https://api.example/a%2Fb')).toBe(true);
    expect(namesTarget('https://api.example/a/b', 'https://api.example/a%2Fb')).toBe(false);
  });

  it('leaves the query of the request out as well', () => {
    expect(namesTarget(TARGET, `${TARGET}?idp=a`)).toBe(true);
    expect(namesTarget(`${TARGET}?idp=b`, `${TARGET}?idp=a`)).toBe(true);
  });

  it('takes any path in any of the forms that RFC 3986 §6.2.2 and §6.2.3 call equal', () => {
    const segment = fc.stringMatching(/^[A-Za-z0-9\-_~][A-Za-z0-9\-._~]{0,8}$/);
    const disguise = fc.record({
      path: fc.array(segment, { maxLength: 5 }),
      escaped: fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
      upper: fc.boolean(),
      port: fc.boolean(),
      dots: fc.boolean(),
      tail: fc.constantFrom('', '?', '?a=b', '#', '#c', '?a=b#c'),
    });
    fc.assert(
      fc.property(disguise, ({ path, escaped, upper, port, dots, tail }) => {
        const plain = `/${path.join('/')}`;
        const hex = (character: string) => {
          const code = character.charCodeAt(0).toString(16).padStart(2, '0');
          return `%${upper ? code.toUpperCase() : code}`;
        };
        const written = [...plain].map((one, at) => (one !== '/' && escaped[at] === true ? hex(one) : one)).join('');
        const origin = `${upper ? 'HTTPS://API.EXAMPLE' : 'https://api.example'}${port ? ':443' : ''}`;
        expect(namesTarget(`${origin}${dots ? '/x/..' : ''}${written}${tail}`, `https://api.example${plain}`)).toBe(
          true,
        );
      }),
    );
  });

  it('takes no other scheme, host, port or path, and throws at nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl({ withFragments: true, withQueryParameters: true }), fc.string()), (htu) => {
        expect(namesTarget(htu, TARGET)).toBe(false);
      }),
    );
  });
});
