import { z } from 'zod';

/**
 * Every text of a caller's obeys it, for Postgres takes neither U+0000 nor a lone surrogate. With `u` a surrogate matches
 * only where its other half is missing.
 */
const ONE_LINE = /^[^\p{Cc}\p{Cs}]*$/u;
const line = (maxLength: number) =>
  z.string().max(maxLength).regex(ONE_LINE, 'must not hold control characters or half of a character');
/** RFC 6749 §A.12: what a token is made of. */
const TOKEN = /^[\x20-\x7e]+$/;
const LONGEST_TOKEN = 16_384;

/** mielto's words for the state of a connection. */
const STATUSES = ['active', 'inactive', 'testing', 'error', 'expired'] as const;

const token = z.string().max(LONGEST_TOKEN).regex(TOKEN, 'must be printable ASCII (RFC 6749 §A.12)');
const instant = z.iso.datetime({
  offset: true,
  error: 'must be a date-time with an offset, like 2030-01-31T12:00:00Z (RFC 3339)',
});
const integration = line(100).describe('Provider id of the configuration');

export const ConnectionParameters = z.object({ id: z.string().describe('conn_…') });
export const RefreshParameters = z.object({ connection_id: z.string().describe('conn_…') });

export const PageSchema = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50).describe('Size of the page'),
  cursor: line(200).optional().describe('`next_cursor` of the page before'),
  integration: integration.optional().describe('Only those of this provider'),
});

const CredentialsSchema = z.object({
  access_token: token,
  refresh_token: token.nullish().describe('Kept sealed; no answer ever holds it'),
  token_type: z
    .string()
    .max(40)
    .regex(/^[A-Za-z0-9._~+-]+$/, 'must be one word')
    .nullish()
    .describe('What stands before the token in an Authorization header; default Bearer'),
  expires_at: instant.nullish().describe('End of the access token, where it has one'),
  scope: line(4000).nullish().describe('Space-separated (RFC 6749 §3.3)'),
});

export const ImportSchema = z.object({
  label: line(255).optional(),
  integration,
  integration_type: line(40).optional().describe('Taken for the sake of mielto’s clients, and not kept'),
  auth_method_id: z.literal('oauth2').optional(),
  credentials: CredentialsSchema,
  config: z
    .record(line(100), line(1000))
    .refine((value) => Object.keys(value).length <= 20, 'must not hold more than 20 entries')
    .optional()
    .describe('What users of the token need beside it, such as the address of an instance; never secret'),
});

const HealthSchema = z.object({
  state: z
    .enum(['fresh', 'failing', 'expired', 'needs_reauth', 'off'])
    .describe('`failing`: the token is good still, but its renewal is not working'),
  status_reason: z
    .string()
    .optional()
    .describe('revoked, rotation_lost, expired_idle, provider_unusable, expired_no_refresh or provider_not_configured'),
  reauthorization_required: z.boolean(),
  refreshable: z.boolean(),
  consecutive_failures: z.int(),
  last_error_code: z.string().optional(),
  last_error_at: z.iso.datetime().optional(),
  last_refreshed_at: z.iso.datetime().optional(),
  next_refresh_at: z.iso.datetime().optional(),
  expires_at: z.iso.datetime().optional(),
  refresh_expires_at: z.iso.datetime().optional(),
  provider_rests_until: z.iso.datetime().optional().describe('While nothing is asked of the provider'),
});

export const ConnectionSchema = z
  .object({
    id: z.string(),
    workspace_id: z.uuid(),
    integration: z.string(),
    integration_type: z.literal('connectors'),
    auth_method_id: z.literal('oauth2'),
    label: z.string().optional(),
    status: z.enum(STATUSES),
    origin: z.enum(['consent', 'import', 'sign_in']),
    owner_user_id: z.uuid().optional(),
    scope: z.string().optional(),
    token_type: z.string(),
    expires_at: z.iso.datetime().optional().describe('End of the access token; absent: it has none that is known'),
    generation: z.int().describe('One more with each token set'),
    config: z.record(z.string(), z.string()),
    created_at: z.iso.datetime(),
    health: HealthSchema,
  })
  .meta({ id: 'Connection' });

export const ConnectionsSchema = z
  .object({ connections: z.array(ConnectionSchema), next_cursor: z.string().optional() })
  .meta({ id: 'Connections' });

export const TokenWishSchema = z.object({
  min_ttl: z
    .int()
    .min(0)
    .max(86_400)
    .optional()
    .describe('Seconds that the token must have left; default five minutes'),
  force: z.boolean().optional().describe('Refresh first, however good the token is'),
});

export const UnauthorizedSchema = z.object({
  generation: z.int().min(1).optional().describe('Of the token that was refused'),
});

export const AccessTokenSchema = z
  .object({
    access_token: z.string(),
    token_type: z.string(),
    expires_at: z.iso.datetime().optional(),
    expires_in: z.int().optional().describe('Seconds'),
    scope: z.string().optional(),
    generation: z.int(),
    status: z.enum(['fresh', 'stale']).describe('`stale`: good still, but its renewal fails'),
    error_code: z.string().optional(),
    retry_after: z.int().optional().describe('Seconds until the next try'),
  })
  .meta({ id: 'ConnectionToken' });

export const RefreshedSchema = z
  .object({
    status: z.literal('success'),
    connection_id: z.string(),
    expires_at: z.iso.datetime().optional().describe('Absent: the token has no end that is known'),
  })
  .meta({ id: 'RefreshedConnection' });

const scopeToken = z
  .string()
  .max(400)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be one scope each (RFC 6749 §3.3)');

export const InitiateSchema = z.object({
  integration_id: integration,
  auth_method_id: z.literal('oauth2').optional(),
  scopes: z.array(scopeToken).min(1).max(100).optional().describe('Default: those of the provider’s settings'),
  redirect_url: line(2000)
    .optional()
    .describe('Where the browser ends: one of `vault.redirect_urls` or `client_callbacks`, character for character'),
  connection_id: line(100).optional().describe('Connect this one again, instead of making another'),
});

export const InitiatedSchema = z
  .object({
    auth_url: z.url().describe('A page of ours for the person whose account it is; good once, for ten minutes'),
    state: z.string().describe('Comes back as `state` at redirect_url'),
    integration_id: z.string(),
  })
  .meta({ id: 'InitiatedConnection' });
