import { DAY, type ProviderPreset } from './preset.js';

/** Customers, meetings, messages, notes. */
export const workToolPresets = {
  slack: {
    label: 'Slack',
    sources: [
      'https://docs.slack.dev/authentication/using-token-rotation',
      'https://docs.slack.dev/reference/methods/oauth.v2.access',
      'https://docs.slack.dev/reference/methods/auth.revoke',
    ],
    unconfirmed: ['Whether PKCE is taken from every app: it is not sent.'],
    endpoints: {
      authorizationUrl: 'https://slack.com/oauth/v2/authorize',
      tokenUrl: 'https://slack.com/api/oauth.v2.access',
    },
    pkce: false,
    clientAuthentication: 'client_secret_post',
    tokens: {
      // Errors come under status 200, as `ok: false`.
      rotation: 'single_use',
      // Without token rotation a token never ends and none of this is needed.
      expiry: { kind: 'never' },
      scopeSeparator: ',',
      // An app with a bot has its token in the answer itself, one without only that of the user.
      tokenPaths: ['', 'authed_user'],
      // token_type says `bot` or `user`.
      tokenType: 'Bearer',
      subjectPath: 'authed_user.id',
      metadataPaths: { team_id: 'team.id', team_name: 'team.name', bot_user_id: 'bot_user_id' },
      errors: [
        { code: 'invalid_refresh_token', kind: 'dead' },
        { code: 'token_revoked', kind: 'dead' },
        { code: 'invalid_client_id', kind: 'misconfigured' },
        { code: 'bad_client_secret', kind: 'misconfigured' },
      ],
      revocationUrl: 'https://slack.com/api/auth.revoke',
      revocationStyle: 'bearer_post',
    },
  },
  salesforce: {
    label: 'Salesforce',
    sources: [
      'https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_refresh_token_flow.htm&type=5',
      'https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oidc_token_introspection.htm&type=5',
      'https://help.salesforce.com/s/articleView?id=xcloud.connected_app_limit_idle_ttl.htm&type=5',
    ],
    unconfirmed: [
      'Rotation is a setting of the app in Salesforce: single_use is taken; write `rotation: reusable` where it is off.',
      'invalid_grant with "already being processed" or "login rate exceeded", as users report it: counted as not now.',
    ],
    host: { fallback: 'login.salesforce.com', example: 'acme.my.salesforce.com' },
    endpoints: {
      authorizationUrl: 'https://{host}/services/oauth2/authorize',
      tokenUrl: 'https://{host}/services/oauth2/token',
      userinfoUrl: 'https://{host}/services/oauth2/userinfo',
    },
    fields: { subject: 'user_id' },
    scopes: ['api', 'refresh_token', 'openid'],
    clientAuthentication: 'client_secret_post',
    tokens: {
      rotation: 'single_use',
      // The answer has no expires_in: the session's length is a setting of the org.
      expiry: { kind: 'introspect' },
      subjectPath: 'id',
      metadataPaths: { instance_url: 'instance_url', id: 'id' },
      errors: [
        { code: 'invalid_grant', descriptionHas: 'already being processed', kind: 'transient' },
        { code: 'invalid_grant', descriptionHas: 'login rate exceeded', kind: 'transient' },
      ],
      revocationUrl: 'https://{host}/services/oauth2/revoke',
      introspectionUrl: 'https://{host}/services/oauth2/introspect',
      // The limit that an app may set; harmless where it has not.
      maxIdleSeconds: 30 * DAY,
    },
  },
  hubspot: {
    label: 'HubSpot',
    sources: [
      'https://developers.hubspot.com/docs/api-reference/auth-oauth-v1/tokens/post-oauth-v1-token',
      'https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/oauth/working-with-oauth',
    ],
    unconfirmed: [
      'Whether a refresh token stays good after its use: single_use is taken.',
      'Whether PKCE is taken: it is not sent.',
    ],
    endpoints: {
      authorizationUrl: 'https://app.hubspot.com/oauth/authorize',
      tokenUrl: 'https://api.hubapi.com/oauth/v1/token',
    },
    pkce: false,
    clientAuthentication: 'client_secret_post',
    tokens: {
      rotation: 'single_use',
      subjectPath: 'hub_id',
      // Written as `status: BAD_REFRESH_TOKEN`.
      errors: [{ code: 'bad_refresh_token', kind: 'dead' }],
    },
  },
  zoom: {
    label: 'Zoom',
    sources: [
      'https://developers.zoom.us/docs/integrations/oauth/',
      'https://devsupport.zoom.us/hc/en-us/articles/360060332931-Extending-the-expiration-for-an-OAuth-access-token',
    ],
    unconfirmed: [
      'How long a refresh token may rest: public pages say 90 days and 15 years; it is used within 90 days.',
    ],
    endpoints: {
      authorizationUrl: 'https://zoom.us/oauth/authorize',
      tokenUrl: 'https://zoom.us/oauth/token',
      userinfoUrl: 'https://api.zoom.us/v2/users/me',
    },
    fields: { name: 'display_name' },
    tokens: {
      // Only the latest refresh token works; an earlier one is "Invalid Token!".
      rotation: 'single_use',
      errors: [{ code: 'invalid_request', descriptionHas: 'invalid token', kind: 'dead' }],
      revocationUrl: 'https://zoom.us/oauth/revoke',
      maxIdleSeconds: 90 * DAY,
    },
  },
  notion: {
    label: 'Notion',
    sources: [
      'https://developers.notion.com/reference/create-a-token',
      'https://developers.notion.com/reference/refresh-a-token',
      'https://developers.notion.com/reference/revoke-token',
    ],
    unconfirmed: [
      'How long an access token lives (answers do not say): on_401.',
      'Whether a refresh token stays good after its use: single_use is taken.',
    ],
    endpoints: {
      authorizationUrl: 'https://api.notion.com/v1/oauth/authorize',
      tokenUrl: 'https://api.notion.com/v1/oauth/token',
    },
    authorizationParameters: { owner: 'user' },
    tokens: {
      tokenRequest: 'json',
      tokenHeaders: { 'notion-version': '2025-09-03' },
      rotation: 'single_use',
      expiry: { kind: 'on_401' },
      subjectPath: 'bot_id',
      metadataPaths: { workspace_id: 'workspace_id', workspace_name: 'workspace_name', bot_id: 'bot_id' },
      revocationUrl: 'https://api.notion.com/v1/oauth/revoke',
      revocationStyle: 'rfc7009_json',
    },
  },
  airtable: {
    label: 'Airtable',
    sources: [
      'https://airtable.com/developers/web/api/oauth-reference',
      'https://support.airtable.com/docs/troubleshooting-oauth-integrations-in-airtable',
    ],
    unconfirmed: [],
    endpoints: {
      authorizationUrl: 'https://airtable.com/oauth2/v1/authorize',
      tokenUrl: 'https://airtable.com/oauth2/v1/token',
      userinfoUrl: 'https://api.airtable.com/v0/meta/whoami',
    },
    tokens: {
      // A second use may end the whole integration of that user.
      rotation: 'single_use',
      maxIdleSeconds: 60 * DAY,
    },
  },
  zendesk: {
    label: 'Zendesk',
    sources: [
      'https://support.zendesk.com/hc/en-us/articles/9182123625370',
      'https://support.zendesk.com/hc/en-us/articles/10212201463962',
      'https://developer.zendesk.com/documentation/api-basics/authentication/refresh-token',
      'https://developer.zendesk.com/api-reference/ticketing/oauth/oauth_tokens/',
    ],
    unconfirmed: [],
    host: { fallback: undefined, example: 'acme.zendesk.com' },
    endpoints: {
      authorizationUrl: 'https://{host}/oauth/authorizations/new',
      tokenUrl: 'https://{host}/oauth/tokens',
      userinfoUrl: 'https://{host}/api/v2/users/me.json',
    },
    fields: { subject: 'user.id', email: 'user.email', emailVerified: 'user.verified', name: 'user.name' },
    scopes: ['read'],
    clientAuthentication: 'client_secret_post',
    tokens: {
      tokenRequest: 'json',
      // A refresh deletes the access and the refresh token that were there before.
      rotation: 'single_use',
      revocationUrl: 'https://{host}/api/v2/oauth/tokens/current.json',
      revocationStyle: 'bearer_delete',
    },
  },
} satisfies Record<string, ProviderPreset>;
