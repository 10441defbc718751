/**
 * config: environment and YAML file into one typed, frozen value.
 *
 * Owns: reading `process.env` and the YAML file, defaults, validation (all faults at once), the settings reference.
 * Does not own: connecting to anything, or deciding anything with the values.
 * Routes: none.
 */
export { Secret } from './secret.js';
export type {
  AccessTokenAlgorithm,
  AdminEntry,
  AnyProviderConfig,
  ApplicationConfig,
  AuthnContextComparison,
  RequestedAuthnContext,
  ClientCallback,
  GatehouseConfig,
  Lifetimes,
  MasterKey,
  MemberEntry,
  OAuth2ProviderConfig,
  OidcProviderConfig,
  OrganizationConfig,
  OrganizationRoleName,
  ProviderConfig,
  RateLimits,
  SamlAttributeNames,
  SamlMetadataSource,
  SamlProviderConfig,
  SamlSettings,
  TestProviderConfig,
  WebhookDeliveryConfig,
  WebhookEndpoint,
  WebhookEventKind,
} from './gatehouse-config.js';
export type { ExpiryStrategy, RevocationStyle, UpstreamErrorRule, UpstreamTokenRules } from './upstream-token-rules.js';
export { standardTokenRules } from './token-rules.js';
export { CLOCK, type Clock } from './clock.js';
export { ConfigModule, GATEHOUSE_CONFIG } from './config.module.js';
export { ConfigurationError, type ConfigurationFault } from './configuration-error.js';
export { allProviders } from './all-providers.js';
export { loadConfig } from './load-config.js';
export { loadConfigFromProcess } from './process-config.js';
export { configurationReference } from './configuration-reference.js';
export { providersReference } from './providers-reference.js';
export type { ProviderPreset } from './provider-presets/preset.js';
export { providerPresets, type PresetName } from './provider-presets/presets.js';
