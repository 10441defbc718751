import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApplicationRegistry, type RegisteredApplication } from '@app/clients';
import { ApiContract, Dialect, noStore, readQuery, requestContext } from '@app/edge';
import { CurrentTenant, RequireTenant, type TenantCaller } from '@app/organizations';
import type { z } from 'zod';
import { applicationAnswer, type ApplicationAnswer } from './application-answer.js';
import { changedSettings, newSettings } from './application-settings.js';
import {
  ApplicationChangeSchema,
  ApplicationParameters,
  ApplicationSchema,
  ApplicationsSchema,
  CreatedApplicationSchema,
  NewApplicationSchema,
  OrganizationParameters,
  PageSchema,
} from './applications.schema.js';
import { bodyOf, readStrictBody } from './strict-body.js';

const CONTRACT = { tag: 'Applications', access: 'tenant', dialect: 'mielto' } as const;

/**
 * Applications of an organization (D7 b, R27). Whoever may write them may also skip consent for everybody in it: that
 * access has nobody but admins, owners, and keys that they gave it to.
 */
@Controller('api/v1/organizations/:organization/applications')
@RequireTenant('read_oauth_applications')
@Dialect('mielto')
export class ApplicationsController {
  constructor(private readonly registry: ApplicationRegistry) {}

  @Get()
  @ApiContract({
    ...CONTRACT,
    summary: 'Applications, newest first',
    params: OrganizationParameters,
    query: PageSchema,
    responses: { 200: { description: 'One page, without secrets', schema: ApplicationsSchema } },
    errors: [400, 401, 403, 404, 422, 429, 500, 503],
  })
  async list(
    @CurrentTenant() caller: TenantCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof ApplicationsSchema>> {
    noStore(reply);
    const page = readQuery(PageSchema, request, { faults: 'unprocessable' });
    const { applications, total } = await this.registry.list(caller.organizationId, page);
    return { applications: applications.map(applicationAnswer), total };
  }

  @Post()
  @HttpCode(200)
  @RequireTenant('write_oauth_applications')
  @ApiContract({
    ...CONTRACT,
    summary: 'Register an application; its secret is shown once',
    params: OrganizationParameters,
    body: NewApplicationSchema,
    responses: { 200: { description: 'Registered, and good at once', schema: CreatedApplicationSchema } },
    errors: [400, 401, 403, 404, 413, 415, 422, 429, 500, 503],
  })
  async create(
    @CurrentTenant() caller: TenantCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof CreatedApplicationSchema>> {
    noStore(reply);
    const settings = newSettings(readStrictBody(NewApplicationSchema, request));
    const { application, clientSecret } = await this.registry.create(caller, settings, requestContext(request));
    return {
      ...applicationAnswer(application),
      ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    };
  }

  @Get(':id')
  @ApiContract({
    ...CONTRACT,
    summary: 'One application',
    params: ApplicationParameters,
    responses: { 200: { description: 'Without secrets', schema: ApplicationSchema } },
    errors: [400, 401, 403, 404, 422, 429, 500, 503],
  })
  async get(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApplicationAnswer> {
    noStore(reply);
    return applicationAnswer(await this.registry.get(caller.organizationId, id));
  }

  @Patch(':id')
  @RequireTenant('write_oauth_applications')
  @ApiContract({
    ...CONTRACT,
    summary: 'Change an application',
    description: 'What is left out stays; null puts a setting back to its default (RFC 7396). It counts at once.',
    params: ApplicationParameters,
    body: ApplicationChangeSchema,
    responses: { 200: { description: 'As it is now', schema: ApplicationSchema } },
    errors: [400, 401, 403, 404, 413, 415, 422, 429, 500, 503],
  })
  async change(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApplicationAnswer> {
    noStore(reply);
    const change = readStrictBody(ApplicationChangeSchema, request);
    const settings = (current: RegisteredApplication) => changedSettings(current, change, bodyOf(request));
    return applicationAnswer(await this.registry.change(caller, id, settings, requestContext(request)));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireTenant('write_oauth_applications')
  @ApiContract({
    ...CONTRACT,
    summary: 'Delete an application with all that people gave it',
    params: ApplicationParameters,
    responses: { 204: { description: 'Gone; nothing that it was issued is good any more' } },
    errors: [400, 401, 403, 404, 422, 429, 500, 503],
  })
  async delete(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.registry.delete(caller, id, requestContext(request));
  }
}
