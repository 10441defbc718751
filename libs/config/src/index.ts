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
  AuthnContextComparison,
  RequestedAuthnContext,
  ClientCallback,
  GatehouseConfig,
  Lifetimes,
  MasterKey,
  OAuth2ProviderConfig,
  OidcProviderConfig,
  ProviderConfig,
  RateLimits,
  SamlAttributeNames,
  SamlMetadataSource,
  SamlProviderConfig,
  SamlSettings,
  TestProviderConfig,
} from './gatehouse-config.js';
export { CLOCK, type Clock } from './clock.js';
export { ConfigModule, GATEHOUSE_CONFIG } from './config.module.js';
export { ConfigurationError, type ConfigurationFault } from './configuration-error.js';
export { allProviders } from './all-providers.js';
export { loadConfig } from './load-config.js';
export { loadConfigFromProcess } from './process-config.js';
export { configurationReference } from './configuration-reference.js';
