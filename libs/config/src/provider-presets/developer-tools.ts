import { DAY, type ProviderPreset } from './preset.js';

const github = {
  authorizationUrl: 'https://github.com/login/oauth/authorize',
  tokenUrl: 'https://github.com/login/oauth/access_token',
  userinfoUrl: 'https://api.github.com/user',
  emailsUrl: 'https://api.github.com/user/emails',
};

/** Code and the work around it. */
export const developerToolPresets = {
  github_app: {
    label: 'GitHub App (user access tokens)',
    sources: [
      'https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens',
      'https://docs.github.com/en/rest/apps/oauth-applications',
    ],
    unconfirmed: [],
    endpoints: github,
    clientAuthentication: 'client_secret_post',
    tokens: {
      // A used refresh token, and the access token that came with it, work no longer.
      rotation: 'single_use',
      // Apps that opted out of expiring tokens get answers without expires_in.
      expiry: { kind: 'never' },
      // Ends the grant with all its tokens: a refresh token cannot be named to this endpoint.
      revocationUrl: 'https://api.github.com/applications/{client_id}/grant',
      revocationStyle: 'github',
    },
  },
  github_oauth_app: {
    label: 'GitHub OAuth App',
    sources: [
      'https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
      'https://docs.github.com/en/rest/apps/oauth-applications',
    ],
    unconfirmed: ['What a refresh token would do: such apps get none, so single_use is never put to the test.'],
    endpoints: github,
    scopes: ['read:user', 'user:email'],
    clientAuthentication: 'client_secret_post',
    tokens: {
      expiry: { kind: 'never' },
      scopeSeparator: ' ',
      revocationUrl: 'https://api.github.com/applications/{client_id}/token',
      revocationStyle: 'github',
    },
  },
  gitlab: {
    label: 'GitLab',
    sources: [
      'https://docs.gitlab.com/api/oauth2/',
      'https://gitlab.com/gitlab-org/gitlab/-/issues/372358',
      'https://gitlab.com/.well-known/openid-configuration',
    ],
    unconfirmed: [],
    host: { fallback: 'gitlab.com', example: 'gitlab.example.com' },
    issuer: 'https://{host}',
    endpoints: {
      authorizationUrl: 'https://{host}/oauth/authorize',
      tokenUrl: 'https://{host}/oauth/token',
      userinfoUrl: 'https://{host}/oauth/userinfo',
    },
    fields: { subject: 'sub' },
    scopes: ['openid', 'profile', 'email'],
    tokens: {
      // A refresh ends the access and the refresh token that were there before.
      rotation: 'single_use',
      revocationUrl: 'https://{host}/oauth/revoke',
    },
  },
  atlassian: {
    label: 'Atlassian (Jira, Confluence)',
    sources: [
      'https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens',
      'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
      'https://community.developer.atlassian.com/t/the-old-access-token-will-be-revoked-during-the-refresh-token-exchange/83103',
      'https://community.developer.atlassian.com/t/refresh-token-expire-after-36000-seconds/60806/2',
    ],
    unconfirmed: [
      'The refusal `unauthorized_client` with "refresh_token is invalid", as users report it: counted as dead.',
    ],
    endpoints: {
      authorizationUrl: 'https://auth.atlassian.com/authorize',
      tokenUrl: 'https://auth.atlassian.com/oauth/token',
      userinfoUrl: 'https://api.atlassian.com/me',
    },
    fields: { subject: 'account_id' },
    scopes: ['read:me', 'offline_access'],
    authorizationParameters: { audience: 'api.atlassian.com', prompt: 'consent' },
    clientAuthentication: 'client_secret_post',
    tokens: {
      tokenRequest: 'json',
      // For ten minutes after a refresh the tokens before it are still taken, so that a lost answer can be asked for again.
      rotation: 'grace',
      errors: [{ code: 'unauthorized_client', descriptionHas: 'refresh_token is invalid', kind: 'dead' }],
      maxIdleSeconds: 90 * DAY,
    },
  },
} satisfies Record<string, ProviderPreset>;
