import type { SamlProviderConfig } from '@app/config';
import { aSamlProvider } from '../../../../test/harness/saml-provider.js';

/** A provider as the configuration makes it from its metadata alone, but for one verified domain. */
export function aProvider(parts: Partial<SamlProviderConfig> = {}): SamlProviderConfig {
  return aSamlProvider('corp', { verifiedEmailDomains: ['corp.test'], ...parts });
}
