import { Controller, Delete, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, Dialect, noStore, readBody, readQuery, requestContext } from '@app/edge';
import type { z } from 'zod';
import {
  apiKeyAnswer,
  ApiKeyParameters,
  ApiKeysSchema,
  CreatedApiKeySchema,
  NewApiKeySchema,
  PageSchema,
} from './organizations.schema.js';
import { CurrentTenant, RequireTenant } from './require-tenant.js';
import type { TenantCaller } from './tenant-caller.js';
import { TenantKeys } from './tenant-keys.js';

/** API keys of an organization (D28, D61): `X-API-Key: key` or `Authorization: Bearer key`, without a person. */
@Controller('api/v1/api-keys')
@RequireTenant('manage_organization')
@Dialect('mielto')
export class ApiKeysController {
  constructor(private readonly keys: TenantKeys) {}

  @Post()
  @HttpCode(200)
  @ApiContract({
    summary: 'Create an API key; it is shown once',
    tag: 'Organizations',
    access: 'tenant',
    dialect: 'mielto',
    body: NewApiKeySchema,
    responses: { 200: { description: 'Created', schema: CreatedApiKeySchema } },
    errors: [400, 401, 403, 404, 413, 415, 422, 429, 500, 503],
  })
  async create(
    @CurrentTenant() caller: TenantCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof CreatedApiKeySchema>> {
    noStore(reply);
    const { name, permissions, expires_at } = readBody(NewApiKeySchema, request, { faults: 'unprocessable' });
    const expiresAt = expires_at === undefined ? undefined : new Date(expires_at);
    const input = { name, accesses: permissions, expiresAt };
    const { info, secret } = await this.keys.create('api_key', caller, input, requestContext(request));
    return { ...apiKeyAnswer(info, caller.organizationId), key: secret };
  }

  @Get()
  @ApiContract({
    summary: 'API keys that are not revoked, newest first',
    tag: 'Organizations',
    access: 'tenant',
    dialect: 'mielto',
    query: PageSchema,
    responses: { 200: { description: 'Without the keys themselves', schema: ApiKeysSchema } },
    errors: [401, 403, 404, 422, 429, 500, 503],
  })
  async list(
    @CurrentTenant() caller: TenantCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof ApiKeysSchema>> {
    noStore(reply);
    const page = readQuery(PageSchema, request, { faults: 'unprocessable' });
    const { keys, total } = await this.keys.list('api_key', caller.organizationId, page);
    return { api_keys: keys.map((key) => apiKeyAnswer(key, caller.organizationId)), total };
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiContract({
    summary: 'Revoke an API key',
    tag: 'Organizations',
    access: 'tenant',
    dialect: 'mielto',
    params: ApiKeyParameters,
    responses: { 204: { description: 'Revoked; its next use is refused' } },
    errors: [401, 403, 404, 422, 429, 500, 503],
  })
  async revoke(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.keys.revoke('api_key', caller, id, requestContext(request));
  }
}
