import fc from 'fast-check';
import { faultsOf, faultyKeys, load } from './load-for-spec.js';
import { clientCallbackFault, isLoopbackHost } from './urls.js';

describe('D7', () => {
  it('knows a client by its callback, unless a client id is given with it', () => {
    const expected = [
      { clientId: 'https://a.example/cb', url: 'https://a.example/cb' },
      { clientId: 'dash board', url: 'https://b.example/cb' },
    ];
    const yaml =
      'client_callbacks: [https://a.example/cb, { client_id: dash board, url: https://b.example/cb }, { url: https://c.example/ }]';
    expect(load({}, yaml).clientCallbacks).toEqual([
      ...expected,
      { clientId: 'https://c.example/', url: 'https://c.example/' },
    ]);
    expect(
      load({ GATEHOUSE_CLIENT_CALLBACKS: 'https://a.example/cb, dash board = https://b.example/cb,' }).clientCallbacks,
    ).toEqual(expected);
  });

  it('does not take the query of a URL for a client id', () => {
    const url = 'https://a.example/cb?tenant=x=y';
    expect(load({ GATEHOUSE_CLIENT_CALLBACKS: url }).clientCallbacks).toEqual([{ clientId: url, url }]);
  });

  it('has no first-party client where the list is empty', () => {
    expect(load({}, 'client_callbacks: []').clientCallbacks).toEqual([]);
  });

  it('refuses a URL or a client id that stands twice', () => {
    const yaml = `client_callbacks:
      - https://a.example/
      - { client_id: x, url: https://a.example/ }
      - { client_id: x, url: https://b.example/ }
      - { client_id: "https://a.example/", url: https://c.example/ }
      - https://d.example/
      - https://d.example/`;
    expect(faultsOf({}, yaml)).toEqual([
      { key: 'client_callbacks[1].url', message: expect.stringContaining('listed twice') },
      { key: 'client_callbacks[2]', message: expect.stringContaining('client_id is already taken') },
      { key: 'client_callbacks[3]', message: expect.stringContaining('client_id is already taken') },
      { key: 'client_callbacks[5]', message: expect.stringContaining('listed twice') },
    ]);
  });

  it('tells what is wrong inside an entry', () => {
    const yaml =
      'client_callbacks: [4, { url: 4 }, { client_id: "", url: "https://x/" }, { client: x, url: "https://y/" }, {}]';
    expect(faultsOf({}, yaml).map(({ key, message }) => `${key} ${message}`)).toEqual([
      'client_callbacks[0] must be a URL, or a section with client_id and url',
      'client_callbacks[1].url must be text',
      'client_callbacks[2].client_id must be 1 to 255 printable ASCII characters (RFC 6749 A.1)',
      'client_callbacks[3].client is not a known setting; did you mean client_id?',
      'client_callbacks[4].url is missing; add it',
    ]);
  });
});

describe('R18', () => {
  it.each([
    ['https://app.example.com/', 'https'],
    ['https://app.example.com:8443/cb?x=1', 'a port and a query'],
    ['http://localhost:3000/cb', 'localhost'],
    ['http://127.0.0.1/', 'an IPv4 loopback literal'],
    ['http://127.8.9.1:4/', 'another address of 127.0.0.0/8'],
    ['http://[::1]:5/', 'the IPv6 loopback literal'],
  ])('accepts %s (%s)', (url) => {
    expect(clientCallbackFault(url)).toBeUndefined();
  });

  it.each([
    ['https://app.example.com', 'normal form'],
    ['https://APP.example.com/', 'normal form'],
    ['https://app.example.com:443/', 'normal form'],
    ['https://app.example.com/a/../b', 'normal form'],
    ['https://app.example.com/%2e%2e/b', 'normal form'],
    ['https://app.example.com\\cb', 'normal form'],
    ['https:app.example.com/', 'normal form'],
    ['https://@app.example.com/', 'normal form'],
    [' https://app.example.com/', 'normal form'],
    ['https://app.example.com/\tcb', 'normal form'],
    ['https://аpp.example.com/', 'normal form'],
    ['http://127.1/', 'normal form'],
    ['http://2130706433/', 'normal form'],
    ['https://app.example.com/#', 'fragment'],
    ['https://app.example.com/#at', 'fragment'],
    ['https://user@app.example.com/', 'user name'],
    ['https://:pass@app.example.com/', 'user name'],
    ['https://*.example.com/', 'wildcard'],
    ['http://app.example.com/', 'must be https'],
    ['http://localhost.example.com/', 'must be https'],
    ['http://128.0.0.1/', 'must be https'],
    ['http://127.evil.example/', 'must be https'],
    ['com.example.app:/cb', 'must be https'],
    ['javascript:alert(1)', 'must be https'],
    ['data:text/html,x', 'must be https'],
    ['/cb', 'not an absolute URL'],
    ['//app.example.com/', 'not an absolute URL'],
    ['https://', 'not an absolute URL'],
  ])('refuses %s: %s', (url, reason) => {
    expect(clientCallbackFault(url)).toContain(reason);
    expect(faultyKeys({}, JSON.stringify({ client_callbacks: [url] }))).toEqual(['client_callbacks[0]']);
  });

  it('accepts only text that a browser would send unchanged, encrypted or to its own machine', () => {
    const piece = fc.constantFrom(
      'https:',
      'http:',
      '//',
      '/',
      '@',
      '#',
      '?',
      'a.example',
      'localhost',
      '127.0.0.1',
      '[::1]',
      ':8',
      '*',
      '\\',
      '%2e',
      ' ',
    );
    const candidate = fc.oneof(
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
      fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')),
    );
    let accepted = 0;
    fc.assert(
      fc.property(candidate, (text) => {
        if (clientCallbackFault(text) !== undefined) return;
        accepted += 1;
        const url = new URL(text);
        expect(url.href).toBe(text);
        expect(url.username + url.password + url.hash).toBe('');
        expect(text).not.toContain('#');
        expect(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))).toBe(true);
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(10);
  });

  it('accepts the normal form of every https URL without user information and fragment', () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['https'], withQueryParameters: true }), (text) => {
        expect(clientCallbackFault(new URL(text).href)).toBeUndefined();
      }),
    );
  });
});
