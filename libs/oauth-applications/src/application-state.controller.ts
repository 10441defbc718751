import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApplicationRegistry } from '@app/clients';
import { ApiContract, Dialect, noStore, requestContext } from '@app/edge';
import { CurrentTenant, RequireTenant, type TenantCaller } from '@app/organizations';
import type { z } from 'zod';
import { applicationAnswer, type ApplicationAnswer } from './application-answer.js';
import {
  ApplicationParameters,
  ApplicationSchema,
  ApplicationSecretSchema,
  SecretRotationSchema,
} from './applications.schema.js';
import { readStrictBody } from './strict-body.js';

const CONTRACT = { tag: 'Applications', access: 'tenant', dialect: 'mielto', params: ApplicationParameters } as const;
const ERRORS = [400, 401, 403, 404, 413, 415, 422, 429, 500, 503];

/** Secrets of an application, and whether it may be used. */
@Controller('api/v1/organizations/:organization/applications/:id')
@RequireTenant('write_oauth_applications')
@Dialect('mielto')
export class ApplicationStateController {
  constructor(private readonly registry: ApplicationRegistry) {}

  @Post('secrets')
  @HttpCode(200)
  @ApiContract({
    ...CONTRACT,
    summary: 'Give an application a new secret, shown once',
    description:
      'The secrets of before stay good for `keep_seconds`, so that nothing fails while the new one is spread.',
    body: SecretRotationSchema,
    responses: { 200: { description: 'Good at once', schema: ApplicationSecretSchema } },
    errors: ERRORS,
  })
  async rotateSecret(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof ApplicationSecretSchema>> {
    noStore(reply);
    const { keep_seconds: keepSeconds } = readStrictBody(SecretRotationSchema, request);
    const { clientId } = await this.registry.get(caller.organizationId, id);
    const secret = await this.registry.rotateSecret(caller, id, keepSeconds, requestContext(request));
    return { client_id: clientId, client_secret: secret };
  }

  @Post('disable')
  @HttpCode(200)
  @ApiContract({
    ...CONTRACT,
    summary: 'Disable an application',
    responses: {
      200: { description: 'Nothing that it was issued is good, and it begins nothing more', schema: ApplicationSchema },
    },
    errors: ERRORS,
  })
  async disable(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApplicationAnswer> {
    noStore(reply);
    await this.registry.disable(caller, id, requestContext(request));
    return applicationAnswer(await this.registry.get(caller.organizationId, id));
  }

  @Post('enable')
  @HttpCode(200)
  @ApiContract({
    ...CONTRACT,
    summary: 'Let a disabled application begin anew',
    responses: { 200: { description: 'What it was issued before stays dead', schema: ApplicationSchema } },
    errors: ERRORS,
  })
  async enable(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApplicationAnswer> {
    noStore(reply);
    await this.registry.enable(caller, id, requestContext(request));
    return applicationAnswer(await this.registry.get(caller.organizationId, id));
  }
}
