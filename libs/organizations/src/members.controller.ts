import { Controller, Delete, Get, HttpCode, Param, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, Dialect, noStore, readBody, readQuery, requestContext } from '@app/edge';
import type { z } from 'zod';
import { Members } from './members.js';
import {
  memberAnswer,
  MemberParameters,
  MemberRoleSchema,
  MembersSchema,
  OrganizationParameters,
  PageSchema,
} from './organizations.schema.js';
import { CurrentTenant, RequireTenant } from './require-tenant.js';
import type { TenantCaller } from './tenant-caller.js';

/** Who belongs to an organization, for its owners and admins. */
@Controller('api/v1/organizations/:organization/members')
@RequireTenant('manage_organization')
@Dialect('mielto')
export class MembersController {
  constructor(private readonly members: Members) {}

  @Get()
  @ApiContract({
    summary: 'Members of an organization, by e-mail address',
    tag: 'Organizations',
    access: 'tenant',
    dialect: 'mielto',
    params: OrganizationParameters,
    query: PageSchema,
    responses: { 200: { description: 'One page', schema: MembersSchema } },
    errors: [401, 403, 404, 422, 429, 500, 503],
  })
  async list(
    @CurrentTenant() caller: TenantCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof MembersSchema>> {
    noStore(reply);
    const page = readQuery(PageSchema, request, { faults: 'unprocessable' });
    const { members, total } = await this.members.list(caller.organizationId, page);
    return { members: members.map(memberAnswer), total };
  }

  @Put(':user_id')
  @HttpCode(204)
  @ApiContract({
    summary: 'Give a member a role, or take somebody back in who was one',
    tag: 'Organizations',
    access: 'tenant',
    dialect: 'mielto',
    params: MemberParameters,
    body: MemberRoleSchema,
    responses: { 204: { description: 'The person has this role from now on' } },
    errors: [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503],
  })
  async put(
    @CurrentTenant() caller: TenantCaller,
    @Param('user_id') userId: string,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    const { role } = readBody(MemberRoleSchema, request, { faults: 'unprocessable' });
    await this.members.put(caller, userId, role, requestContext(request));
  }

  @Delete(':user_id')
  @HttpCode(204)
  @ApiContract({
    summary: 'Take a member out of an organization',
    tag: 'Organizations',
    access: 'tenant',
    dialect: 'mielto',
    params: MemberParameters,
    responses: { 204: { description: 'The person has no access from now on' } },
    errors: [401, 403, 404, 409, 429, 500, 503],
  })
  async remove(
    @CurrentTenant() caller: TenantCaller,
    @Param('user_id') userId: string,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.members.remove(caller, userId, requestContext(request));
  }
}
