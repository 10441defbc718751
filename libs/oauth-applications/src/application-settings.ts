import type { ApplicationSettings } from '@app/clients';
import type { z } from 'zod';
import type { ApplicationChangeSchema, NewApplicationSchema } from './applications.schema.js';
import { unprocessable } from './strict-body.js';

type Change = z.output<typeof ApplicationChangeSchema>;
type FieldName = keyof Change;

/** What an application has of which nobody says anything. RFC 7591 §2 gives the way to authenticate. */
const DEFAULTS: Omit<ApplicationSettings, 'name'> = {
  redirectUris: [],
  logoUri: undefined,
  postLogoutRedirectUris: [],
  scopes: ['openid', 'profile', 'email'],
  grantTypes: ['authorization_code', 'refresh_token'],
  tokenEndpointAuthMethod: 'client_secret_basic',
  jwks: undefined,
  resources: [],
  consent: 'ask',
  dpopBoundAccessTokens: false,
  backchannelLogoutUri: undefined,
  frontchannelLogoutUri: undefined,
};

/** Our names of the wire's fields. */
const SETTING_OF_FIELD = {
  name: 'name',
  logo_uri: 'logoUri',
  redirect_uris: 'redirectUris',
  post_logout_redirect_uris: 'postLogoutRedirectUris',
  scopes: 'scopes',
  grant_types: 'grantTypes',
  token_endpoint_auth_method: 'tokenEndpointAuthMethod',
  jwks: 'jwks',
  resources: 'resources',
  consent: 'consent',
  dpop_bound_access_tokens: 'dpopBoundAccessTokens',
  backchannel_logout_uri: 'backchannelLogoutUri',
  frontchannel_logout_uri: 'frontchannelLogoutUri',
} as const satisfies Record<FieldName, keyof ApplicationSettings>;

export function newSettings(input: z.output<typeof NewApplicationSchema>): ApplicationSettings {
  return { ...DEFAULTS, ...settingsOf(input), name: input.name };
}

/**
 * The settings after a change: what it names is new, what it leaves out stays. A null, or an empty text, puts a setting
 * back to its default (RFC 7396).
 * @param body as it came, where the nulls are
 * @throws OAuthError 422 for a setting that no application can do without
 */
export function changedSettings(
  current: ApplicationSettings,
  change: Change,
  body: Readonly<Record<string, unknown>>,
): ApplicationSettings {
  const cleared = Object.keys(SETTING_OF_FIELD).filter((field) => body[field] === null || body[field] === '');
  return {
    ...current,
    ...settingsOf(change),
    ...Object.fromEntries(cleared.map((field) => defaultOf(field as FieldName))),
  };
}

function defaultOf(field: FieldName): readonly [string, unknown] {
  const setting = SETTING_OF_FIELD[field];
  if (setting === 'name') throw unprocessable(field, 'cannot be taken away');
  return [setting, DEFAULTS[setting]];
}

/** Only of the fields that are there. */
function settingsOf(input: Change): Partial<ApplicationSettings> {
  const { scopes, grant_types: grantTypes } = input;
  const once = {
    ...input,
    ...(scopes === undefined ? {} : { scopes: [...new Set(scopes)] }),
    ...(grantTypes === undefined ? {} : { grant_types: [...new Set(grantTypes)] }),
  };
  return Object.fromEntries(
    Object.entries(once)
      .filter(([, value]) => value !== undefined)
      .map(([field, value]) => [SETTING_OF_FIELD[field as FieldName], value]),
  );
}
