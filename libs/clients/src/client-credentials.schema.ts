import { z } from 'zod';
import type { ClientCredentialInfo } from './client-credentials.js';
import { parseRfc3339 } from './rfc3339.js';

/** JSON Schema counts characters, JavaScript counts UTF-16 units. */
function atMost(characters: number) {
  return (text: string) => text.length <= characters || [...text].length <= characters;
}

const IS_ONE_LINE = /^[^\p{Cc}\p{Cs}]*$/u;
/** Lines and tabs, but nothing else that is not a character; Postgres takes no U+0000. */
const IS_TEXT = /^(?:[^\p{Cc}\p{Cs}]|[\t\n\r])*$/u;

/** The body of POST /client-credentials; `expiresAt` is taken as well (D2). */
export const NewClientCredentialSchema = z.object({
  name: z
    .string()
    .refine(atMost(100), 'must have at most 100 characters')
    .regex(IS_ONE_LINE, 'must not hold control characters')
    .refine((name) => name.trim() !== '', 'must not be blank')
    .meta({ minLength: 1, maxLength: 100 })
    .describe('What people call it'),
  description: z
    .string()
    .refine(atMost(500), 'must have at most 500 characters')
    .regex(IS_TEXT, 'must not hold control characters')
    .meta({ maxLength: 500 })
    .optional(),
  expires_at: z
    .string()
    .refine((text) => parseRfc3339(text) !== undefined, 'must be a date-time like 2030-01-31T12:00:00Z (RFC 3339)')
    .meta({ format: 'date-time' })
    .optional()
    .describe('No token of the credential outlives it; must be in the future'),
  scopes: z
    .array(z.string().max(100))
    .max(20)
    .optional()
    .describe('For administrators: what tokens of this credential may do besides authenticating'),
});

const info = {
  id: z.uuid(),
  client_id: z.string().regex(/^tmi_cc_[A-Za-z0-9_-]+$/),
  name: z.string(),
  description: z.string().optional(),
  scopes: z.array(z.string()).optional(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().optional(),
};

/** The one answer that holds the secret. */
export const ClientCredentialResponseSchema = z
  .object({ ...info, client_secret: z.string().describe('Shown here and never again') })
  .meta({ id: 'ClientCredentialResponse' });

export const ClientCredentialInfoSchema = z
  .object({
    ...info,
    is_active: z.boolean(),
    last_used_at: z.iso.datetime().optional(),
    modified_at: z.iso.datetime(),
  })
  .meta({ id: 'ClientCredentialInfo' });

/** Fields without a value are left out, never null (D2). */
function common(credential: ClientCredentialInfo) {
  return {
    id: credential.id,
    client_id: credential.clientId,
    name: credential.name,
    ...(credential.description === undefined ? {} : { description: credential.description }),
    ...(credential.scopes.length === 0 ? {} : { scopes: [...credential.scopes] }),
    created_at: credential.createdAt.toISOString(),
    ...(credential.expiresAt === undefined ? {} : { expires_at: credential.expiresAt.toISOString() }),
  };
}

export function createdAnswer(
  credential: ClientCredentialInfo,
  clientSecret: string,
): z.infer<typeof ClientCredentialResponseSchema> {
  return { ...common(credential), client_secret: clientSecret };
}

export function infoAnswer(credential: ClientCredentialInfo): z.infer<typeof ClientCredentialInfoSchema> {
  return {
    ...common(credential),
    is_active: credential.isActive,
    ...(credential.lastUsedAt === undefined ? {} : { last_used_at: credential.lastUsedAt.toISOString() }),
    modified_at: credential.modifiedAt.toISOString(),
  };
}
