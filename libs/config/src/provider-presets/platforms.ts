import { DAY, type ProviderPreset } from './preset.js';

/** Accounts of the large platforms. */
export const platformPresets = {
  google: {
    label: 'Google',
    sources: [
      'https://developers.google.com/identity/protocols/oauth2',
      'https://developers.google.com/identity/protocols/oauth2/web-server',
      'https://accounts.google.com/.well-known/openid-configuration',
    ],
    unconfirmed: [],
    issuer: 'https://accounts.google.com',
    endpoints: {
      authorizationUrl: 'https://accounts.google.com/o/oauth2/v2/auth',
      tokenUrl: 'https://oauth2.googleapis.com/token',
      userinfoUrl: 'https://openidconnect.googleapis.com/v1/userinfo',
    },
    fields: { subject: 'sub' },
    scopes: ['openid', 'email', 'profile'],
    // Without these two a refresh token comes never, or only at the very first consent.
    authorizationParameters: { access_type: 'offline', prompt: 'consent' },
    tokens: {
      rotation: 'reusable',
      revocationUrl: 'https://oauth2.googleapis.com/revoke',
      // Refresh tokens that rest for six months stop working.
      maxIdleSeconds: 180 * DAY,
    },
  },
  microsoft: {
    label: 'Microsoft Entra ID',
    sources: [
      'https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens',
      'https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow',
    ],
    unconfirmed: [],
    tenant: {
      fallback: undefined,
      example: 'the directory id; with type oauth2 also organizations, consumers or common',
    },
    issuer: 'https://login.microsoftonline.com/{tenant}/v2.0',
    endpoints: {
      authorizationUrl: 'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize',
      tokenUrl: 'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token',
      userinfoUrl: 'https://graph.microsoft.com/oidc/userinfo',
    },
    fields: { subject: 'sub' },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    oidcScopes: ['openid', 'profile', 'email', 'offline_access'],
    clientAuthentication: 'client_secret_post',
    tokens: {
      // A use brings a new refresh token, and does not revoke the old one.
      rotation: 'grace',
      maxIdleSeconds: 90 * DAY,
    },
  },
  linkedin: {
    label: 'LinkedIn',
    sources: [
      'https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens',
      'https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow',
    ],
    unconfirmed: ['Whether PKCE is taken from web applications: it is not sent.'],
    endpoints: {
      authorizationUrl: 'https://www.linkedin.com/oauth/v2/authorization',
      tokenUrl: 'https://www.linkedin.com/oauth/v2/accessToken',
      userinfoUrl: 'https://api.linkedin.com/v2/userinfo',
    },
    fields: { subject: 'sub' },
    scopes: ['openid', 'profile', 'email'],
    pkce: false,
    clientAuthentication: 'client_secret_post',
    // A refresh leaves the refresh token and its end, a year after the consent, as they were.
    tokens: { rotation: 'reusable' },
  },
  dropbox: {
    label: 'Dropbox',
    sources: [
      'https://dropbox.tech/developers/using-oauth-2-0-with-offline-access',
      'https://developers.dropbox.com/oauth-guide',
      'https://www.dropbox.com/developers/documentation/http/documentation#auth-token-revoke',
    ],
    unconfirmed: [],
    endpoints: {
      authorizationUrl: 'https://www.dropbox.com/oauth2/authorize',
      tokenUrl: 'https://api.dropboxapi.com/oauth2/token',
    },
    authorizationParameters: { token_access_type: 'offline' },
    tokens: {
      rotation: 'reusable',
      subjectPath: 'account_id',
      metadataPaths: { account_id: 'account_id', team_id: 'team_id' },
      revocationUrl: 'https://api.dropboxapi.com/2/auth/token/revoke',
      revocationStyle: 'bearer_post',
    },
  },
  box: {
    label: 'Box',
    sources: [
      'https://developer.box.com/guides/authentication/tokens/refresh',
      'https://developer.box.com/reference/post-oauth2-revoke',
    ],
    unconfirmed: [],
    endpoints: {
      authorizationUrl: 'https://account.box.com/api/oauth2/authorize',
      tokenUrl: 'https://api.box.com/oauth2/token',
    },
    clientAuthentication: 'client_secret_post',
    tokens: {
      rotation: 'single_use',
      revocationUrl: 'https://api.box.com/oauth2/revoke',
      maxIdleSeconds: 60 * DAY,
    },
  },
} satisfies Record<string, ProviderPreset>;
