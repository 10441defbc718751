import { z } from 'zod';
import type { Member } from './members.js';
import type { Membership } from './organizations.js';
import { ORGANIZATION_ROLES, TENANT_ACCESSES } from './tenant-caller.js';
import type { TenantKeyInfo } from './tenant-keys.js';

const IS_ONE_LINE = /^[^\p{Cc}\p{Cs}]*$/u;
/** Deeper pages are no longer looking something up, and would make the database count its way there. */
const FURTHEST = 1_000_000;

export const PageSchema = z.object({
  limit: z.coerce.number().int().min(0).max(500).default(100).describe('Size of the page'),
  offset: z.coerce.number().int().min(0).max(FURTHEST).default(0).describe('Entries to skip'),
});

export const OrganizationParameters = z.object({ organization: z.string().describe('Name or id') });
export const ServiceTokenParameters = OrganizationParameters.extend({
  id: z.string().describe('What stands before the colon'),
});
export const MemberParameters = OrganizationParameters.extend({ user_id: z.uuid() });
export const ApiKeyParameters = z.object({ id: z.string().describe('Not the key itself') });

const name = z
  .string()
  .max(100)
  .regex(IS_ONE_LINE, 'must not hold control characters')
  .refine((text) => text.trim() !== '', 'must not be blank')
  .describe('What people call it');
const accesses = z.array(z.enum(TENANT_ACCESSES)).min(1).max(TENANT_ACCESSES.length);
const expiresAt = z.iso
  .datetime({ offset: true, error: 'must be a date-time like 2030-01-31T12:00:00Z (RFC 3339)' })
  .optional()
  .describe('Must be in the future; without it the key lives until it is revoked');

const ACCESSES = 'What it may do; at most what you may';
export const NewServiceTokenSchema = z.object({ name, accesses: accesses.describe(ACCESSES), expires_at: expiresAt });
export const NewApiKeySchema = z.object({ name, permissions: accesses.describe(ACCESSES), expires_at: expiresAt });
export const MemberRoleSchema = z.object({ role: z.enum(ORGANIZATION_ROLES) });

const info = {
  id: z.string(),
  name: z.string(),
  created_by: z.string().describe('`user:{id}`, `api_key:{id}`, `service_token:{id}`, or `command`'),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().optional(),
  last_used_at: z.iso.datetime().optional(),
};

export const ServiceTokenSchema = z.object({ ...info, accesses }).meta({ id: 'OrganizationServiceToken' });
export const CreatedServiceTokenSchema = z
  .object({
    ...info,
    accesses,
    token: z.string().describe('`id:secret`, as Authorization takes it; shown here and never again'),
  })
  .meta({ id: 'CreatedServiceToken' });
export const ServiceTokensSchema = z
  .object({ service_tokens: z.array(ServiceTokenSchema), total: z.int().describe('Of all pages') })
  .meta({ id: 'ServiceTokens' });

const apiKey = {
  ...info,
  prefix: z.string().describe('How the key begins'),
  workspace_id: z.uuid(),
  permissions: accesses,
};
export const ApiKeySchema = z.object(apiKey).meta({ id: 'ApiKey' });
export const CreatedApiKeySchema = z
  .object({ ...apiKey, key: z.string().describe('Shown here and never again') })
  .meta({ id: 'CreatedApiKey' });
export const ApiKeysSchema = z
  .object({ api_keys: z.array(ApiKeySchema), total: z.int().describe('Of all pages') })
  .meta({ id: 'ApiKeys' });

export const MyOrganizationsSchema = z
  .object({
    organizations: z.array(z.object({ id: z.uuid(), name: z.string(), role: z.enum(ORGANIZATION_ROLES) })),
  })
  .meta({ id: 'MyOrganizations' });

const MemberSchema = z
  .object({
    user_id: z.uuid(),
    email: z.string(),
    name: z.string().optional(),
    role: z.enum(ORGANIZATION_ROLES),
    configured: z.boolean().describe('Put there by the configuration, and changed only there'),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'OrganizationMember' });
export const MembersSchema = z
  .object({ members: z.array(MemberSchema), total: z.int().describe('Of all pages') })
  .meta({ id: 'OrganizationMembers' });

/** Fields without a value are left out, never null (D2). */
function common(key: TenantKeyInfo) {
  return {
    id: key.id,
    name: key.name,
    created_by: key.createdBy,
    created_at: key.createdAt.toISOString(),
    ...(key.expiresAt === undefined ? {} : { expires_at: key.expiresAt.toISOString() }),
    ...(key.lastUsedAt === undefined ? {} : { last_used_at: key.lastUsedAt.toISOString() }),
  };
}

export function serviceTokenAnswer(key: TenantKeyInfo): z.infer<typeof ServiceTokenSchema> {
  return { ...common(key), accesses: [...key.accesses] };
}

export function apiKeyAnswer(key: TenantKeyInfo, organizationId: string): z.infer<typeof ApiKeySchema> {
  return { ...common(key), prefix: key.handle, workspace_id: organizationId, permissions: [...key.accesses] };
}

export function organizationAnswer({ id, name: called, role }: Membership) {
  return { id, name: called, role };
}

export function memberAnswer(member: Member): z.infer<typeof MemberSchema> {
  return {
    user_id: member.userId,
    email: member.email,
    ...(member.name === undefined ? {} : { name: member.name }),
    role: member.role,
    configured: member.isConfigured,
    created_at: member.createdAt.toISOString(),
  };
}
