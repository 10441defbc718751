import type { OAuth2ProviderConfig, OidcProviderConfig } from '@app/config';
import type { BeginRequest } from './upstream-connector.js';

/**
 * Parameters of the authorization request that both kinds of provider take (RFC 6749 §4.1.1, OIDC Core §3.1.2.1).
 * Configured extras come first, so none of them can replace one that protects the exchange.
 */
export function authorizationParameters(
  config: OidcProviderConfig | OAuth2ProviderConfig,
  scopes: readonly string[],
  request: BeginRequest,
): URLSearchParams {
  const parameters = new URLSearchParams(config.authorizationParameters);
  for (const reserved of ['nonce', 'code_challenge', 'code_challenge_method', 'request', 'request_uri']) {
    parameters.delete(reserved);
  }
  // Other modes would bring the answer where the callback does not look, or by a cross-site POST without the cookie.
  parameters.delete('response_mode');
  const ours: Readonly<Record<string, string | undefined>> = {
    client_id: config.clientId,
    response_type: 'code',
    redirect_uri: request.redirectUri,
    scope: scopes.length > 0 ? scopes.join(config.tokens.scopeSeparator) : undefined,
    state: request.state,
    login_hint: request.loginHint,
    prompt: request.prompt,
    max_age: request.maxAge?.toString(),
    acr_values: request.acrValues,
    ui_locales: request.uiLocales,
  };
  for (const [name, value] of Object.entries(ours)) {
    if (value !== undefined) parameters.set(name, value);
  }
  return parameters;
}
