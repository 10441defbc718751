import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { presentedClient } from '@app/clients';
import { ApiContract, Public, RateClass, readBody, requestContext } from '@app/edge';
import { z } from 'zod';
import { bearerToken } from './bearer.strategy.js';
import { TokenRevocation } from './token-revocation.js';

const RevocationRequestSchema = z.object({
  token: z.string().max(16_384).optional(),
  token_type_hint: z.string().max(100).optional(),
  client_id: z.string().max(2000).optional(),
  client_secret: z.string().max(1000).optional(),
});

const RevocationResponseSchema = z.object({ message: z.string() });

/** POST /oauth2/revoke: a logout by its bearer, or RFC 7009 by its `token` field (D14). */
@Controller('oauth2')
@Public()
@RateClass('token')
export class RevocationController {
  constructor(private readonly revocation: TokenRevocation) {}

  @Post('revoke')
  @HttpCode(200)
  @ApiContract({
    summary: 'Log out (bearer, no token field) or revoke a token (RFC 7009)',
    tag: 'OAuth',
    access: 'public',
    body: RevocationRequestSchema,
    bodyTypes: ['application/json', 'application/x-www-form-urlencoded'],
    responses: { 200: { description: 'Done, or there was nothing to do', schema: RevocationResponseSchema } },
    errors: [400, 401, 413, 415, 429, 500, 503],
  })
  async revoke(@Req() request: FastifyRequest): Promise<{ message: string }> {
    const body = readBody(RevocationRequestSchema, request, { aliases: 'camelCase' });
    const { authorization } = request.headers;
    const bearer = bearerToken(authorization);
    if (body.token === undefined) {
      await this.revocation.logout(bearer, requestContext(request));
      return { message: 'Logged out successfully' };
    }
    const client = presentedClient(authorization, body.client_id, body.client_secret);
    await this.revocation.revoke(body.token, client, bearer, requestContext(request));
    return { message: 'Token revoked successfully' };
  }
}
