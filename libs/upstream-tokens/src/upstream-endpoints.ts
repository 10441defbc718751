import type { OAuth2ProviderConfig } from '@app/config';
import type { OidcConnector } from '@app/oauth-providers';

/** Where a provider's endpoints are. The same object as long as nothing changed: it may key what is derived of it. */
export interface EndpointAddresses {
  readonly authorization: string;
  readonly token: string;
  readonly refresh: string;
  readonly revocation: string | undefined;
  readonly introspection: string | undefined;
  /** RFC 9207: what `iss` must be, and whether a missing one is refused. */
  readonly issuer: string | undefined;
  readonly sendsIss: boolean;
}

/** Those of an `oauth2` provider: all from its settings. */
export function configuredAddresses(config: OAuth2ProviderConfig): EndpointAddresses {
  return {
    authorization: config.authorizationUrl,
    token: config.tokenUrl,
    refresh: config.tokens.refreshUrl ?? config.tokenUrl,
    revocation: config.tokens.revocationUrl,
    introspection: config.tokens.introspectionUrl,
    issuer: config.issuer,
    // Setting the issuer declares that the provider sends it.
    sendsIss: config.issuer !== undefined,
  };
}

/** Those of an `oidc` provider, as it was last discovered; settings win. */
export class DiscoveredAddresses {
  #of: unknown;
  #addresses: EndpointAddresses | undefined;

  constructor(private readonly connector: OidcConnector) {}

  /** @throws UpstreamError while the provider cannot be discovered */
  async current(): Promise<EndpointAddresses> {
    const metadata = await this.connector.metadata();
    if (this.#addresses && this.#of === metadata) return this.#addresses;
    const { tokens } = this.connector.config;
    // Discovery refuses a document without these two.
    const { authorization_endpoint: authorization = '', token_endpoint: token = '' } = metadata;
    this.#of = metadata;
    this.#addresses = {
      authorization,
      token,
      refresh: tokens.refreshUrl ?? token,
      revocation: tokens.revocationUrl ?? metadata.revocation_endpoint,
      introspection: tokens.introspectionUrl ?? metadata.introspection_endpoint,
      issuer: metadata.issuer,
      sendsIss: metadata.authorization_response_iss_parameter_supported === true,
    };
    return this.#addresses;
  }
}
