import { faultsOf, faultyKeys, load } from './load-for-spec.js';

const yaml = (...providers: object[]): string => JSON.stringify({ oauth_providers: providers });
const hub = { id: 'hub', type: 'oauth2', client_id: 'x' };
const urls = { authorization_url: 'https://hub.example/a', token_url: 'https://hub.example/t' };

describe('a provider without a preset', () => {
  it('names its addresses', () => {
    expect(faultsOf({}, yaml(hub, { id: 'acme', type: 'oidc', client_id: 'x' }))).toEqual([
      { key: 'oauth_providers[0].authorization_url', message: 'is missing; add it, or name a preset' },
      { key: 'oauth_providers[0].token_url', message: 'is missing; add it, or name a preset' },
      {
        key: 'oauth_providers[0].userinfo_url',
        message: 'is missing; add it, or sign_in: false if it is for connections alone',
      },
      { key: 'oauth_providers[1].issuer', message: 'is missing; add it, or name a preset' },
    ]);
  });

  it('needs no identity where nobody signs in', () => {
    expect(load({}, yaml({ ...hub, ...urls, sign_in: false })).providers[0]).toMatchObject({
      signIn: false,
      storeTokens: false,
      userinfoUrl: undefined,
    });
    expect(load({}, yaml({ ...hub, ...urls, sign_in: 'off' })).providers[0]).toMatchObject({ signIn: false });
  });

  it('keeps tokens of sign-ins only where people sign in', () => {
    const stored = { ...hub, ...urls, store_tokens: true };
    expect(faultyKeys({}, yaml({ ...stored, sign_in: false }))).toEqual(['oauth_providers[0].store_tokens']);
    expect(load({}, yaml({ ...stored, userinfo_url: 'https://hub.example/u' })).providers[0]).toMatchObject({
      signIn: true,
      storeTokens: true,
    });
  });

  it('has no place for a host or a tenant', () => {
    const placed = { ...hub, ...urls, sign_in: false, preset_host: 'a.example', preset_tenant: 't' };
    expect(faultyKeys({}, yaml(placed))).toEqual([
      'oauth_providers[0].preset_host',
      'oauth_providers[0].preset_tenant',
    ]);
  });

  it.each(['refresh_url', 'revocation_url', 'introspection_url'])('is called at %s over https alone (R26)', (key) => {
    const provider = { ...hub, ...urls, sign_in: false, [key]: 'http://hub.example/x' };
    expect(faultyKeys({}, yaml(provider))).toEqual([`oauth_providers[0].${key}`]);
  });

  it.each(['grant_type', 'refresh_token', 'client_id', 'client_secret', 'scope'])(
    'cannot replace %s in a refresh',
    (name) => {
      const provider = { ...hub, ...urls, sign_in: false, refresh_parameters: { [name]: 'x' } };
      expect(faultyKeys({}, yaml(provider))).toEqual([`oauth_providers[0].refresh_parameters.${name}`]);
    },
  );

  it.each<[unknown, object]>([
    ['never', { kind: 'never' }],
    ['jwt_exp', { kind: 'jwt_exp' }],
    ['introspect', { kind: 'introspect' }],
    ['on_401', { kind: 'on_401' }],
    [3600, { kind: 'fixed', seconds: 3600 }],
    ['3600', { kind: 'fixed', seconds: 3600 }],
  ])('says by expiry: %p how long tokens live', (expiry, strategy) => {
    expect(load({}, yaml({ ...hub, ...urls, sign_in: false, expiry })).providers[0]).toMatchObject({
      tokens: { expiry: strategy },
    });
  });

  it.each([0, -1, 'sometimes', 'fixed'])('is refused for expiry: %p', (expiry) => {
    expect(faultsOf({}, yaml({ ...hub, ...urls, sign_in: false, expiry }))).toEqual([
      { key: 'oauth_providers[0].expiry', message: expect.stringContaining('a number of seconds') },
    ]);
  });
});

describe('D35', () => {
  it('lets one provider without RFC 9207 iss share the callback, those for connections counted', () => {
    const one = { ...hub, ...urls, sign_in: false };
    expect(faultyKeys({}, yaml(one, { ...one, id: 'second' }))).toEqual(['oauth_providers[1].callback']);
    expect(load({}, yaml(one, { ...one, id: 'second', callback: 'own' })).providers.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['hub', 'second']),
    );
  });
});

describe('D55', () => {
  it('has one namespace for providers of either use', () => {
    const one = { ...hub, ...urls, sign_in: false };
    expect(faultyKeys({}, yaml(one, { ...one, callback: 'own' }))).toContain('oauth_providers[1].id');
  });
});
