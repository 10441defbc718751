import { Controller, Get, Param } from '@nestjs/common';
import { ApiContract, RequireAccess } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { z } from 'zod';
import { GroupRepository, type ProviderGroup } from './group.repository.js';

const ParametersSchema = z.object({ idp: z.string().describe('Provider id') });

const GroupSchema = z.object({
  name: z.string(),
  display_name: z.string().optional(),
  used_in_authorizations: z.boolean(),
});

const GroupsSchema = z.object({ idp: z.string(), groups: z.array(GroupSchema) }).meta({ id: 'ProviderGroups' });

/** D55: nothing else can be a provider's id, so nothing else is asked for. */
const PROVIDER_ID = /^[a-zA-Z][a-zA-Z0-9_-]{0,99}$/;

/** GET /oauth2/providers/{idp}/groups: for administrators, from our own records (D18). */
@Controller('oauth2/providers')
export class ProviderGroupsController {
  constructor(private readonly groups: GroupRepository) {}

  @Get(':idp/groups')
  @RequireAccess('administrator')
  @ApiContract({
    summary: 'Every group ever seen or provisioned for a provider',
    tag: 'Users',
    access: 'administrator',
    params: ParametersSchema,
    responses: { 200: { description: 'Sorted by name', schema: GroupsSchema } },
    errors: [400, 401, 403, 404, 429, 500, 503],
  })
  async list(@Param('idp') idp: string): Promise<z.infer<typeof GroupsSchema>> {
    const groups = PROVIDER_ID.test(idp) ? await this.groups.ofProvider(idp) : undefined;
    if (groups === undefined) throw new OAuthError('not_found', 'There is no such provider; see /oauth2/providers');
    return { idp, groups: groups.map(groupAnswer) };
  }
}

/** A group without a display name has none on the wire either, never null (D2). */
function groupAnswer({ name, displayName, usedInAuthorizations }: ProviderGroup): z.infer<typeof GroupSchema> {
  const named = { name, used_in_authorizations: usedInAuthorizations };
  return displayName === undefined ? named : { ...named, display_name: displayName };
}
