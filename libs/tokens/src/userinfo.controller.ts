import { Controller, Get, HttpCode, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import {
  AdmitApplications,
  ApiContract,
  CurrentPrincipal,
  RateClass,
  RequireAccess,
  type Principal,
  type UserPrincipal,
} from '@app/edge';
import type { UserProfile } from '@app/directory';
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
  responses: {
    200: { description: 'The person; to a registered application what its scopes name', schema: UserInfoSchema },
  },
  errors: [400, 401, 403, 429, 500, 503],
} as const;

/** GET and POST /oauth2/userinfo (OIDC Core §5.3.1, D11, D16). Machines are not people: 403 (D56). */
@Controller('oauth2')
@RequireAccess('user')
@AdmitApplications()
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
    return principal.party === 'first' ? wholeAnswer(profile, principal) : answerByScope(profile, principal);
  }
}

/** The seed's schema (D16). */
function wholeAnswer(profile: UserProfile, principal: UserPrincipal) {
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

/** OIDC Core §5.4: an application is told what its scopes name. @throws OAuthError 403 without `openid` (§5.3.1) */
function answerByScope(profile: UserProfile, { scopes }: UserPrincipal) {
  if (!scopes.includes('openid'))
    throw new OAuthError('insufficient_scope', 'UserInfo needs a token with the scope openid', {
      authenticate: 'Bearer',
    });
  return {
    sub: profile.id,
    ...(scopes.includes('email') ? { email: profile.email, email_verified: profile.emailVerified } : {}),
    ...(scopes.includes('profile') && profile.name !== undefined ? { name: profile.name } : {}),
    ...(scopes.includes('groups') ? { groups: profile.groups } : {}),
  };
}
