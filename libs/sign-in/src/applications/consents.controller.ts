import { Controller, Delete, Get, HttpCode, Param, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ApiContract, CurrentPrincipal, requestContext, RequireAccess, type Principal } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { z } from 'zod';
import { Consents } from './consents.js';

const ConsentsSchema = z
  .array(
    z.object({
      id: z.string().describe('Of the application'),
      name: z.string(),
      organization: z.string(),
      scopes: z.array(z.string()),
      granted_at: z.iso.datetime(),
    }),
  )
  .meta({ id: 'AllowedApplications' });

const ERRORS = [401, 403, 429, 500, 503] as const;

/** What a person has allowed registered applications, and taking it back (D49). For first-party sessions (D30). */
@Controller('users/me/applications')
@RequireAccess('user')
export class ConsentsController {
  constructor(private readonly consents: Consents) {}

  @Get()
  @ApiContract({
    summary: 'Which applications the person has allowed what',
    tag: 'Users',
    access: 'user',
    responses: { 200: { description: 'By name', schema: ConsentsSchema } },
    errors: [...ERRORS],
  })
  async list(@CurrentPrincipal() principal: Principal): Promise<unknown> {
    const given = await this.consents.list(personOf(principal));
    return given.map(({ applicationId, name, organization, scopes, grantedAt }) => ({
      id: applicationId,
      name,
      organization,
      scopes,
      granted_at: grantedAt.toISOString(),
    }));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiContract({
    summary: 'Take back what an application was allowed; what it holds of the person is dead at once',
    tag: 'Users',
    access: 'user',
    params: z.object({ id: z.string() }),
    responses: { 204: { description: 'Done' } },
    errors: [404, ...ERRORS],
  })
  async withdraw(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.consents.withdraw(personOf(principal), id, requestContext(request));
  }
}

function personOf(principal: Principal): string {
  if (principal.kind !== 'user') throw new OAuthError('forbidden', 'A machine is not a person');
  return principal.userId;
}
