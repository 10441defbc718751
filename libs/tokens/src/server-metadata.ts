import { ASSERTION_ALGORITHMS } from '@app/clients';
import type { GatehouseConfig } from '@app/config';
import { ASYMMETRIC_ALGORITHMS, MACHINE_SCOPES, SIGN_IN_SCOPES } from '@app/oauth2';

/** RFC 8414 §2. Everything is under PUBLIC_URL, whatever the Host header says (D3). */
export function authorizationServerMetadata(config: GatehouseConfig, grantTypes: readonly string[]) {
  const at = (path: string) => `${config.publicUrl}${path}`;
  const clientAuthentication = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'];
  const assertionAlgorithms = [...ASSERTION_ALGORITHMS];
  return {
    issuer: config.publicUrl,
    authorization_endpoint: at('/oauth2/authorize'),
    token_endpoint: at('/oauth2/token'),
    userinfo_endpoint: at('/oauth2/userinfo'),
    jwks_uri: at('/.well-known/jwks.json'),
    introspection_endpoint: at('/oauth2/introspect'),
    revocation_endpoint: at('/oauth2/revoke'),
    pushed_authorization_request_endpoint: at('/oauth2/par'),
    device_authorization_endpoint: at('/oauth2/device_authorization'),
    require_pushed_authorization_requests: false,
    scopes_supported: [...SIGN_IN_SCOPES, ...MACHINE_SCOPES],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'form_post'],
    grant_types_supported: grantTypes,
    token_endpoint_auth_methods_supported: clientAuthentication,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: clientAuthentication,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: clientAuthentication,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    code_challenge_methods_supported: ['S256'],
    dpop_signing_alg_values_supported: [...ASYMMETRIC_ALGORITHMS],
    authorization_response_iss_parameter_supported: true,
    service_documentation: at('/docs'),
  };
}

/** OpenID Connect Discovery 1.0 §3: the same server with what an OIDC client needs to know of ID tokens. */
export function openidConfiguration(config: GatehouseConfig, grantTypes: readonly string[]) {
  return {
    ...authorizationServerMetadata(config, grantTypes),
    end_session_endpoint: `${config.publicUrl}/oauth2/logout`,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    claims_supported: [
      'iss',
      'sub',
      'aud',
      'exp',
      'iat',
      'auth_time',
      'nonce',
      'at_hash',
      'sid',
      'acr',
      'amr',
      'email',
      'email_verified',
      'name',
      'groups',
      'idp',
    ],
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  };
}

/** RFC 9728 §2: our own API as a protected resource. */
export function protectedResourceMetadata(config: GatehouseConfig) {
  return {
    resource: config.publicUrl,
    authorization_servers: [config.publicUrl],
    jwks_uri: `${config.publicUrl}/.well-known/jwks.json`,
    jwks_url: `${config.publicUrl}/.well-known/jwks.json`,
    scopes_supported: [...SIGN_IN_SCOPES, ...MACHINE_SCOPES],
    bearer_methods_supported: ['header'],
    resource_name: 'Gatehouse',
    resource_documentation: `${config.publicUrl}/docs`,
    tls_client_certificate_bound_access_tokens: false,
    dpop_signing_alg_values_supported: [...ASYMMETRIC_ALGORITHMS],
    dpop_bound_access_tokens_required: false,
  };
}
