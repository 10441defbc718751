import { APPLICATION_AUTH_METHODS } from '@app/clients';
import { APPLICATION_GRANT_TYPES, SIGN_IN_SCOPES } from '@app/oauth2';
import { z } from 'zod';
import { publicJwk } from './public-jwk.js';
import { line } from './text-fields.js';

const uri = line(2000);
const uris = z.array(uri).max(50);
/** Deeper pages are no longer looking something up, and would make the database count its way there. */
const FURTHEST = 1_000_000;
const LONGEST_OVERLAP_SECONDS = 30 * 86_400;

export const OrganizationParameters = z.object({ organization: z.string().describe('Name or id') });
export const ApplicationParameters = OrganizationParameters.extend({ id: z.string().describe('app_…') });

export const PageSchema = z.object({
  limit: z.coerce.number().int().min(0).max(500).default(100).describe('Size of the page'),
  offset: z.coerce.number().int().min(0).max(FURTHEST).default(0).describe('Entries to skip'),
});

/** RFC 7591 §2, under its names but for `name` and `scopes`. */
const settings = {
  name: line(100)
    .refine((text) => text.trim() !== '', 'must not be blank')
    .describe('What people are shown when they are asked'),
  logo_uri: uri.describe('An https address'),
  redirect_uris: uris.describe(
    'Where the browser may be sent with a code, character for character (D7); at least one, unless it has no authorization_code',
  ),
  post_logout_redirect_uris: uris.describe('Where the browser may be sent after a logout'),
  scopes: z
    .array(z.enum(SIGN_IN_SCOPES))
    .min(1)
    .max(20)
    .describe('The most that it may ask people for; default openid, profile and email'),
  grant_types: z
    .array(z.enum(APPLICATION_GRANT_TYPES))
    .min(1)
    .max(10)
    .describe('Default: authorization_code and refresh_token'),
  token_endpoint_auth_method: z
    .enum(APPLICATION_AUTH_METHODS)
    .describe('Default client_secret_basic; `none` for what cannot keep a secret'),
  jwks: z.object({ keys: z.array(publicJwk).min(1).max(20) }).describe('Public keys, for private_key_jwt alone'),
  resources: uris.describe('APIs that it may ask tokens for (RFC 8707)'),
  consent: z.enum(['ask', 'skip']).describe('`skip`: you consent for everybody in the organization; default `ask`'),
  dpop_bound_access_tokens: z.boolean().describe('It gets no token without a DPoP proof (RFC 9449); default false'),
  backchannel_logout_uri: uri.describe('Told of each logout by a logout token'),
  frontchannel_logout_uri: uri.describe('Opened in the browser at each logout'),
};

export const NewApplicationSchema = z.strictObject(settings).partial().required({ name: true });

export const ApplicationChangeSchema = z.strictObject(settings).partial();

export const SecretRotationSchema = z.strictObject({
  keep_seconds: z
    .int()
    .min(0)
    .max(LONGEST_OVERLAP_SECONDS)
    .default(86_400)
    .describe('How long the secrets of before stay good; 0 ends them at once'),
});

const application = {
  id: z.string(),
  client_id: z.string(),
  organization_id: z.uuid(),
  name: z.string(),
  logo_uri: z.string().optional(),
  redirect_uris: z.array(z.string()),
  post_logout_redirect_uris: z.array(z.string()),
  scopes: z.array(z.string()),
  grant_types: z.array(z.enum(APPLICATION_GRANT_TYPES)),
  token_endpoint_auth_method: z.enum(APPLICATION_AUTH_METHODS),
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).optional(),
  resources: z.array(z.string()),
  consent: z.enum(['ask', 'skip']),
  dpop_bound_access_tokens: z.boolean(),
  backchannel_logout_uri: z.string().optional(),
  frontchannel_logout_uri: z.string().optional(),
  disabled: z.boolean(),
  configured: z.boolean().describe('The configuration file owns it, and it is changed only there'),
  created_by: z.string().describe('`user:{id}`, `api_key:{id}`, `service_token:{id}`, `configuration` or `command`'),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
};

export const ApplicationSchema = z.object(application).meta({ id: 'Application' });

export const CreatedApplicationSchema = z
  .object({
    ...application,
    client_secret: z
      .string()
      .optional()
      .describe('Shown here and never again; absent where the application has no secret'),
  })
  .meta({ id: 'CreatedApplication' });

export const ApplicationsSchema = z
  .object({ applications: z.array(ApplicationSchema), total: z.int().describe('Of all pages') })
  .meta({ id: 'Applications' });

export const ApplicationSecretSchema = z
  .object({ client_id: z.string(), client_secret: z.string().describe('Shown here and never again') })
  .meta({ id: 'ApplicationSecret' });
