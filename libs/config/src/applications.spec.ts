import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { faultsOf, faultyKeys, load } from './load-for-spec.js';

const SECRET = 'a-secret-of-32-characters-or-more-1';
const OTHER = 'a-secret-of-32-characters-or-more-2';
const yaml = (...applications: object[]) =>
  JSON.stringify({
    public_url: 'http://localhost:8080',
    client_callbacks: [{ client_id: 'dashboard', url: 'https://dashboard.example/cb' }],
    organizations: [{ name: 'acme' }],
    applications,
  });
const an = (changes: object = {}) => ({
  client_id: 'grafana',
  client_secret: SECRET,
  name: 'Grafana',
  redirect_uris: ['https://grafana.example/login/generic_oauth'],
  ...changes,
});
const publicJwk = (key: KeyObject, more: object = {}) => ({ ...key.export({ format: 'jwk' }), ...more });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

describe('D62 applications', () => {
  it('are none by default', () => expect(load().applications).toEqual([]));

  it('are confidential, of the default organization, for sign-in with every scope, unless told otherwise', () => {
    const [application] = load({ GRAFANA: SECRET }, yaml(an({ client_secret: '${GRAFANA}' }))).applications;
    expect(application).toEqual({
      clientId: 'grafana',
      clientSecrets: [expect.anything()],
      organization: 'default',
      name: 'Grafana',
      logoUri: undefined,
      redirectUris: ['https://grafana.example/login/generic_oauth'],
      postLogoutRedirectUris: [],
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      grantTypes: ['authorization_code', 'refresh_token'],
      tokenEndpointAuthMethod: 'client_secret_basic',
      jwks: undefined,
      resources: [],
      consent: 'ask',
      dpopBoundAccessTokens: false,
      backchannelLogoutUri: undefined,
      frontchannelLogoutUri: undefined,
    });
    expect(application?.clientSecrets.map((secret) => secret.reveal())).toEqual([SECRET]);
  });

  it('have every setting of a registration, and several secrets while they change over', () => {
    const settings = {
      client_secret: [OTHER, SECRET],
      organization: 'acme',
      post_logout_redirect_uris: ['https://grafana.example/'],
      scopes: ['openid'],
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      token_endpoint_auth_method: 'client_secret_post',
      resources: ['https://api.example/', 'urn:example:api'],
      consent: 'skip',
      dpop_bound_access_tokens: 'on',
      backchannel_logout_uri: 'https://grafana.example/back',
      frontchannel_logout_uri: 'https://grafana.example/front',
      logo_uri: 'https://grafana.example/logo.png',
    };
    const [application] = load({}, yaml(an(settings))).applications;
    expect(application).toMatchObject({
      organization: 'acme',
      postLogoutRedirectUris: ['https://grafana.example/'],
      scopes: ['openid'],
      grantTypes: ['authorization_code', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      tokenEndpointAuthMethod: 'client_secret_post',
      resources: ['https://api.example/', 'urn:example:api'],
      consent: 'skip',
      dpopBoundAccessTokens: true,
      backchannelLogoutUri: 'https://grafana.example/back',
      frontchannelLogoutUri: 'https://grafana.example/front',
      logoUri: 'https://grafana.example/logo.png',
    });
    expect(application?.clientSecrets.map((secret) => secret.reveal())).toEqual([OTHER, SECRET]);
  });

  it('RFC 8628 are of devices without a browser, which have no target', () => {
    const device = 'urn:ietf:params:oauth:grant-type:device_code';
    const [application] = load(
      {},
      yaml(an({ redirect_uris: undefined, grant_types: ['refresh_token', device] })),
    ).applications;
    expect(application).toMatchObject({ redirectUris: [], grantTypes: ['refresh_token', device] });
    expect(faultsOf({}, yaml(an({ redirect_uris: [], grant_types: ['authorization_code', device] })))).toEqual([
      { key: 'applications[0].redirect_uris', message: expect.stringContaining('at least one') },
    ]);
  });

  it('are public without a secret and without keys', () => {
    const [application] = load({}, yaml(an({ client_secret: undefined }))).applications;
    expect([application?.tokenEndpointAuthMethod, application?.clientSecrets]).toEqual(['none', []]);
  });

  it.each([
    ['P-256', publicJwk(ec.publicKey, { kid: 'k1', alg: 'ES256', use: 'sig' })],
    ['Ed25519', publicJwk(generateKeyPairSync('ed25519').publicKey)],
    ['RSA', publicJwk(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)],
  ])('RFC 7523 sign with the private key of a %s pair whose public key is here', (_name, key) => {
    const [application] = load({}, yaml(an({ client_secret: undefined, jwks: { keys: [key] } }))).applications;
    expect(application).toMatchObject({ tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [key] } });
  });

  it.each([
    ['client_id', undefined, 'is missing'],
    ['client_id', '', '1 to 100'],
    ['client_id', 'with space', '1 to 100'],
    ['client_id', 'a'.repeat(101), '1 to 100'],
    ['client_id', 'tmi_cc_abc', 'begins like an id that Gatehouse gives'],
    ['client_id', 'app_abc', 'begins like an id that Gatehouse gives'],
    ['client_id', 'dashboard', 'client_callbacks'],
    ['client_id', 'http://localhost:8080', 'public_url'],
    ['organization', 'acmee', 'not an organization of this file'],
    ['name', undefined, 'is missing'],
    ['name', 'a\u0007', 'control characters'],
    ['name', 'a'.repeat(101), '1 to 100'],
    ['redirect_uris', undefined, 'is missing'],
    ['redirect_uris', [], 'at least one'],
    ['scopes', [], 'at least one'],
    ['grant_types', ['refresh_token'], 'authorization_code'],
    ['token_endpoint_auth_method', 'client_secret_jwt', 'must be'],
    ['consent', 'never', 'ask or skip'],
    ['consent', null, 'has no value'],
    ['backchannel_logout_uri', 'http://grafana.example/', 'https'],
    ['frontchannel_logout_uri', 'https://grafana.example/#x', 'fragment'],
    ['frontchannel_logout_uri', 'https://elsewhere.example/front', 'another host'],
    ['logo_uri', 'http://localhost/logo.png', 'https'],
    ['logo_uri', 'data:image/png;base64,AAAA', 'https'],
    ['redirect_url', [], 'did you mean redirect_uris'],
  ])('refuse the %s %p, naming it', (key, value, message) => {
    expect(faultsOf({}, yaml(an({ [key]: value })))).toEqual([
      { key: `applications[0].${key}`, message: expect.stringContaining(message) },
    ]);
  });

  it.each([
    ['redirect_uris', 'https://grafana.example/#x', 'fragment'],
    ['redirect_uris', 'http://grafana.example/', 'https'],
    ['redirect_uris', 'https://user:pw@grafana.example/', 'user name'],
    ['redirect_uris', 'https://*.grafana.example/', 'wildcard'],
    ['redirect_uris', 'https://grafana.example', 'write https://grafana.example/'],
    ['redirect_uris', 'https://grafana.example/a/../b', 'write https://grafana.example/b'],
    ['redirect_uris', 'grafana://callback', 'https'],
    ['redirect_uris', '/callback', 'not an absolute URL'],
    ['redirect_uris', `https://grafana.example/${'a'.repeat(2000)}`, 'at most 2000'],
    ['post_logout_redirect_uris', 'http://grafana.example/', 'https'],
    ['post_logout_redirect_uris', 'http://grafana.example', 'https'],
    ['post_logout_redirect_uris', 'https://grafana.example:443', 'write https://grafana.example/'],
    ['resources', '/api', 'absolute'],
    ['resources', 'https://api.example/#x', 'fragment'],
    ['scopes', 'admin', 'must be'],
  ])('D7, R18, RFC 8707 §2: refuse %s with %s, naming the entry', (key, value, message) => {
    const good = { scopes: 'openid' }[key] ?? 'https://grafana.example/ok';
    expect(faultsOf({}, yaml(an({ [key]: [good, value] })))).toEqual([
      { key: `applications[0].${key}[1]`, message: expect.stringContaining(message) },
    ]);
  });

  it('RP-Initiated Logout §3.1: people may be sent to an origin without its slash after a logout', () => {
    const uris = ['https://grafana.example', 'https://grafana.example/', 'http://localhost:3000'];
    const [{ postLogoutRedirectUris } = {}] = load({}, yaml(an({ post_logout_redirect_uris: uris }))).applications;
    expect(postLogoutRedirectUris).toEqual(uris);
  });

  it.each(['redirect_uris', 'post_logout_redirect_uris', 'resources'])('refuse %s twice, and too many', (key) => {
    const uris = Array.from({ length: 51 }, (_, index) => `https://grafana.example/${index}`);
    expect(load({}, yaml(an({ [key]: uris.slice(1) }))).applications).toHaveLength(1);
    expect(faultyKeys({}, yaml(an({ [key]: uris })))).toEqual([`applications[0].${key}`]);
    expect(faultyKeys({}, yaml(an({ [key]: [uris[0], uris[0]] })))).toEqual([`applications[0].${key}[1]`]);
  });

  it('accept http on this machine, for tools that people run themselves (RFC 8252 §7.3)', () => {
    const redirect_uris = ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost:3000/callback'];
    expect(load({}, yaml(an({ redirect_uris }))).applications[0]?.redirectUris).toEqual(redirect_uris);
  });

  it.each<[string, object, string]>([
    ['a key set beside a secret', { jwks: { keys: [publicJwk(ec.publicKey)] } }, 'client_secret'],
    ['a secret method without one', { client_secret: null, token_endpoint_auth_method: 'client_secret_post' }, ''],
    [
      'private_key_jwt without keys',
      { client_secret: undefined, token_endpoint_auth_method: 'private_key_jwt' },
      'jwks',
    ],
    ['none with a secret', { token_endpoint_auth_method: 'none' }, 'client_secret'],
    [
      'keys with another method',
      { token_endpoint_auth_method: 'client_secret_post', jwks: { keys: [publicJwk(ec.publicKey)] } },
      'jwks',
    ],
  ])('OIDC Core §9: refuse %s', (_name, changes, key) => {
    expect(faultyKeys({}, yaml(an(changes)))).toContain(`applications[0].${key || 'client_secret'}`);
  });

  it('RFC 8693: refuse a token exchange to a public application', () => {
    const grant_types = ['authorization_code', 'urn:ietf:params:oauth:grant-type:token-exchange'];
    expect(faultyKeys({}, yaml(an({ client_secret: undefined, grant_types })))).toEqual([
      'applications[0].grant_types',
    ]);
  });

  it('D49, RFC 8252 §8.6: refuse to skip the consent of a public application', () => {
    expect(faultyKeys({}, yaml(an({ client_secret: undefined, consent: 'skip' })))).toEqual([
      'applications[0].consent',
    ]);
  });

  it('have an id each', () => {
    expect(faultyKeys({}, yaml(an(), an({ client_id: 'gitlab' }), an()))).toEqual(['applications[2].client_id']);
  });

  it('D63: may not take the id of the front page, which is a client in development', () => {
    const application = an({ client_id: 'http://localhost:8080/' });
    expect(faultyKeys({}, JSON.stringify({ applications: [application] }))).toEqual(['applications[0].client_id']);
  });

  it('are of an organization that a provider names', () => {
    const saml_providers = [{ id: 'okta', metadata_url: 'https://okta.example/metadata', organization: 'okta-people' }];
    const config = load({}, JSON.stringify({ saml_providers, applications: [an({ organization: 'okta-people' })] }));
    expect(config.applications).toHaveLength(1);
  });

  it('report every fault at once', () => {
    const wrong = { client_id: 'app_x', redirect_uris: ['x', 'http://a.example/'], consent: 'no', nmae: 'x' };
    expect(faultyKeys({}, yaml(an(wrong), an({ client_secret: 'short' }), an({ organization: 'b' }), an()))).toEqual([
      'applications[0].client_id',
      'applications[0].redirect_uris[0]',
      'applications[0].redirect_uris[1]',
      'applications[0].consent',
      'applications[0].nmae',
      'applications[1].client_secret',
      'applications[2].client_id',
      'applications[2].organization',
      'applications[3].client_id',
    ]);
  });
});

describe('R31 secrets of applications', () => {
  it.each([
    ['short', 'a'.repeat(31)],
    ['long', 'a'.repeat(1001)],
    ['spaced', `${'a'.repeat(32)} b`],
    ['not ASCII', 'ä'.repeat(32)],
  ])('refuse one that is %s, without saying it', (_name, secret) => {
    const faults = faultsOf(
      {},
      yaml(an({ client_secret: secret }), an({ client_id: 'b', client_secret: [SECRET, secret] })),
    );
    expect(faults.map(({ key }) => key)).toEqual(['applications[0].client_secret', 'applications[1].client_secret[1]']);
    expect(JSON.stringify(faults)).not.toContain(secret);
  });

  it.each([[[]], [Array.from({ length: 6 }, (_, index) => `${SECRET}${index}`)], [7], [{ value: SECRET }]])(
    'refuse %p in a secret’s place',
    (value) => {
      const faults = faultsOf({}, yaml(an({ client_secret: value })));
      expect(faults.map(({ key }) => key)).toEqual(['applications[0].client_secret']);
      expect(JSON.stringify(faults)).not.toContain(SECRET);
    },
  );

  it('refuse one that stands twice', () => {
    expect(faultyKeys({}, yaml(an({ client_secret: [SECRET, SECRET] })))).toEqual(['applications[0].client_secret[1]']);
  });

  it('print none', () => {
    const config = load({}, yaml(an({ client_secret: [SECRET, OTHER] })));
    for (const text of [inspect(config, { depth: null, showHidden: true }), JSON.stringify(config)])
      for (const secret of [SECRET, OTHER]) expect(text).not.toContain(secret);
  });

  it.each<[string, unknown]>([
    ['a private key', ec.privateKey.export({ format: 'jwk' })],
    ['a symmetric key', { kty: 'oct', k: Buffer.from(SECRET).toString('base64url') }],
    ['a short RSA key', publicJwk(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)],
    ['a curve of other uses', publicJwk(generateKeyPairSync('x25519').publicKey)],
    ['another curve', publicJwk(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey)],
    ['a kid that YAML reads as a number', publicJwk(ec.publicKey, { kid: 1 })],
    ['no key at all', SECRET],
    ['a point that is not on the curve', { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }],
  ])('RFC 7517: refuse %s in jwks, and quote nothing of it', (_name, key) => {
    const keys = [publicJwk(ec.publicKey), key];
    const faults = faultsOf({}, yaml(an({ client_secret: undefined, jwks: { keys } })));
    expect(faults.map(({ key: at }) => at)).toEqual(['applications[0].jwks.keys[1]']);
    const parts = typeof key === 'object' && key !== null ? Object.values(key) : [key];
    for (const part of parts.filter((one) => String(one).length > 8))
      expect(JSON.stringify(faults)).not.toContain(String(part));
  });

  it.each([[[]], [{}], [{ keys: [] }], ['https://app.example/jwks']])('RFC 7517 §5: refuse %j as a key set', (jwks) => {
    expect(faultyKeys({}, yaml(an({ client_secret: undefined, jwks })))).toEqual(['applications[0].jwks']);
  });

  it('D7: whatever text is a redirect target equals its own normal form', () => {
    const any = fc.oneof(fc.webUrl({ withFragments: true, withQueryParameters: true }), fc.string(), fc.webPath());
    fc.assert(
      fc.property(any, (uri) => {
        const text = yaml(an({ redirect_uris: [uri.replaceAll('$', '')] }));
        let accepted: readonly string[];
        try {
          accepted = load({}, text).applications[0]?.redirectUris ?? [];
        } catch {
          return;
        }
        for (const one of accepted) expect([new URL(one).href, one.includes('#')]).toEqual([one, false]);
      }),
    );
  });
});
