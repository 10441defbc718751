import { isIP } from 'node:net';
import { upstreamUrlFault } from '../urls.js';
import { faultsOf, load } from '../load-for-spec.js';
import type { ProviderPreset } from './preset.js';
import { presetNames, providerPresets } from './presets.js';

const asked = [
  'google microsoft github_app github_oauth_app slack salesforce hubspot zoom atlassian quickbooks xero notion',
  'airtable dropbox linkedin stripe shopify zendesk gitlab okta auth0',
].flatMap((line) => line.split(' '));

const yaml = (...providers: object[]): string => JSON.stringify({ oauth_providers: providers });

/** What somebody has to write beside the preset. */
function settingsFor(name: string, type: 'oidc' | 'oauth2'): Record<string, unknown> {
  const preset: ProviderPreset = providerPresets[name as keyof typeof providerPresets];
  return {
    id: 'x',
    type,
    preset: name,
    client_id: 'c',
    client_secret: 's',
    ...(preset.host && preset.host.fallback === undefined ? { preset_host: preset.host.example } : {}),
    ...(preset.tenant ? { preset_tenant: '72f988bf-86f1-41af-91ab-2d7cd011db47' } : {}),
    ...(type === 'oauth2' && preset.endpoints?.userinfoUrl === undefined ? { sign_in: false } : {}),
  };
}

const addressesIn = (value: unknown): string[] =>
  Object.values(value ?? {}).flatMap((one: unknown) => {
    if (typeof one === 'string') return one.startsWith('http') ? [one] : [];
    return typeof one === 'object' ? addressesIn(one) : [];
  });

describe('the presets', () => {
  it('are those that were promised', () => {
    expect(presetNames).toEqual(expect.arrayContaining(asked));
  });

  it.each(Object.entries<ProviderPreset>(providerPresets))('%s has public sources and whole addresses', (_, preset) => {
    for (const url of preset.sources) expect(new URL(url).protocol).toBe('https:');
    for (const url of addressesIn([preset.endpoints, preset.issuer, preset.tokens])) {
      const written = url.replaceAll(/\{(host|tenant|client_id)\}/g, 'x.example');
      expect(upstreamUrlFault(written, { loopbackHttp: false })).toBeUndefined();
      expect(isIP(new URL(written).hostname)).toBe(0);
    }
    if (preset.scopes || preset.oidcScopes) expect(preset.oidcScopes ?? ['openid']).toContain('openid');
    for (const { code } of preset.tokens.errors ?? []) expect(code).toMatch(/^[a-z_0-9]{1,64}$/);
  });

  it.each(presetNames)('%s is all that an entry needs, in each type that it is for', (name) => {
    const preset: ProviderPreset = providerPresets[name];
    const types = [preset.issuer && 'oidc', preset.endpoints && 'oauth2'].filter((type) => type !== undefined);
    expect(types.length).toBeGreaterThan(0);
    for (const type of types as ('oidc' | 'oauth2')[]) {
      const [provider] = load({}, yaml(settingsFor(name, type))).providers;
      expect(provider).toMatchObject({ id: 'x', type });
      const addresses = addressesIn(provider);
      expect(addresses.length).toBeGreaterThan(0);
      for (const address of addresses) expect(address).not.toMatch(/[{}]/);
    }
  });

  it('say single_use where nobody could confirm more', () => {
    for (const preset of Object.values<ProviderPreset>(providerPresets)) {
      const doubtful = preset.unconfirmed.some((line) => line.includes('single_use'));
      if (doubtful) expect(preset.tokens.rotation ?? 'single_use').toBe('single_use');
    }
  });
});

describe('an entry with a preset', () => {
  const salesforce = settingsFor('salesforce', 'oauth2');

  it('gets addresses and habits from it', () => {
    expect(load({}, yaml({ ...salesforce, preset_host: 'acme.my.salesforce.com' })).providers[0]).toMatchObject({
      authorizationUrl: 'https://acme.my.salesforce.com/services/oauth2/authorize',
      tokenEndpointAuthMethod: 'client_secret_post',
      tokens: {
        expiry: { kind: 'introspect' },
        introspectionUrl: 'https://acme.my.salesforce.com/services/oauth2/introspect',
        metadataPaths: { instance_url: 'instance_url', id: 'id' },
        tokenRequest: 'form',
      },
    });
    expect(load({}, yaml(salesforce)).providers[0]).toMatchObject({
      tokenUrl: 'https://login.salesforce.com/services/oauth2/token',
    });
  });

  it('puts the client id into GitHub’s address', () => {
    const github = { ...settingsFor('github_app', 'oauth2'), client_id: 'Iv1/8' };
    expect(load({}, yaml(github)).providers[0]).toMatchObject({
      tokens: { revocationUrl: 'https://api.github.com/applications/Iv1%2F8/grant', revocationStyle: 'github' },
    });
  });

  it('may overrule all of it', () => {
    const about = {
      token_url: 'https://proxy.example/token',
      token_endpoint_auth_method: 'client_secret_basic',
      scopes: ['api'],
      pkce: false,
      subject_field: 'sub',
      authorization_parameters: { display: 'page' },
      token_request: 'json',
      refresh_url: 'https://proxy.example/refresh',
      refresh_parameters: { a: 1 },
      refresh_scope: 'repeat',
      rotation: 'reusable',
      expiry: 7_200,
      expires_in_unit: 'milliseconds',
      scope_separator: ',',
      token_field: 'data',
      token_subject_field: 'sub',
      revocation_url: 'https://proxy.example/revoke',
      introspection_url: 'https://proxy.example/introspect',
      max_concurrency: 1,
      max_per_second: 2,
      refresh_margin_seconds: 0,
      max_idle_seconds: 3_600,
    };
    expect(load({}, yaml({ ...salesforce, ...about })).providers[0]).toMatchObject({
      authorizationUrl: 'https://login.salesforce.com/services/oauth2/authorize',
      tokenUrl: 'https://proxy.example/token',
      tokenEndpointAuthMethod: 'client_secret_basic',
      scopes: ['api'],
      pkce: false,
      fields: { subject: 'sub', email: 'email' },
      authorizationParameters: { display: 'page' },
      tokens: {
        tokenRequest: 'json',
        refreshUrl: 'https://proxy.example/refresh',
        refreshParameters: { a: '1' },
        refreshScope: 'repeat',
        rotation: 'reusable',
        expiry: { kind: 'fixed', seconds: 7_200 },
        expiresInUnit: 'milliseconds',
        scopeSeparator: ',',
        tokenPaths: ['data', ''],
        subjectPath: 'sub',
        revocationUrl: 'https://proxy.example/revoke',
        revocationStyle: 'rfc7009',
        introspectionUrl: 'https://proxy.example/introspect',
        maxConcurrency: 1,
        maxPerSecond: 2,
        refreshMarginSeconds: 0,
        maxIdleSeconds: 3_600,
      },
    });
  });

  it.each([
    ['an unknown name', { preset: 'salesfroce' }, 'preset', 'must be'],
    ['a type that it is not for', { preset: 'salesforce', type: 'oidc' }, 'preset', 'write type: oauth2'],
    ['a missing host', { preset: 'zendesk' }, 'preset_host', 'acme.zendesk.com'],
    [
      'a host that it has no place for',
      { preset: 'slack', sign_in: false, preset_host: 'a.example' },
      'preset_host',
      'remove it',
    ],
    ['an address for a host', { preset: 'zendesk', preset_host: 'https://a.zendesk.com/' }, 'preset_host', 'host name'],
    [
      'a host with a place of its own',
      { preset: 'zendesk', preset_host: 'evil.example#.zendesk.com' },
      'preset_host',
      'host name',
    ],
    ['an IP address for a host', { preset: 'zendesk', preset_host: '169.254.169.254' }, 'preset_host', 'host name'],
    ['a missing tenant', { preset: 'microsoft' }, 'preset_tenant', 'directory id'],
    ['a tenant that leaves its place', { preset: 'microsoft', preset_tenant: '../x' }, 'preset_tenant', 'must be'],
  ])('is refused for %s', (_, about, key, message) => {
    const faults = faultsOf({}, yaml({ id: 'x', type: 'oauth2', client_id: 'c', ...about }));
    expect(faults).toEqual([{ key: `oauth_providers[0].${key}`, message: expect.stringContaining(message) }]);
  });
});
