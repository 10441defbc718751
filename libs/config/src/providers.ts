import type {
  OAuth2ProviderConfig,
  OidcProviderConfig,
  ProviderConfig,
  TestProviderConfig,
} from './gatehouse-config.js';
import type { ProviderSettings } from './provider.schema.js';
import { Secret } from './secret.js';

/** The provider as the rooms read it: wire names become ours, and what is absent gets its default. */
export function toProviderConfig(settings: ProviderSettings): ProviderConfig {
  const base = {
    id: settings.id,
    name: settings.name ?? settings.id,
    icon: settings.icon,
    enabled: settings.enabled,
    organization: settings.organization,
    linkByVerifiedEmailDomains: settings.link_by_verified_email,
  };
  if (settings.type === 'test') return { ...base, type: 'test' };
  const oauth = {
    ...base,
    clientId: settings.client_id,
    clientSecret: settings.client_secret,
    scopes: settings.scopes,
    callback: settings.callback,
    // RFC 6749 §2.3.1: Basic is what every authorization server must support.
    tokenEndpointAuthMethod:
      settings.token_endpoint_auth_method ?? (settings.client_secret === undefined ? 'none' : 'client_secret_basic'),
    authorizationParameters: settings.authorization_parameters,
  };
  if (settings.type === 'oidc') {
    return {
      ...oauth,
      type: 'oidc',
      issuer: settings.issuer,
      groupsClaim: settings.groups_claim,
      idTokenSignedResponseAlg: settings.id_token_signed_response_alg,
    } satisfies OidcProviderConfig;
  }
  return {
    ...oauth,
    type: 'oauth2',
    authorizationUrl: settings.authorization_url,
    tokenUrl: settings.token_url,
    userinfoUrl: settings.userinfo_url,
    emailsUrl: settings.emails_url,
    issuer: settings.issuer,
    pkce: settings.pkce,
    fields: {
      subject: settings.subject_field,
      email: settings.email_field,
      emailVerified: settings.email_verified_field,
      name: settings.name_field,
      groups: settings.groups_field,
    },
  } satisfies OAuth2ProviderConfig;
}

const builtIn = { icon: undefined, enabled: true, organization: 'default', linkByVerifiedEmailDomains: [] } as const;

/** D22: signs in whom `login_hint` names; the caller has checked that it may exist. */
export const testProvider: TestProviderConfig = { ...builtIn, type: 'test', id: 'test', name: 'Test' };

/**
 * The OpenID Connect provider that development starts beside the server; its secret is no secret. It may link in its own
 * mail domain, because the SAML one knows a person of it too (D63).
 */
export function developmentProvider(testIdpPort: number): OidcProviderConfig {
  return {
    ...builtIn,
    linkByVerifiedEmailDomains: ['idp.test'],
    type: 'oidc',
    id: 'dev',
    name: 'Test IdP',
    issuer: `http://localhost:${testIdpPort}`,
    clientId: 'gatehouse',
    clientSecret: new Secret('gatehouse-development-secret'),
    scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    callback: 'shared',
    tokenEndpointAuthMethod: 'client_secret_basic',
    authorizationParameters: {},
    groupsClaim: 'groups',
    idTokenSignedResponseAlg: undefined,
  };
}
