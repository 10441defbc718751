import type {
  OAuth2ProviderConfig,
  OidcProviderConfig,
  ProviderConfig,
  TestProviderConfig,
} from './gatehouse-config.js';
import { findPreset } from './provider-presets/presets.js';
import { placeFiller } from './provider-presets/preset-places.js';
import type { ProviderSettings } from './provider.schema.js';
import { Secret } from './secret.js';
import { standardTokenRules, tokenRulesOf } from './token-rules.js';

/** The provider as the rooms read it: wire names become ours, and what is absent comes from the preset or the standard. */
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
  const preset = findPreset(settings.preset);
  const fill = placeFiller(preset, settings);
  const oauth = {
    ...base,
    clientId: settings.client_id,
    clientSecret: settings.client_secret,
    callback: settings.callback,
    // RFC 6749 §2.3.1: Basic is what every authorization server must support.
    tokenEndpointAuthMethod:
      settings.token_endpoint_auth_method ??
      (settings.client_secret === undefined ? 'none' : (preset?.clientAuthentication ?? 'client_secret_basic')),
    authorizationParameters: { ...preset?.authorizationParameters, ...settings.authorization_parameters },
    signIn: settings.sign_in,
    storeTokens: settings.store_tokens,
    tokens: tokenRulesOf(settings, preset, fill),
  };
  if (settings.type === 'oidc') {
    return {
      ...oauth,
      type: 'oidc',
      issuer: settings.issuer ?? addressOf(preset?.issuer, fill),
      scopes: settings.scopes ?? preset?.oidcScopes ?? ['openid', 'profile', 'email'],
      groupsClaim: settings.groups_claim,
      idTokenSignedResponseAlg: settings.id_token_signed_response_alg,
    } satisfies OidcProviderConfig;
  }
  const endpoints = preset?.endpoints;
  const optional = (template: string | undefined) => (template === undefined ? undefined : fill(template));
  return {
    ...oauth,
    type: 'oauth2',
    authorizationUrl: settings.authorization_url ?? addressOf(endpoints?.authorizationUrl, fill),
    tokenUrl: settings.token_url ?? addressOf(endpoints?.tokenUrl, fill),
    userinfoUrl: settings.userinfo_url ?? optional(endpoints?.userinfoUrl),
    emailsUrl: settings.emails_url ?? optional(endpoints?.emailsUrl),
    issuer: settings.issuer,
    scopes: settings.scopes ?? preset?.scopes ?? [],
    pkce: settings.pkce ?? preset?.pkce ?? true,
    fields: {
      subject: settings.subject_field ?? preset?.fields?.subject ?? 'id',
      email: settings.email_field ?? preset?.fields?.email ?? 'email',
      emailVerified: settings.email_verified_field ?? preset?.fields?.emailVerified ?? 'email_verified',
      name: settings.name_field ?? preset?.fields?.name ?? 'name',
      groups: settings.groups_field,
    },
  } satisfies OAuth2ProviderConfig;
}

/** Addresses that neither preset nor settings bring are a fault by then; see provider-rules. */
function addressOf(template: string | undefined, fill: (template: string) => string): string {
  return template === undefined ? '' : fill(template);
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
    signIn: true,
    storeTokens: false,
    tokens: standardTokenRules,
    groupsClaim: 'groups',
    idTokenSignedResponseAlg: undefined,
  };
}
