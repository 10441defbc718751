import { Controller, Get, HttpCode, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ApiContract, CurrentPrincipal, RateClass, RequireAccess, type Principal } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { z } from 'zod';
import { UserProfiles } from './user-profiles.js';

const UserInfoSchema = z
  .object({
    sub: z.string(),
    id: z.uuid(),
    email: z.string(),
    email_verified: z.boolean(),
    name: z.string(),
    idp: z.string(),
    groups: z.array(z.string()),
    providers: z.array(z.object({ provider: z.string(), is_primary: z.boolean() })),
  })
  .meta({ id: 'UserInfo' });

const CONTRACT = {
  summary: 'Who is signed in (OIDC Core §5.3)',
  tag: 'OAuth',
  access: 'user',
  responses: { 200: { description: 'The person', schema: UserInfoSchema } },
  errors: [400, 401, 403, 429, 500, 503],
} as const;

/** GET and POST /oauth2/userinfo (OIDC Core §5.3.1, D11, D16). Machines are not people: 403 (D56). */
@Controller('oauth2')
@RequireAccess('user')
@RateClass('none')
export class UserinfoController {
  constructor(private readonly profiles: UserProfiles) {}

  @Get('userinfo')
  @ApiContract(CONTRACT)
  get(@CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    return this.answer(principal, reply);
  }

  @Post('userinfo')
  @HttpCode(200)
  @ApiContract(CONTRACT)
  post(@CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    return this.answer(principal, reply);
  }

  private async answer(principal: Principal, reply: FastifyReply): Promise<unknown> {
    if (principal.kind !== 'user') throw new OAuthError('forbidden', 'A machine is not a person');
    const profile = await this.profiles.find(principal.userId, principal.providerId);
    if (profile === undefined)
      throw new OAuthError('invalid_token', 'The user of this token is gone', { authenticate: 'Bearer' });
    void reply.header('Cache-Control', 'no-store');
    return {
      sub: profile.id,
      id: profile.id,
      email: profile.email,
      email_verified: profile.emailVerified,
      name: profile.name ?? profile.email,
      idp: principal.providerId,
      groups: profile.groups,
      providers: profile.providers,
    };
  }
}
