import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, Public, RateClass, readQuery } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { z } from 'zod';
import { refuseLogout } from './logout-answers.js';
import { OurLogout } from './our-logout.js';

const LogoutStepSchema = z.object({
  ticket: z.string().max(100).optional().describe('Of `slo_url`: on to the identity provider'),
  result: z.string().max(100).optional().describe('Back from there: on to the client'),
});

/** GET /saml/logout: where the browser of our own logout passes through, out and back (D52). */
@Controller('saml')
@Public()
@RateClass('interactive')
export class LogoutController {
  constructor(private readonly logout: OurLogout) {}

  @Get('logout')
  @ApiContract({
    summary: 'Sign out at the identity provider, begun by POST /oauth2/revoke?slo=true',
    tag: 'SAML',
    access: 'public',
    query: LogoutStepSchema,
    responses: {
      200: { description: 'A page: the form to the identity provider, or that the person is signed out' },
      302: { description: 'To the identity provider with a LogoutRequest, or to post_logout_redirect_uri' },
    },
    errors: [400, 429, 500, 503],
  })
  async pass(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    try {
      const { ticket, result } = readQuery(LogoutStepSchema, request);
      if (ticket !== undefined) return await this.logout.depart(ticket, request, reply);
      if (result !== undefined) return await this.logout.complete(result, request, reply);
      throw new OAuthError('invalid_request', 'Begin a sign-out with POST /oauth2/revoke?slo=true');
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      await refuseLogout(error, request, reply);
    }
  }
}
