import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { loadConfig } from '@app/config';
import { DEVICE_CODE_GRANT } from '@app/oauth2';
import type { ApplicationSettings } from './application.js';
import { applicationFaults, assertApplication } from './application-rules.js';
import { settings } from './applications.spec-support.js';

const fieldsOf = (changes: Partial<ApplicationSettings>) =>
  applicationFaults(settings(changes)).map(({ field }) => field);
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicKey = { kty: 'EC', ...ec.publicKey.export({ format: 'jwk' }) };

describe('D7, R18 what an application may be registered with', () => {
  it('finds nothing wrong with a usual one', () => {
    expect(applicationFaults(settings())).toEqual([]);
    const whole = settings({
      redirectUris: ['https://a.example/cb', 'http://127.0.0.1/cb', 'http://[::1]:5000/cb', 'http://localhost/cb'],
      postLogoutRedirectUris: ['https://a.example/'],
      resources: ['https://api.example/', 'urn:example:api'],
      backchannelLogoutUri: 'https://a.example/back',
      frontchannelLogoutUri: 'https://a.example/front',
      logoUri: 'https://a.example/logo.png',
      consent: 'skip',
      grantTypes: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      dpopBoundAccessTokens: true,
    });
    expect(applicationFaults(whole)).toEqual([]);
  });

  it.each([
    ['http://a.example/cb', 'https'],
    ['https://a.example/cb#x', 'fragment'],
    ['https://a.example/cb#', 'fragment'],
    ['https://user@a.example/cb', 'user name'],
    ['https://A.example/cb', 'normal form'],
    ['https://a.example/x/../cb', 'normal form'],
    ['https://a.example:443/cb', 'normal form'],
    ['javascript:alert(1)', 'https'],
    ['com.example.app:/cb', 'https'],
    ['/cb', 'absolute'],
    ['', 'absolute'],
    ['https://a.example/…', '2000', `https://a.example/${'a'.repeat(2000)}`],
  ])('refuses the target %s', (named, message, uri = named) => {
    const faults = applicationFaults(
      settings({ redirectUris: ['https://a.example/ok', uri], postLogoutRedirectUris: [uri] }),
    );
    expect(faults.map(({ field }) => field)).toEqual(['redirect_uris', 'post_logout_redirect_uris']);
    for (const fault of faults) expect(fault.message).toContain(message);
    expect(fieldsOf({ backchannelLogoutUri: uri, frontchannelLogoutUri: uri })).toEqual([
      'backchannel_logout_uri',
      'frontchannel_logout_uri',
    ]);
  });

  it('OpenID Connect Front-Channel Logout 1.0 §2: frames nothing but what is the application’s own', () => {
    const redirectUris = ['https://a.example/cb', 'http://127.0.0.1:3000/cb'];
    const fields = (frontchannelLogoutUri: string) => fieldsOf({ redirectUris, frontchannelLogoutUri });
    expect(fields('https://a.example/front?of=me')).toEqual([]);
    expect(fields('http://127.0.0.1:3000/front')).toEqual([]);
    for (const stranger of ['https://b.example/cb', 'https://a.example:8443/cb', 'http://127.0.0.1:3001/cb'])
      expect(fields(stranger)).toEqual(['frontchannel_logout_uri']);
  });

  it('RP-Initiated Logout §3.1: takes an origin without its slash for after a logout, and for nothing else', () => {
    const uri = 'https://a.example';
    const everywhere = { redirectUris: [uri], backchannelLogoutUri: uri, frontchannelLogoutUri: uri };
    expect(fieldsOf({ ...everywhere, postLogoutRedirectUris: [uri, `${uri}/`, 'http://localhost:3000'] })).toEqual([
      'redirect_uris',
      'backchannel_logout_uri',
      'frontchannel_logout_uri',
    ]);
  });

  it('needs a target, and each once, and at most fifty', () => {
    expect(fieldsOf({ redirectUris: [] })).toEqual(['redirect_uris']);
    expect(fieldsOf({ redirectUris: ['https://a.example/', 'https://a.example/'] })).toEqual(['redirect_uris']);
    const uris = Array.from({ length: 51 }, (_, index) => `https://a.example/${index}`);
    expect(fieldsOf({ redirectUris: uris })).toEqual(['redirect_uris']);
    expect(fieldsOf({ redirectUris: uris.slice(1), postLogoutRedirectUris: uris })).toEqual([
      'post_logout_redirect_uris',
    ]);
  });

  it('RFC 8628: needs no target where it runs on devices alone', () => {
    const device = ['refresh_token', DEVICE_CODE_GRANT] as const;
    expect(fieldsOf({ grantTypes: device, redirectUris: [] })).toEqual([]);
    expect(fieldsOf({ grantTypes: [DEVICE_CODE_GRANT], redirectUris: [] })).toEqual([]);
    expect(fieldsOf({ grantTypes: device })).toEqual([]);
    expect(fieldsOf({ grantTypes: device, redirectUris: ['http://a.example/'] })).toEqual(['redirect_uris']);
    expect(fieldsOf({ grantTypes: ['authorization_code', ...device], redirectUris: [] })).toEqual(['redirect_uris']);
  });

  it.each<[string, Partial<ApplicationSettings>, string]>([
    ['no scope', { scopes: [] }, 'scopes'],
    ['a scope that is not for people', { scopes: ['openid', 'vault:read'] }, 'scopes'],
    ['refreshing alone', { grantTypes: ['refresh_token'] }, 'grant_types'],
    [
      'a token exchange of who proves himself by nothing (RFC 8693 §2.1)',
      {
        grantTypes: ['authorization_code', 'urn:ietf:params:oauth:grant-type:token-exchange'],
        tokenEndpointAuthMethod: 'none',
      },
      'grant_types',
    ],
    ['a relative resource (RFC 8707 §2)', { resources: ['api'] }, 'resources'],
    ['a resource with a fragment (RFC 8707 §2)', { resources: ['https://api.example/#x'] }, 'resources'],
    ['a logo over http', { logoUri: 'http://localhost/logo.png' }, 'logo_uri'],
    ['a logo in the address', { logoUri: 'data:image/svg+xml,<svg/>' }, 'logo_uri'],
    ['keys that nothing is proved by', { jwks: { keys: [publicKey] } }, 'jwks'],
    ['a proof by key without one', { tokenEndpointAuthMethod: 'private_key_jwt' }, 'jwks'],
    ['an empty key set', { tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [] } }, 'jwks'],
  ])('refuses %s', (_name, changes, field) => expect(fieldsOf(changes)).toEqual([field]));

  it('takes public keys alone (RFC 7523), and says that a private one is lost', () => {
    const jwks = (key: object) => ({ tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [publicKey, key] } });
    const pair = ec.privateKey.export({ format: 'jwk' });
    expect(fieldsOf(jwks({ ...publicKey, kid: 'two' }) as never)).toEqual([]);
    for (const key of [pair, { kty: 'oct', k: 'c2VjcmV0' }]) {
      const [fault] = applicationFaults(settings(jwks(key) as never));
      expect(fault).toMatchObject({ field: 'jwks', message: expect.stringContaining('replace') });
      expect(fault?.message).not.toContain('c2VjcmV0');
    }
  });

  it('D49, RFC 8252 §8.6: a public application cannot be trusted without asking', () => {
    expect(fieldsOf({ tokenEndpointAuthMethod: 'none', consent: 'skip' })).toEqual(['consent']);
    expect(fieldsOf({ tokenEndpointAuthMethod: 'none', consent: 'ask' })).toEqual([]);
  });

  it('reports every fault, and the first of them as 422 with its field', () => {
    const wrong = settings({ redirectUris: ['http://a.example/'], scopes: ['x'], logoUri: 'x' });
    expect(applicationFaults(wrong).map(({ field }) => field)).toEqual(['redirect_uris', 'scopes', 'logo_uri']);
    expect(() => assertApplication(wrong)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        status: 422,
        details: { in: 'body', field: 'redirect_uris' },
      }),
    );
    expect(() => assertApplication(settings())).not.toThrow();
  });
});

describe('D62 the configuration file', () => {
  it('lets nothing through that these rules refuse', () => {
    const uri = fc.oneof(
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
      fc.constantFrom('http://localhost/', 'http://127.0.0.1:1/', 'https://a.example/', 'urn:a', 'https://b.example/é'),
    );
    const one = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });
    const entries = fc.record({
      client_id: fc.constant('grafana'),
      client_secret: one(fc.constant('a'.repeat(32))),
      name: fc.constant('Grafana'),
      redirect_uris: fc.array(uri, { maxLength: 3 }),
      post_logout_redirect_uris: one(fc.array(uri, { maxLength: 2 })),
      scopes: one(fc.array(fc.constantFrom('openid', 'groups', 'admin'), { maxLength: 2 })),
      grant_types: one(fc.array(fc.constantFrom('authorization_code', 'refresh_token'), { maxLength: 2 })),
      token_endpoint_auth_method: one(fc.constantFrom('none', 'client_secret_post', 'private_key_jwt')),
      jwks: one(fc.constantFrom({ keys: [publicKey] }, { keys: [ec.privateKey.export({ format: 'jwk' })] })),
      resources: one(fc.array(uri, { maxLength: 2 })),
      consent: one(fc.constantFrom('ask', 'skip')),
      backchannel_logout_uri: one(uri),
      logo_uri: one(uri),
    });
    let accepted = 0;
    fc.assert(
      fc.property(entries, (application) => {
        const yaml = JSON.stringify({ applications: [application] }).replaceAll('${', '$${');
        let configured: ApplicationSettings | undefined;
        try {
          configured = loadConfig({ GATEHOUSE_CONFIG: 'gatehouse.yaml' }, () => yaml).applications[0];
        } catch {
          return;
        }
        if (configured === undefined) throw new Error('the entry was lost');
        accepted += 1;
        expect(applicationFaults(configured)).toEqual([]);
      }),
      { numRuns: 600 },
    );
    expect(accepted).toBeGreaterThan(10);
  });
});
