import type { RegisteredApplication } from '@app/clients';
import type { ApplicationToken } from '@app/tokens';
import type { z } from 'zod';
import type { OauthApplicationSchema, ServiceTokenSchema } from './planetscale.schema.js';

export type ServiceToken = z.infer<typeof ServiceTokenSchema>;
export type OauthApplication = z.infer<typeof OauthApplicationSchema>;

/** What is shown once, in the answer that issued it. */
export interface PlainTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** What a scope lets an application do, and to whom it belongs: the person, or the organization whose groups they are. */
const ACCESSES: Readonly<Record<string, { readonly of: 'User' | 'Organization'; readonly description: string }>> = {
  openid: { of: 'User', description: 'Know who the person is' },
  profile: { of: 'User', description: 'Read the name' },
  email: { of: 'User', description: 'Read the e-mail address' },
  offline_access: { of: 'User', description: 'Act while the person is away' },
  groups: { of: 'Organization', description: 'Read which groups of the organization the person is in' },
};

/**
 * A token in PlanetScale's shape: all 15 keys, no null (D29).
 * @param scopes that it has now
 * @param plain undefined when it is only shown
 */
export function serviceTokenAnswer(
  application: RegisteredApplication,
  token: ApplicationToken,
  scopes: readonly string[],
  plain: PlainTokens | undefined,
  publicUrl: string,
): ServiceToken {
  const accesses = scopes.flatMap((scope) => {
    const access = ACCESSES[scope];
    return access === undefined ? [] : [{ scope, ...access }];
  });
  const person = { id: token.user.id, name: token.user.name ?? token.user.email };
  const resources = { User: userResource(token), Organization: organizationResource(token) };
  const named = (of: 'User' | 'Organization') =>
    accesses.filter((access) => access.of === of).map(({ scope, description }) => ({ name: scope, description }));
  const onPerson = named('User');
  const onOrganization = named('Organization');
  return {
    id: token.id,
    name: application.name,
    display_name: application.name,
    token: plain?.accessToken ?? '',
    plain_text_refresh_token: plain?.refreshToken ?? '',
    avatar_url: application.logoUri ?? '',
    created_at: token.createdAt.toISOString(),
    updated_at: (token.refreshedAt ?? token.createdAt).toISOString(),
    expires_at: token.accessTokenExpiresAt.toISOString(),
    last_used_at: token.refreshedAt?.toISOString() ?? '',
    actor_id: person.id,
    actor_display_name: person.name,
    actor_type: 'User',
    service_token_accesses: accesses.map(({ scope, of, description }) => ({
      id: `${token.id}:${scope}`,
      access: scope,
      description,
      resource_name: resources[of].name,
      resource_id: resources[of].id,
      resource_type: of,
      resource: resources[of],
    })),
    oauth_accesses_by_resource: {
      database: { databases: [], accesses: [] },
      organization: {
        organizations: onOrganization.length === 0 ? [] : [organizationLink(token, publicUrl)],
        accesses: onOrganization,
      },
      branch: { branches: [], accesses: [] },
      user: { users: onPerson.length === 0 ? [] : [person], accesses: onPerson },
    },
  };
}

function userResource({ user }: ApplicationToken) {
  return {
    id: user.id,
    name: user.name ?? user.email,
    created_at: user.createdAt.toISOString(),
    updated_at: user.modifiedAt.toISOString(),
    deleted_at: '',
  };
}

/** Organizations do not change. */
function organizationResource({ organization: { id, name, createdAt } }: ApplicationToken) {
  const created = createdAt.toISOString();
  return { id, name, created_at: created, updated_at: created, deleted_at: '' };
}

function organizationLink({ organization: { id, name } }: ApplicationToken, publicUrl: string) {
  return { name, id, url: `${publicUrl}/v1/organizations/${encodeURIComponent(name)}` };
}

/** An application in PlanetScale's shape. @param tokens how many are alive */
export function oauthApplicationAnswer(application: RegisteredApplication, tokens: number): OauthApplication {
  const [redirectUri = ''] = application.redirectUris;
  return {
    id: application.id,
    name: application.name,
    redirect_uri: redirectUri,
    domain: URL.canParse(redirectUri) ? new URL(redirectUri).host : '',
    created_at: application.createdAt.toISOString(),
    updated_at: application.updatedAt.toISOString(),
    scopes: [...application.scopes],
    avatar: application.logoUri ?? '',
    client_id: application.clientId,
    tokens,
  };
}
