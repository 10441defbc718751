import { DAY, type ProviderPreset } from './preset.js';

/** Shops, books, payments. */
export const commercePresets = {
  quickbooks: {
    label: 'QuickBooks Online',
    sources: [
      'https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0',
      'https://blogs.intuit.com/2024/06/03/oauth-token-management-done-the-right-way/',
      'https://blogs.intuit.com/2025/11/12/important-changes-to-refresh-token-policy/',
    ],
    unconfirmed: [
      'Whether the refresh token before the latest is still taken: single_use is taken (it changes about once a day).',
    ],
    endpoints: {
      authorizationUrl: 'https://appcenter.intuit.com/connect/oauth2',
      tokenUrl: 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
    },
    scopes: ['com.intuit.quickbooks.accounting'],
    tokens: {
      rotation: 'single_use',
      // The company is named in the redirect alone; x_refresh_token_expires_in is read everywhere.
      callbackMetadata: ['realmId'],
      revocationUrl: 'https://developer.api.intuit.com/v2/oauth2/tokens/revoke',
      revocationStyle: 'rfc7009_json',
      maxIdleSeconds: 100 * DAY,
    },
  },
  xero: {
    label: 'Xero',
    sources: [
      'https://developer.xero.com/faq/oauth2',
      'https://developer.xero.com/documentation/guides/oauth2/auth-flow',
      'https://identity.xero.com/.well-known/openid-configuration',
    ],
    unconfirmed: [],
    issuer: 'https://identity.xero.com',
    endpoints: {
      authorizationUrl: 'https://login.xero.com/identity/connect/authorize',
      tokenUrl: 'https://identity.xero.com/connect/token',
    },
    scopes: ['offline_access'],
    oidcScopes: ['openid', 'profile', 'email', 'offline_access'],
    tokens: {
      // For 30 minutes the refresh token before the latest is still taken.
      rotation: 'grace',
      revocationUrl: 'https://identity.xero.com/connect/revocation',
      maxIdleSeconds: 60 * DAY,
    },
  },
  stripe: {
    label: 'Stripe Apps',
    sources: [
      'https://docs.stripe.com/stripe-apps/api-authentication/oauth',
      'https://docs.stripe.com/api/authentication',
    ],
    unconfirmed: [
      'The life of an access token (one hour) is not in every answer: 3,600 seconds are taken.',
      'How a token is given back: it is not.',
    ],
    endpoints: {
      authorizationUrl: 'https://marketplace.stripe.com/oauth/v2/authorize',
      tokenUrl: 'https://api.stripe.com/v1/oauth/token',
    },
    pkce: false,
    clientAuthentication: 'client_secret_post',
    tokens: {
      // The secret is the developer's own API key, which signs every request there.
      tokenHeaders: { authorization: 'Bearer {client_secret}' },
      rotation: 'single_use',
      expiry: { kind: 'fixed', seconds: 3_600 },
      subjectPath: 'stripe_user_id',
      metadataPaths: { stripe_user_id: 'stripe_user_id', scope: 'scope' },
      maxIdleSeconds: 365 * DAY,
    },
  },
  shopify: {
    label: 'Shopify',
    sources: [
      'https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens',
      'https://shopify.dev/changelog/offline-access-tokens-now-support-expiry-and-refresh',
      'https://shopify.dev/changelog/more-resilient-refreshes-for-expiring-offline-access-tokens',
    ],
    unconfirmed: ['How a token is given back: it is not.'],
    host: { fallback: undefined, example: 'acme.myshopify.com' },
    endpoints: {
      authorizationUrl: 'https://{host}/admin/oauth/authorize',
      tokenUrl: 'https://{host}/admin/oauth/access_token',
    },
    clientAuthentication: 'client_secret_post',
    tokens: {
      exchangeParameters: { expiring: '1' },
      // The refresh token before the latest is taken until the latest is used, at most 30 days.
      rotation: 'grace',
      // Tokens of the older kind never end, and their answers name no life.
      expiry: { kind: 'never' },
      scopeSeparator: ',',
      callbackMetadata: ['shop'],
      maxIdleSeconds: 90 * DAY,
    },
  },
} satisfies Record<string, ProviderPreset>;
