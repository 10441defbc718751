import { loadConfig, type SamlProviderConfig } from '@app/config';

/** A SAML provider as the configuration makes it from an id and metadata alone, so that its defaults are the true ones. */
export function aSamlProvider(id: string, overrides: Partial<SamlProviderConfig> = {}): SamlProviderConfig {
  const [provider] = loadConfig(
    { GATEHOUSE_CONFIG: 'saml.yaml' },
    () => `saml_providers: [{ id: ${id}, metadata_url: "https://${id}.example/metadata" }]`,
  ).samlProviders;
  if (provider === undefined) throw new Error('the configuration has no SAML provider');
  return { ...provider, ...overrides };
}
