import type { OAuth2ProviderConfig, OidcProviderConfig } from '@app/config';
import { ClientSecretBasic, ClientSecretPost, None, type ClientAuth } from 'openid-client';

type Credentials = Pick<
  OidcProviderConfig | OAuth2ProviderConfig,
  'id' | 'clientId' | 'clientSecret' | 'tokenEndpointAuthMethod'
>;

/**
 * The configured way of telling the token endpoint who we are, for openid-client (RFC 6749 §2.3.1).
 * @throws Error when the method needs a secret and none is configured
 */
export function openidClientAuthentication(config: Credentials): ClientAuth {
  switch (config.tokenEndpointAuthMethod) {
    case 'client_secret_basic':
      return ClientSecretBasic(secretOf(config));
    case 'client_secret_post':
      return ClientSecretPost(secretOf(config));
    case 'none':
      return None();
  }
}

/**
 * The same for a request made by hand: fills in `body` or returns the headers to add.
 * @throws Error when the method needs a secret and none is configured
 */
export function authenticateClient(config: Credentials, body: URLSearchParams): Record<string, string> {
  if (config.tokenEndpointAuthMethod === 'client_secret_basic') {
    const pair = `${formEncode(config.clientId)}:${formEncode(secretOf(config))}`;
    return { authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}` };
  }
  body.set('client_id', config.clientId);
  if (config.tokenEndpointAuthMethod === 'client_secret_post') body.set('client_secret', secretOf(config));
  return {};
}

function secretOf(config: Credentials): string {
  if (config.clientSecret) return config.clientSecret.reveal();
  throw new Error(
    `provider "${config.id}": token_endpoint_auth_method ${config.tokenEndpointAuthMethod} needs a client_secret; ` +
      'set one, or the method to none',
  );
}

/** RFC 6749 §2.3.1 and appendix B: form encoding comes before the base64 of Basic. */
function formEncode(value: string): string {
  return new URLSearchParams({ v: value }).toString().slice(2);
}
