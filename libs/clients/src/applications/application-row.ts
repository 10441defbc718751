import type { JSONWebKeySet } from 'jose';
import type { ApplicationGrantType } from '@app/oauth2';
import type { Application, ApplicationAuthMethod, ApplicationSettings } from './application.js';

/** A row of {@link APPLICATION_COLUMNS}. */
export interface ApplicationRow {
  readonly id: string;
  readonly client_id: string;
  readonly organization_id: string;
  readonly organization_name: string;
  readonly organization_generation: number;
  readonly name: string;
  readonly logo_uri: string | null;
  readonly redirect_uris: string[];
  readonly post_logout_redirect_uris: string[];
  readonly scopes: string[];
  readonly grant_types: ApplicationGrantType[];
  readonly token_endpoint_auth_method: ApplicationAuthMethod;
  readonly jwks: JSONWebKeySet | null;
  readonly resources: string[];
  readonly consent: 'ask' | 'skip';
  readonly dpop_bound_access_tokens: boolean;
  readonly backchannel_logout_uri: string | null;
  readonly frontchannel_logout_uri: string | null;
  readonly generation: number;
  readonly revision: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Of `applications a` joined to `organizations o`. */
export const APPLICATION_COLUMNS = `
  a.id, a.client_id, a.organization_id, o.name AS organization_name, o.generation AS organization_generation, a.name,
  a.logo_uri, a.redirect_uris, a.post_logout_redirect_uris, a.scopes, a.grant_types, a.token_endpoint_auth_method, a.jwks,
  a.resources, a.consent, a.dpop_bound_access_tokens, a.backchannel_logout_uri, a.frontchannel_logout_uri, a.generation,
  a.revision, a.created_at, a.updated_at`;

export function applicationOf(row: ApplicationRow): Application {
  return {
    id: row.id,
    clientId: row.client_id,
    organizationId: row.organization_id,
    organizationName: row.organization_name,
    organizationGeneration: row.organization_generation,
    name: row.name,
    logoUri: row.logo_uri ?? undefined,
    redirectUris: row.redirect_uris,
    postLogoutRedirectUris: row.post_logout_redirect_uris,
    scopes: row.scopes,
    grantTypes: row.grant_types,
    tokenEndpointAuthMethod: row.token_endpoint_auth_method,
    jwks: row.jwks ?? undefined,
    resources: row.resources,
    consent: row.consent,
    dpopBoundAccessTokens: row.dpop_bound_access_tokens,
    backchannelLogoutUri: row.backchannel_logout_uri ?? undefined,
    frontchannelLogoutUri: row.frontchannel_logout_uri ?? undefined,
    generation: row.generation,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The columns that settings are kept in, in the order of {@link settingValues}. */
export const SETTING_COLUMNS = [
  'name',
  'logo_uri',
  'redirect_uris',
  'post_logout_redirect_uris',
  'scopes',
  'grant_types',
  'token_endpoint_auth_method',
  'jwks',
  'resources',
  'consent',
  'dpop_bound_access_tokens',
  'backchannel_logout_uri',
  'frontchannel_logout_uri',
] as const;

/** What a statement is given for {@link SETTING_COLUMNS}. */
export function settingValues(settings: ApplicationSettings): readonly unknown[] {
  return [
    settings.name,
    settings.logoUri ?? null,
    settings.redirectUris,
    settings.postLogoutRedirectUris,
    settings.scopes,
    settings.grantTypes,
    settings.tokenEndpointAuthMethod,
    settings.jwks === undefined ? null : JSON.stringify(settings.jwks),
    settings.resources,
    settings.consent,
    settings.dpopBoundAccessTokens,
    settings.backchannelLogoutUri ?? null,
    settings.frontchannelLogoutUri ?? null,
  ];
}
