import { z } from 'zod';

/** No text of a caller's may hold what Postgres cannot (R28), and none of these has a reason to. */
const PRINTABLE = /^[\x20-\x7e]*$/;
const text = (maxLength: number) => z.string().max(maxLength).regex(PRINTABLE, 'must be printable ASCII');
/** Deeper pages are no longer looking something up, and would make the database count its way there. */
const LAST_PAGE = 10_000;

export const OrganizationParameters = z.object({ organization: z.string().describe('Name or id') });
export const ApplicationParameters = OrganizationParameters.extend({
  id: z.string().describe('Of the OAuth application'),
});
export const TokenParameters = ApplicationParameters.extend({ token_id: z.string().describe('Of the OAuth token') });

export const PageSchema = z.object({
  page: z.coerce.number().int().min(1).max(LAST_PAGE).default(1),
  per_page: z.coerce.number().int().min(1).max(100).default(25),
});

/** D9: `code_verifier` beside what the seed has. */
export const OAuthTokenRequestSchema = z.strictObject({
  client_id: text(200),
  client_secret: text(1000),
  grant_type: z.enum(['authorization_code', 'refresh_token']),
  code: text(512).optional().describe('For authorization_code'),
  redirect_uri: text(2000).optional().describe('For authorization_code: the one of the authorization request'),
  code_verifier: text(128).optional().describe('For authorization_code, where a code_challenge was sent (RFC 7636)'),
  refresh_token: text(1024).optional().describe('For refresh_token'),
});

const resource = z.strictObject({
  id: z.string(),
  name: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  deleted_at: z.string(),
});

const accessOnResource = z.strictObject({
  id: z.string(),
  access: z.string().describe('The scope'),
  description: z.string(),
  resource_name: z.string(),
  resource_id: z.string(),
  resource_type: z.string(),
  resource,
});

const accesses = z.array(z.strictObject({ name: z.string(), description: z.string() }));

const accessesByResource = z.strictObject({
  database: z.strictObject({
    databases: z.array(z.strictObject({ name: z.string(), id: z.string(), organization: z.string(), url: z.string() })),
    accesses,
  }),
  organization: z.strictObject({
    organizations: z.array(z.strictObject({ name: z.string(), id: z.string(), url: z.string() })),
    accesses,
  }),
  branch: z.strictObject({
    branches: z.array(
      z.strictObject({
        name: z.string(),
        id: z.string(),
        database: z.string(),
        organization: z.string(),
        url: z.string(),
      }),
    ),
    accesses,
  }),
  user: z.strictObject({ users: z.array(z.strictObject({ name: z.string(), id: z.string() })), accesses }),
});

/** All 15 are always there; what has no value is the empty string (D29). */
export const ServiceTokenSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    display_name: z.string(),
    token: z.string().describe('The access token; empty but in the answer that issued it'),
    plain_text_refresh_token: z.string().describe('Empty but in the answer that issued it'),
    avatar_url: z.string(),
    created_at: z.string(),
    updated_at: z.string(),
    expires_at: z.string().describe('End of the access token that was issued last'),
    last_used_at: z.string().describe('The last renewal; empty before the first'),
    actor_id: z.string().describe('The person who gave it'),
    actor_display_name: z.string(),
    actor_type: z.string(),
    service_token_accesses: z.array(accessOnResource),
    oauth_accesses_by_resource: accessesByResource,
  })
  .meta({ id: 'ServiceToken' });

export const OauthApplicationSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    redirect_uri: z.string().describe('The first one'),
    domain: z.string().describe('Its host'),
    created_at: z.string(),
    updated_at: z.string(),
    scopes: z.array(z.string()),
    avatar: z.string(),
    client_id: z.string(),
    tokens: z.int().describe('How many are alive'),
  })
  .meta({ id: 'OauthApplication' });

const page = {
  current_page: z.int(),
  next_page: z.int().describe('0: there is none'),
  prev_page: z.int().describe('0: there is none'),
  next_page_url: z.string().describe('Empty: there is none'),
  prev_page_url: z.string().describe('Empty: there is none'),
};

export const PaginatedServiceTokenSchema = z
  .strictObject({ ...page, data: z.array(ServiceTokenSchema) })
  .meta({ id: 'PaginatedServiceToken' });
export const PaginatedOauthApplicationSchema = z
  .strictObject({ ...page, data: z.array(OauthApplicationSchema) })
  .meta({ id: 'PaginatedOauthApplication' });
