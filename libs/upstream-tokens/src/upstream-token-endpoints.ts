import { CLOCK, GATEHOUSE_CONFIG, type Clock, type ExpiryStrategy, type GatehouseConfig } from '@app/config';
import { ProviderRegistry, type OidcConnector, type UpstreamTransaction } from '@app/oauth-providers';
import { OutboundCalls } from '@app/outbound';
import { Inject, Injectable } from '@nestjs/common';
import { introspectExpiry, revokeTokens, type Revocation } from './neighbour-endpoints.js';
import type { RefreshAnswer } from './refresh-answer.js';
import { ConnectionGrant, type ConnectedTokens, type ConnectRequest, type ConnectStart } from './connection-grant.js';
import { TokenRefresh, type RefreshOptions } from './token-refresh.js';
import type { OAuthProviderConfig } from './token-request.js';
import type { RefreshTokenReuse, UpstreamTokenSet } from './token-set.js';
import { configuredAddresses, DiscoveredAddresses, type EndpointAddresses } from './upstream-endpoints.js';

/** What whoever keeps tokens of a provider has to know of it. */
export interface UpstreamTokenTraits {
  readonly reuse: RefreshTokenReuse;
  /** What holds when an answer names no lifetime; `fixed` and `jwt_exp` are already in `expiresInSeconds`. */
  readonly expiry: ExpiryStrategy;
  /** Seconds before its end at which a token counts as ended for callers, where the provider's settings say so. */
  readonly refreshMarginSeconds: number | undefined;
  readonly maxConcurrency: number;
  readonly maxPerSecond: number;
  /** The provider forgets refresh tokens that rest longer. */
  readonly maxIdleSeconds: number | undefined;
  /** Organization (its name) that connections made by signing in belong to (D61). */
  readonly organization: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly storeTokens: boolean;
  readonly callback: 'shared' | 'own';
}

interface Integration {
  readonly config: OAuthProviderConfig;
  readonly traits: UpstreamTokenTraits;
  readonly addresses: () => EndpointAddresses | Promise<EndpointAddresses>;
  readonly refresh: TokenRefresh;
  readonly grant: ConnectionGrant;
}

/**
 * The token endpoints of the enabled providers, by provider id, for tokens that are kept. Providers that issue none
 * (`test`) and disabled ones are not here.
 */
@Injectable()
export class UpstreamTokenEndpoints {
  readonly #integrations = new Map<string, Integration>();

  constructor(
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly calls: OutboundCalls,
    registry: ProviderRegistry,
  ) {
    for (const provider of config.providers) {
      if (provider.type === 'test' || !provider.enabled) continue;
      this.#integrations.set(provider.id, this.#integration(provider, registry));
    }
  }

  /** undefined: unknown, disabled, or no provider of tokens. */
  describe(providerId: string): UpstreamTokenTraits | undefined {
    return this.#integrations.get(providerId)?.traits;
  }

  /** Ids of all of them, in the order of the configuration. */
  ids(): string[] {
    return [...this.#integrations.keys()];
  }

  /**
   * One refresh request; nothing is ever sent twice. Does not throw for whatever an upstream or the network does: the
   * outcome says it (see RefreshAnswer).
   * @throws Error for a provider that {@link describe} does not know
   */
  refresh(providerId: string, refreshToken: string, options: RefreshOptions): Promise<RefreshAnswer> {
    return this.#get(providerId).refresh.refresh(refreshToken, options);
  }

  /**
   * Where to send the browser so that its user connects an account (RFC 6749 §4.1.1), and what {@link exchange} needs
   * again. `state` is the caller's, at least 128 random bits.
   * @throws UpstreamError while the provider cannot be discovered
   */
  authorize(providerId: string, request: ConnectRequest): Promise<ConnectStart> {
    return this.#get(providerId).grant.begin(request);
  }

  /**
   * The tokens for an authorization response, whose state and issuer are checked first (RFC 9207, D35). `subject`: the
   * provider's own name of the account, where it says one.
   * @throws UpstreamError
   */
  exchange(
    providerId: string,
    callback: URLSearchParams,
    transaction: UpstreamTransaction,
    redirectUri: string,
  ): Promise<ConnectedTokens> {
    return this.#get(providerId).grant.complete(callback, transaction, redirectUri);
  }

  /** Gives tokens back (RFC 7009 §2.1 or the provider's own way), as well as it can be done; never throws. */
  async revoke(
    providerId: string,
    tokens: Pick<UpstreamTokenSet, 'accessToken' | 'refreshToken'>,
    signal?: AbortSignal,
  ): Promise<Revocation> {
    const { config, addresses } = this.#get(providerId);
    return revokeTokens(this.calls, config, addresses, tokens, signal);
  }

  /** Seconds that an access token has left by the provider's introspection (RFC 7662 §2.2); undefined: not to be had. */
  async introspectExpiry(providerId: string, accessToken: string, signal?: AbortSignal): Promise<number | undefined> {
    const { config, addresses } = this.#get(providerId);
    return introspectExpiry(this.calls, config, addresses, accessToken, this.clock(), signal);
  }

  #get(providerId: string): Integration {
    const integration = this.#integrations.get(providerId);
    if (!integration) throw new Error(`no provider of tokens has the id "${providerId}"; ask describe() first`);
    return integration;
  }

  #integration(config: OAuthProviderConfig, registry: ProviderRegistry): Integration {
    const { addresses, oidc } = endpointsOf(config, registry);
    return {
      config,
      addresses,
      traits: traitsOf(config),
      refresh: new TokenRefresh(config, this.calls, this.clock, addresses),
      grant: new ConnectionGrant(config, this.calls, this.clock, addresses, oidc),
    };
  }
}

function endpointsOf(
  config: OAuthProviderConfig,
  registry: ProviderRegistry,
): { readonly addresses: Integration['addresses']; readonly oidc: OidcConnector | undefined } {
  if (config.type === 'oauth2') {
    const configured = configuredAddresses(config);
    return { addresses: () => configured, oidc: undefined };
  }
  const oidc = registry.findOidc(config.id);
  if (!oidc) throw new Error(`the registry of providers lacks "${config.id}"`);
  const discovered = new DiscoveredAddresses(oidc);
  return { addresses: () => discovered.current(), oidc };
}

function traitsOf({
  name,
  organization,
  scopes,
  storeTokens,
  callback,
  tokens,
}: OAuthProviderConfig): UpstreamTokenTraits {
  return {
    reuse: tokens.rotation,
    expiry: tokens.expiry,
    refreshMarginSeconds: tokens.refreshMarginSeconds,
    maxConcurrency: tokens.maxConcurrency,
    maxPerSecond: tokens.maxPerSecond,
    maxIdleSeconds: tokens.maxIdleSeconds,
    name,
    organization,
    scopes,
    storeTokens,
    callback,
  };
}
