import { Controller, Delete, Get, HttpCode, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  ApiContract,
  CurrentPrincipal,
  noStore,
  readQuery,
  RequireAccess,
  requestContext,
  type Principal,
  type UserPrincipal,
} from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { z } from 'zod';
import { AccountDeletion } from './account-deletion.js';
import { Directory } from './directory.js';

const UserSchema = z
  .object({
    principal_type: z.literal('user'),
    provider: z.string(),
    provider_id: z.string(),
    display_name: z.string(),
    email: z.string(),
    is_admin: z.boolean(),
    groups: z.array(z.string()),
    idp: z.string(),
  })
  .meta({ id: 'UserWithAdminStatus' });

const DeletionQuerySchema = z.object({
  challenge: z
    .string()
    .max(1000)
    .optional()
    .describe('The challenge_text of the first call; without it, a new challenge is issued'),
});

const DeletionChallengeSchema = z
  .object({ challenge_text: z.string(), expires_at: z.iso.datetime() })
  .meta({ id: 'DeletionChallenge' });

/** The signed-in person's own record (D16), and its end. For people in first-party sessions only (D30, D56). */
@Controller('users/me')
@RequireAccess('user')
export class UsersMeController {
  constructor(
    private readonly directory: Directory,
    private readonly deletion: AccountDeletion,
  ) {}

  @Get()
  @ApiContract({
    summary: 'Who am I, with groups, identity provider and administrator status',
    tag: 'Users',
    access: 'user',
    responses: { 200: { description: 'The person', schema: UserSchema } },
    errors: [400, 401, 403, 429, 500, 503],
  })
  async get(
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof UserSchema>> {
    const { userId, providerId } = person(principal);
    const profile = await this.directory.profile(userId, providerId);
    if (profile === undefined)
      throw new OAuthError('invalid_token', 'The user of this token is gone', { authenticate: 'Bearer' });
    noStore(reply);
    return {
      principal_type: 'user',
      provider: providerId,
      provider_id: profile.providerSubject,
      display_name: profile.name ?? profile.email,
      email: profile.email,
      is_admin: profile.isAdministrator,
      groups: [...profile.groups],
      idp: providerId,
    };
  }

  @Delete()
  @HttpCode(200)
  @ApiContract({
    summary: 'Delete my account and everything of it, in two steps',
    tag: 'Users',
    access: 'user',
    query: DeletionQuerySchema,
    responses: {
      200: { description: 'Repeat challenge_text in a second call', schema: DeletionChallengeSchema },
      204: { description: 'Deleted; every token of the account is void' },
    },
    errors: [400, 401, 403, 429, 500, 503],
  })
  async delete(
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof DeletionChallengeSchema> | undefined> {
    const { userId } = person(principal);
    const { challenge } = readQuery(DeletionQuerySchema, request);
    if (challenge === undefined) {
      const issued = await this.deletion.challenge(userId);
      noStore(reply);
      return { challenge_text: issued.text, expires_at: issued.expiresAt.toISOString() };
    }
    await this.deletion.confirm(userId, challenge, { by: userId, ...requestContext(request) });
    void reply.status(204);
    return undefined;
  }
}

/** The guard let only people in; this makes it so for the compiler, and for a route that lost its decorator. */
function person(principal: Principal): UserPrincipal {
  if (principal.kind !== 'user') throw new OAuthError('forbidden', 'This resource is for people, not for machines');
  return principal;
}
