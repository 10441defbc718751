import type { ProviderPreset } from './preset.js';

/** Authorization servers that others run for their own users. */
export const identityServicePresets = {
  okta: {
    label: 'Okta',
    sources: [
      'https://developer.okta.com/docs/guides/refresh-tokens/main/',
      'https://developer.okta.com/docs/guides/refresh-tokens/refresh-token-rotation/',
      'https://developer.okta.com/docs/reference/api/oidc/',
    ],
    unconfirmed: [
      'Rotation and its leeway are settings of the app at Okta: single_use is taken; write `rotation` where you know better.',
    ],
    host: { fallback: undefined, example: 'acme.okta.com' },
    issuer: 'https://{host}',
    endpoints: {
      authorizationUrl: 'https://{host}/oauth2/v1/authorize',
      tokenUrl: 'https://{host}/oauth2/v1/token',
      userinfoUrl: 'https://{host}/oauth2/v1/userinfo',
    },
    fields: { subject: 'sub' },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    oidcScopes: ['openid', 'profile', 'email', 'offline_access'],
    tokens: {
      // A used token that comes again ends the latest one and every access token since the sign-in.
      rotation: 'single_use',
      revocationUrl: 'https://{host}/oauth2/v1/revoke',
    },
  },
  auth0: {
    label: 'Auth0',
    sources: [
      'https://auth0.com/docs/secure/tokens/refresh-tokens/configure-refresh-token-rotation',
      'https://auth0.com/docs/secure/tokens/refresh-tokens/revoke-refresh-tokens',
    ],
    unconfirmed: [
      'Rotation and its overlap are settings of the application at Auth0, without overlap by default: single_use is taken.',
    ],
    host: { fallback: undefined, example: 'acme.eu.auth0.com' },
    // The slash at the end belongs to the issuer.
    issuer: 'https://{host}/',
    endpoints: {
      authorizationUrl: 'https://{host}/authorize',
      tokenUrl: 'https://{host}/oauth/token',
      userinfoUrl: 'https://{host}/userinfo',
    },
    fields: { subject: 'sub' },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    oidcScopes: ['openid', 'profile', 'email', 'offline_access'],
    clientAuthentication: 'client_secret_post',
    tokens: {
      rotation: 'single_use',
      revocationUrl: 'https://{host}/oauth/revoke',
    },
  },
} satisfies Record<string, ProviderPreset>;
