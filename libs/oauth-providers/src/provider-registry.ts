import { randomInt } from 'node:crypto';
import {
  CLOCK,
  GATEHOUSE_CONFIG,
  type Clock,
  type GatehouseConfig,
  type OAuth2ProviderConfig,
  type OidcProviderConfig,
  type ProviderConfig,
  type TestProviderConfig,
} from '@app/config';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { OAuth2Connector } from './oauth2-connector.js';
import { OidcConnector } from './oidc-connector.js';
import type { Schedule } from './oidc-discovery.js';
import { OutboundFetch } from '@app/outbound';
import { TestConnector } from './test-connector.js';
import type { ConnectorStatus, UpstreamConnector } from './upstream-connector.js';

/** A configured provider and the way to speak to it. */
export interface Provider {
  readonly config: ProviderConfig;
  readonly connector: UpstreamConnector;
}

export interface ProviderStatus extends ConnectorStatus {
  readonly id: string;
}

const scheduleUnreferenced: Schedule = (run, delayMs) => {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return { cancel: () => clearTimeout(timer) };
};

/**
 * The enabled providers that people sign in with, by id. A disabled one, or one for connections alone, is not found at
 * all, so no entry point can forget to ask (R11). Starting never waits for a provider: one that is down shows in
 * `status()` and fails its own logins alone.
 */
@Injectable()
export class ProviderRegistry implements OnModuleInit, OnModuleDestroy {
  readonly #providers: ReadonlyMap<string, Provider>;
  /** `oidc` providers of either use: what they discover serves both. */
  readonly #oidc: ReadonlyMap<string, OidcConnector>;

  constructor(@Inject(GATEHOUSE_CONFIG) config: GatehouseConfig, @Inject(CLOCK) clock: Clock, outbound: OutboundFetch) {
    const providers = new Map<string, Provider>();
    const oidc = new Map<string, OidcConnector>();
    for (const provider of config.providers) {
      const signsIn = provider.type === 'test' || provider.signIn;
      if (!provider.enabled || (!signsIn && provider.type === 'oauth2')) continue;
      const connector = connectorFor(provider, config, clock, outbound);
      if (connector instanceof OidcConnector) oidc.set(provider.id, connector);
      if (signsIn) providers.set(provider.id, { config: provider, connector });
    }
    this.#providers = providers;
    this.#oidc = oidc;
  }

  onModuleInit(): void {
    for (const connector of this.#connectors()) connector.start?.();
  }

  onModuleDestroy(): void {
    for (const connector of this.#connectors()) connector.stop?.();
  }

  /** In the order of the configuration. */
  list(): Provider[] {
    return [...this.#providers.values()];
  }

  find(id: string): Provider | undefined {
    return this.#providers.get(id);
  }

  /** For whoever keeps tokens of an enabled `oidc` provider; those for connections alone are found too. */
  findOidc(id: string): OidcConnector | undefined {
    return this.#oidc.get(id);
  }

  /** Asks those that failed again now, without waiting for their pause to end: whoever signs in meanwhile waits for it. */
  retryFailed(): void {
    for (const connector of this.#connectors()) if (connector.status().state === 'degraded') connector.start?.();
  }

  /** For operators: `detail` may quote an upstream and is not for clients (R31). */
  status(): ProviderStatus[] {
    return this.list().map(({ config, connector }) => Object.assign({ id: config.id }, connector.status()));
  }

  #connectors(): Set<UpstreamConnector> {
    return new Set([...this.list().map(({ connector }) => connector), ...this.#oidc.values()]);
  }
}

function connectorFor(
  provider: OidcProviderConfig | OAuth2ProviderConfig | TestProviderConfig,
  config: GatehouseConfig,
  clock: Clock,
  outbound: OutboundFetch,
): UpstreamConnector {
  switch (provider.type) {
    case 'oidc': {
      const { clockSkewSeconds } = config.lifetimes;
      return new OidcConnector(provider, { outbound, clock, schedule: scheduleUnreferenced, clockSkewSeconds });
    }
    case 'oauth2':
      return new OAuth2Connector(provider, outbound);
    case 'test':
      return new TestConnector(provider, config, clock, randomInt);
  }
}
