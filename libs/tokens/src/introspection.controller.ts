import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CLIENT_FIELDS, presentedClient } from '@app/clients';
import { ApiContract, noStore, Public, RateClass, RateLimiter, readBody, remoteAddress } from '@app/edge';
import { z } from 'zod';
import { INACTIVE, Introspection } from './introspection.js';
import { presentedAccessToken } from './presented-access-token.js';

/** No cap of a thousand characters: a token with many groups is longer (D15). */
const IntrospectionRequestSchema = z.object({
  token: z.string(),
  token_type_hint: z.string().max(100).optional(),
  ...CLIENT_FIELDS,
});

const IntrospectionResponseSchema = z
  .object({
    active: z.boolean(),
    sub: z.string().optional(),
    client_id: z.string().optional(),
    token_type: z.string().optional(),
    scope: z.string().optional(),
    iss: z.string().optional(),
    aud: z.string().optional(),
    exp: z.int().optional(),
    iat: z.int().optional(),
    nbf: z.int().optional(),
    jti: z.string().optional(),
    sid: z.string().optional(),
    idp: z.string().optional(),
    email: z.string().optional(),
    email_verified: z.boolean().optional(),
    name: z.string().optional(),
    groups: z.array(z.string()).optional(),
    groups_overage: z.boolean().optional(),
    cnf: z.object({ jkt: z.string() }).optional().describe('The key that the token is bound to (RFC 9449 §6.2)'),
  })
  .meta({ id: 'IntrospectionResponse' });

/** POST /oauth2/introspect (RFC 7662). Only bad tokens count against the caller's address (D57). */
@Controller('oauth2')
@Public()
@RateClass('none')
export class IntrospectionController {
  constructor(
    private readonly introspection: Introspection,
    private readonly rateLimiter: RateLimiter,
  ) {}

  @Post('introspect')
  @HttpCode(200)
  @ApiContract({
    summary: 'Is this token good now? (RFC 7662)',
    tag: 'OAuth',
    access: 'public',
    body: IntrospectionRequestSchema,
    bodyTypes: ['application/x-www-form-urlencoded', 'application/json'],
    responses: {
      200: { description: 'What the token says, or exactly {"active":false}', schema: IntrospectionResponseSchema },
    },
    errors: [400, 401, 413, 415, 429, 500, 503],
  })
  async introspect(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const address = remoteAddress(request);
    this.rateLimiter.assertBadTokensAllowed(address);
    const body = readBody(IntrospectionRequestSchema, request, { aliases: 'camelCase' });
    const introspector = await this.introspection.introspector(
      presentedClient(request.headers.authorization, body),
      presentedAccessToken(request),
      address,
    );
    const answer = await this.introspection.answer(body.token, introspector);
    if (answer === INACTIVE) this.rateLimiter.countBadToken(address);
    noStore(reply);
    void reply.header('Content-Type', 'application/json');
    return answer;
  }
}
