import { Controller, Delete, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, Dialect, noStore, readBody, readQuery, requestContext } from '@app/edge';
import type { z } from 'zod';
import {
  CreatedServiceTokenSchema,
  NewServiceTokenSchema,
  OrganizationParameters,
  PageSchema,
  serviceTokenAnswer,
  ServiceTokenParameters,
  ServiceTokensSchema,
} from './organizations.schema.js';
import { CurrentTenant, RequireTenant } from './require-tenant.js';
import type { TenantCaller } from './tenant-caller.js';
import { TenantKeys } from './tenant-keys.js';

/** Service tokens of an organization (D61): `Authorization: id:secret`, without a person. */
@Controller('api/v1/organizations/:organization/service-tokens')
@RequireTenant('manage_organization')
@Dialect('mielto')
export class ServiceTokensController {
  constructor(private readonly keys: TenantKeys) {}

  @Post()
  @HttpCode(200)
  @ApiContract({
    summary: 'Create a service token; the secret is shown once',
    tag: 'Organizations',
    access: 'tenant',
    dialect: 'mielto',
    params: OrganizationParameters,
    body: NewServiceTokenSchema,
    responses: { 200: { description: 'Created', schema: CreatedServiceTokenSchema } },
    errors: [400, 401, 403, 404, 413, 415, 422, 429, 500, 503],
  })
  async create(
    @CurrentTenant() caller: TenantCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof CreatedServiceTokenSchema>> {
    noStore(reply);
    const { name, accesses, expires_at } = readBody(NewServiceTokenSchema, request, { faults: 'unprocessable' });
    const expiresAt = expires_at === undefined ? undefined : new Date(expires_at);
    const input = { name, accesses, expiresAt };
    const { info, secret } = await this.keys.create('service_token', caller, input, requestContext(request));
    return { ...serviceTokenAnswer(info), token: `${info.id}:${secret}` };
  }

  @Get()
  @ApiContract({
    summary: 'Service tokens that are not revoked, newest first',
    tag: 'Organizations',
    access: 'tenant',
    dialect: 'mielto',
    params: OrganizationParameters,
    query: PageSchema,
    responses: { 200: { description: 'Without secrets', schema: ServiceTokensSchema } },
    errors: [401, 403, 404, 422, 429, 500, 503],
  })
  async list(
    @CurrentTenant() caller: TenantCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof ServiceTokensSchema>> {
    noStore(reply);
    const page = readQuery(PageSchema, request, { faults: 'unprocessable' });
    const { keys, total } = await this.keys.list('service_token', caller.organizationId, page);
    return { service_tokens: keys.map(serviceTokenAnswer), total };
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiContract({
    summary: 'Revoke a service token',
    tag: 'Organizations',
    access: 'tenant',
    dialect: 'mielto',
    params: ServiceTokenParameters,
    responses: { 204: { description: 'Revoked; its next use is refused' } },
    errors: [401, 403, 404, 429, 500, 503],
  })
  async revoke(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.keys.revoke('service_token', caller, id, requestContext(request));
  }
}
