import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, CurrentPrincipal, Dialect, noStore, readQuery, RequireAccess, type Principal } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import type { z } from 'zod';
import { MyOrganizationsSchema, organizationAnswer, PageSchema } from './organizations.schema.js';
import { Organizations } from './organizations.js';

/** Where a person belongs: the choices for `X-Workspace-Id` (D28). */
@Controller('api/v1/organizations')
@RequireAccess('user')
@Dialect('mielto')
export class OrganizationsController {
  constructor(private readonly organizations: Organizations) {}

  @Get()
  @ApiContract({
    summary: 'The organizations that I belong to, with my role',
    tag: 'Organizations',
    access: 'user',
    dialect: 'mielto',
    query: PageSchema,
    responses: { 200: { description: 'By name', schema: MyOrganizationsSchema } },
    errors: [401, 403, 422, 429, 500, 503],
  })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof MyOrganizationsSchema>> {
    if (principal.kind !== 'user') throw new OAuthError('forbidden', 'This resource is for people, not for machines');
    noStore(reply);
    const { limit, offset } = readQuery(PageSchema, request, { faults: 'unprocessable' });
    const mine = await this.organizations.memberships(principal.userId, limit, offset);
    return { organizations: mine.map(organizationAnswer) };
  }
}
