import type { AnyProviderConfig, GatehouseConfig } from './gatehouse-config.js';

/** Every configured provider, of either protocol: for whoever knows a provider by its id only (D55). */
export function allProviders(
  config: Pick<GatehouseConfig, 'providers' | 'samlProviders'>,
): readonly AnyProviderConfig[] {
  return [...config.providers, ...config.samlProviders];
}
