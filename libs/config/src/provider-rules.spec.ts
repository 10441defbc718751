import fc from 'fast-check';
import { faultsOf, faultyKeys, load, productionEnvironment as production } from './load-for-spec.js';

const oidc = { id: 'acme', type: 'oidc', issuer: 'https://id.acme.example', client_id: 'x' };
const oauth2 = {
  id: 'hub',
  type: 'oauth2',
  authorization_url: 'https://hub.example/authorize',
  token_url: 'https://hub.example/token',
  userinfo_url: 'https://api.hub.example/user',
  client_id: 'x',
};
/** JSON is YAML. */
const yaml = (...providers: object[]): string => JSON.stringify({ oauth_providers: providers });
const idsOf = (env: NodeJS.ProcessEnv, text?: string): string[] => load(env, text).providers.map(({ id }) => id);

describe('providers', () => {
  it('fills in what is absent', () => {
    const [acme, hub] = load(production, yaml({ ...oidc, client_secret: 's' }, oauth2)).providers;
    expect(acme).toMatchObject({
      id: 'acme',
      name: 'acme',
      icon: undefined,
      enabled: true,
      organization: 'default',
      linkByVerifiedEmailDomains: [],
      scopes: ['openid', 'profile', 'email'],
      callback: 'shared',
      tokenEndpointAuthMethod: 'client_secret_basic',
      groupsClaim: 'groups',
      idTokenSignedResponseAlg: undefined,
    });
    expect(hub).toMatchObject({
      type: 'oauth2',
      clientSecret: undefined,
      tokenEndpointAuthMethod: 'none',
      scopes: [],
      pkce: true,
      emailsUrl: undefined,
      fields: { subject: 'id', email: 'email', emailVerified: 'email_verified', name: 'name', groups: 'groups' },
    });
  });

  it('takes every key', () => {
    const common = { name: 'N', icon: 'i', enabled: 'off', organization: 'o', link_by_verified_email: ['example.com'] };
    const oauth = {
      client_secret: 's',
      scopes: ['openid', 'offline_access'],
      callback: 'own',
      token_endpoint_auth_method: 'client_secret_post',
      authorization_parameters: { access_type: 'offline', max_age: 60 },
      store_tokens: true,
    };
    const [acme, hub] = load(
      {},
      yaml(
        { ...oidc, ...common, ...oauth, groups_claim: 'roles', id_token_signed_response_alg: 'ES256' },
        {
          ...oauth2,
          ...common,
          ...oauth,
          emails_url: 'https://api.hub.example/emails',
          issuer: 'https://hub.example',
          pkce: false,
          subject_field: 'sub',
          email_field: 'mail',
          email_verified_field: 'verified',
          name_field: 'login',
          groups_field: 'teams',
        },
      ),
    ).providers;
    const both = {
      name: 'N',
      icon: 'i',
      enabled: false,
      organization: 'o',
      linkByVerifiedEmailDomains: ['example.com'],
      scopes: ['openid', 'offline_access'],
      callback: 'own',
      tokenEndpointAuthMethod: 'client_secret_post',
      authorizationParameters: { access_type: 'offline', max_age: '60' },
    };
    expect(acme).toMatchObject({ ...both, groupsClaim: 'roles', idTokenSignedResponseAlg: 'ES256' });
    expect(hub).toMatchObject({
      ...both,
      authorizationUrl: oauth2.authorization_url,
      tokenUrl: oauth2.token_url,
      userinfoUrl: oauth2.userinfo_url,
      emailsUrl: 'https://api.hub.example/emails',
      issuer: 'https://hub.example',
      pkce: false,
      fields: { subject: 'sub', email: 'mail', emailVerified: 'verified', name: 'login', groups: 'teams' },
    });
  });

  it('refuses what one type does not have, and a misspelt key with a hint', () => {
    expect(faultsOf({}, yaml({ ...oidc, token_url: 'https://x/' }, { ...oauth2, subject_feild: 'id' }))).toEqual([
      { key: 'oauth_providers[0].token_url', message: expect.stringContaining('not a known setting') },
      { key: 'oauth_providers[1].subject_feild', message: expect.stringContaining('did you mean subject_field?') },
    ]);
  });

  it('refuses a client authentication that does not fit the secret', () => {
    const providers = yaml(
      { ...oidc, token_endpoint_auth_method: 'none', client_secret: 's' },
      { ...oidc, id: 'b', token_endpoint_auth_method: 'client_secret_post' },
    );
    expect(faultyKeys({}, providers)).toEqual([
      'oauth_providers[0].token_endpoint_auth_method',
      'oauth_providers[1].client_secret',
    ]);
  });

  it.each(['client_id', 'redirect_uri', 'state', 'nonce', 'code_challenge', 'response_mode', 'request'])(
    'refuses the authorization parameter %s, which Gatehouse sets',
    (name) => {
      expect(faultyKeys({}, yaml({ ...oidc, authorization_parameters: { [name]: 'x' } }))).toEqual([
        `oauth_providers[0].authorization_parameters.${name}`,
      ]);
    },
  );

  it('refuses an OpenID Connect provider without the scope openid', () => {
    expect(faultyKeys({}, yaml({ ...oidc, scopes: ['email'] }))).toEqual(['oauth_providers[0].scopes']);
  });
});

describe('D17', () => {
  it('links by e-mail only in domains that are named', () => {
    expect(load({}, yaml({ ...oidc, link_by_verified_email: false })).providers[0]?.linkByVerifiedEmailDomains).toEqual(
      [],
    );
    expect(faultyKeys({}, yaml({ ...oidc, link_by_verified_email: true }))).toEqual([
      'oauth_providers[0].link_by_verified_email',
    ]);
    for (const domain of ['*', '*.example.com', 'Example.com', '@example.com', 'com', 'a..b']) {
      expect(faultyKeys({}, yaml({ ...oidc, link_by_verified_email: [domain] }))).toEqual([
        'oauth_providers[0].link_by_verified_email[0]',
      ]);
    }
  });
});

describe('R33', () => {
  it.each(['none', 'HS256', 'HS512'])('refuses %s as the signature of ID tokens', (alg) => {
    expect(faultyKeys({}, yaml({ ...oidc, id_token_signed_response_alg: alg }))).toEqual([
      'oauth_providers[0].id_token_signed_response_alg',
    ]);
  });
});

describe('provider addresses', () => {
  it.each(['authorization_url', 'token_url', 'userinfo_url', 'emails_url', 'issuer'])('%s is https', (key) => {
    const wrong = [
      'http://id.example.com/',
      'ftp://id.example.com/',
      'id.example.com',
      'https://u:p@id.example.com/',
      'https://id.example.com/#x',
    ];
    for (const value of wrong) {
      expect(faultyKeys({}, yaml({ ...oauth2, [key]: value }))).toEqual([`oauth_providers[0].${key}`]);
    }
  });

  it('are http only on a loopback host with outbound.allow_private', () => {
    const local = yaml({ ...oidc, issuer: 'http://localhost:9000' });
    expect(idsOf({}, local)).toContain('acme');
    expect(faultsOf(production, local)).toEqual([
      { key: 'oauth_providers[0].issuer', message: expect.stringContaining('outbound.allow_private') },
    ]);
    expect(
      faultyKeys(
        {},
        `outbound: { allow_private: false }\noauth_providers: [${JSON.stringify({ ...oidc, issuer: 'http://[::1]' })}]`,
      ),
    ).toEqual(['oauth_providers[0].issuer']);
  });

  it('of an issuer have no query', () => {
    expect(faultyKeys({}, yaml({ ...oidc, issuer: 'https://id.example.com/?tenant=1' }))).toEqual([
      'oauth_providers[0].issuer',
    ]);
  });
});

describe('D22', () => {
  it('adds the test provider and the development identity provider in development', () => {
    expect(load({}).providers).toMatchObject([
      { id: 'test', type: 'test' },
      {
        id: 'dev',
        type: 'oidc',
        name: 'Test IdP',
        issuer: 'http://localhost:8081',
        clientId: 'gatehouse',
        scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
        groupsClaim: 'groups',
      },
    ]);
    expect(load({ TEST_IDP_PORT: '9999' }).providers[1]).toMatchObject({ issuer: 'http://localhost:9999' });
  });

  it('leaves each of them out when asked', () => {
    expect(idsOf({ TEST_IDP_PORT: 'off' })).toEqual(['test']);
    expect(idsOf({}, 'test_provider: false')).toEqual(['dev']);
    expect(idsOf({}, 'test_provider: off\ntest_idp_port: false')).toEqual([]);
  });

  it('lets the file define their ids itself', () => {
    const providers = load({}, yaml({ ...oidc, id: 'dev' }, { id: 'test', type: 'test', name: 'Mine' })).providers;
    expect(providers).toMatchObject([
      { id: 'dev', issuer: oidc.issuer },
      { id: 'test', name: 'Mine' },
    ]);
    expect(providers).toHaveLength(2);
  });

  it.each([
    'https://login.example.com',
    'http://gatehouse.internal:8080',
    'http://192.168.1.7',
    'http://localhost.example.com',
  ])('has neither at %s, which is not loopback', (PUBLIC_URL) => {
    expect(idsOf({ PUBLIC_URL })).toEqual([]);
    expect(load({ PUBLIC_URL }).testIdpPort).toBeUndefined();
    expect(
      faultyKeys({ PUBLIC_URL, TEST_IDP_PORT: '9' }, 'test_provider: true\noauth_providers: [{ id: t, type: test }]'),
    ).toEqual(['oauth_providers[0].type', 'TEST_IDP_PORT', 'test_provider']);
  });

  it('refuses to start with either in production, loopback or not', () => {
    for (const PUBLIC_URL of ['https://login.example.com', 'https://localhost']) {
      const env = { ...production, PUBLIC_URL };
      expect(idsOf(env)).toEqual([]);
      expect(faultyKeys({ ...env, TEST_IDP_PORT: '8081' })).toEqual(['TEST_IDP_PORT']);
      expect(faultyKeys(env, 'test_provider: true')).toEqual(['test_provider']);
      expect(faultyKeys(env, yaml({ id: 'test', type: 'test' }))).toEqual(['oauth_providers[0].type']);
      expect(faultyKeys(env, yaml({ id: 'test', type: 'test', enabled: false }))).toEqual(['oauth_providers[0].type']);
    }
  });

  it('refuses to start in production without rate limits, whoever turned them off', () => {
    expect(faultyKeys({ ...production, GATEHOUSE_RATE_LIMITS: 'off' })).toEqual(['GATEHOUSE_RATE_LIMITS']);
    expect(faultyKeys(production, 'rate_limits: { enabled: false }')).toEqual(['rate_limits.enabled']);
    expect(load({ GATEHOUSE_RATE_LIMITS: 'off' }).rateLimits.enabled).toBe(false);
  });
});

describe('D35', () => {
  const shared = (id: string, more: object = {}): object => ({ ...oauth2, id, ...more });

  it('lets one provider without iss share the callback', () => {
    expect(idsOf(production, yaml(shared('a'), oidc))).toEqual(['a', 'acme']);
  });

  it('names the others and the fix when more do', () => {
    const faults = faultsOf(production, yaml(shared('a'), shared('b'), oidc, shared('c')));
    expect(faults.map(({ key }) => key)).toEqual(['oauth_providers[1].callback', 'oauth_providers[3].callback']);
    expect(faults[0]?.message).toContain('with a, c,');
    expect(faults[1]?.message).toContain('with a, b,');
    for (const { message } of faults) expect(message).toContain('callback: own');
  });

  it('does not count those with an own callback, with an issuer, or switched off', () => {
    const providers = yaml(
      shared('a'),
      shared('b', { callback: 'own' }),
      shared('c', { issuer: 'https://hub.example' }),
      shared('d', { enabled: false }),
    );
    expect(idsOf(production, providers)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('sees it although another fault is in the same entry', () => {
    expect(
      faultyKeys(production, yaml(shared('a', { pkce: 'perhaps' }), shared('b', { nonsense: 1 }))).toSorted(),
    ).toEqual(['oauth_providers[0].pkce', 'oauth_providers[1].callback', 'oauth_providers[1].nonsense']);
  });
});

describe('D55', () => {
  it.each(['providers', 'acs', 'slo', 'complete'])('reserves %s', (id) => {
    expect(faultsOf(production, yaml({ ...oidc, id }))).toEqual([
      { key: 'oauth_providers[0].id', message: expect.stringContaining('reserved') },
    ]);
  });

  it('refuses an id that is used twice, whatever the types', () => {
    expect(faultyKeys(production, yaml(oidc, { ...oauth2, id: 'acme' }))).toEqual(['oauth_providers[1].id']);
  });

  it('accepts exactly ids of one letter and up to 99 letters, digits, _ and -', () => {
    const character = fc.constantFrom(...'aZ09_-.: /é\n');
    const candidate = fc.oneof(
      fc.array(character, { maxLength: 6 }).map((parts) => parts.join('')),
      fc.integer({ min: 98, max: 102 }).map((length) => 'a'.repeat(length)),
    );
    let accepted = 0;
    fc.assert(
      fc.property(candidate, (id) => {
        const allowed = new Set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-');
        const good = [...id].every((letter) => allowed.has(letter)) && /^[a-z]/i.test(id) && id.length <= 100;
        const text = yaml({ ...oidc, id });
        if (good) {
          accepted += 1;
          expect(idsOf(production, text)).toEqual([id]);
        } else {
          expect(faultyKeys(production, text)).toEqual(['oauth_providers[0].id']);
        }
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(5);
  });
});
