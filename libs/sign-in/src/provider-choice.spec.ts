import type { SamlProviderConfig } from '@app/config';
import type { Provider, ProviderRegistry } from '@app/oauth-providers';
import type { IdentityProviders } from '@app/saml';
import { ProviderChoice } from './provider-choice.js';

const oauth = (id: string, type: string) => ({ config: { id, name: id.toUpperCase(), type } }) as Provider;
const saml = (id: string) => ({ id, name: id.toUpperCase(), type: 'saml' }) as SamlProviderConfig;

/** A choice between these: `oidc:a`, `test:b`, `saml:c`. */
function choiceOf(...providers: string[]): ProviderChoice {
  const named = providers.map((provider) => provider.split(':') as [string, string]);
  const registry = { list: () => named.flatMap(([type, id]) => (type === 'saml' ? [] : [oauth(id, type)])) };
  const idps = { list: () => named.flatMap(([type, id]) => (type === 'saml' ? [saml(id)] : [])) };
  return new ProviderChoice(registry as unknown as ProviderRegistry, idps as unknown as IdentityProviders);
}

describe('D55', () => {
  it('takes the provider that was named, of either kind', () => {
    const choice = choiceOf('test:test', 'oidc:acme', 'saml:okta');
    expect(choice.choose({ idp: 'acme' })).toMatchObject({ protocol: 'oauth', id: 'acme', name: 'ACME' });
    expect(choice.choose({ idp: 'okta' })).toMatchObject({ protocol: 'saml', id: 'okta', name: 'OKTA' });
    expect(() => choice.choose({ idp: 'nobody' })).toThrow(/not a configured provider/);
  });

  it.each([
    ['test before all others', ['oidc:acme', 'saml:okta', 'test:test'], 'test'],
    ['the only one, by OAuth', ['oidc:acme'], 'acme'],
    ['the only one, by SAML', ['saml:okta'], 'okta'],
    ['none of two of different kinds', ['oidc:acme', 'saml:okta'], undefined],
    ['none of two by SAML', ['saml:okta', 'saml:entra'], undefined],
    ['none where there is none', [], undefined],
  ])('without a name takes %s', (_what, providers, id) => {
    expect(choiceOf(...providers).choose({})?.id).toBe(id);
  });

  it('takes a SAML provider named test for what it is', () => {
    expect(choiceOf('saml:test', 'saml:okta').choose({})).toBeUndefined();
  });
});
