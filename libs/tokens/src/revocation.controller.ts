import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CLIENT_FIELDS, presentedClient } from '@app/clients';
import { ApiContract, Public, RateClass, readBody, readQuery, requestContext } from '@app/edge';
import { z } from 'zod';
import { presentedAccessToken } from './presented-access-token.js';
import { TokenRevocation } from './token-revocation.js';

const RevocationRequestSchema = z.object({
  token: z.string().max(16_384).optional(),
  token_type_hint: z.string().max(100).optional(),
  ...CLIENT_FIELDS,
  post_logout_redirect_uri: z.string().max(2000).optional().describe('As in the query'),
  state: z.string().max(1024).optional().describe('As in the query'),
});

const LogoutQuerySchema = z.object({
  slo: z.enum(['true', 'false']).optional().describe('true: also begin the logout at the SAML identity provider (D52)'),
  post_logout_redirect_uri: z.string().max(2000).optional().describe('Where the browser ends; allow-listed'),
  state: z.string().max(1024).optional().describe('Given back at post_logout_redirect_uri'),
});

const RevocationResponseSchema = z.object({
  message: z.string(),
  slo_url: z.string().optional().describe('For the browser, once, within two minutes; absent where there is no logout'),
});

/** POST /oauth2/revoke: a logout by its bearer (D14), on request at the IdP too (D52), or RFC 7009 by its `token` field. */
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
    query: LogoutQuerySchema,
    body: RevocationRequestSchema,
    bodyTypes: ['application/json', 'application/x-www-form-urlencoded'],
    responses: { 200: { description: 'Done, or there was nothing to do', schema: RevocationResponseSchema } },
    errors: [400, 401, 413, 415, 429, 500, 503],
  })
  async revoke(@Req() request: FastifyRequest): Promise<z.infer<typeof RevocationResponseSchema>> {
    const body = readBody(RevocationRequestSchema, request, { aliases: 'camelCase' });
    const bearer = presentedAccessToken(request);
    if (body.token === undefined) {
      const query = readQuery(LogoutQuerySchema, request);
      if (query.slo === 'true') {
        const { post_logout_redirect_uri: uri = body.post_logout_redirect_uri, state = body.state } = query;
        const target = uri === undefined ? undefined : { uri, state };
        const sloUrl = await this.revocation.logoutUpstream(bearer, target, requestContext(request));
        return { message: 'Logged out successfully', ...(sloUrl === undefined ? {} : { slo_url: sloUrl }) };
      }
      await this.revocation.logout(bearer, requestContext(request));
      return { message: 'Logged out successfully' };
    }
    const client = presentedClient(request.headers.authorization, body);
    await this.revocation.revoke(body.token, client, bearer, requestContext(request));
    return { message: 'Token revoked successfully' };
  }
}
