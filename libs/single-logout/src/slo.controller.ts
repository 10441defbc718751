import { Controller, Get, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, Public, RateClass, requestContext } from '@app/edge';
import { OAuthError, temporarilyUnavailable } from '@app/oauth2';
import { VerifierBusy } from '@app/saml';
import { sendPage } from '@app/sign-in';
import { z } from 'zod';
import { IdpLogout } from './idp-logout.js';
import {
  LogoutFormSchema,
  logoutInBody,
  logoutInQuery,
  LogoutQuerySchema,
  type IncomingLogout,
} from './incoming-logout.js';
import { refuseLogout, sendMessage, wantsJson } from './logout-answers.js';
import { OurLogout } from './our-logout.js';

const LogoutMessageSchema = z.object({ message: z.string() });

const CONTRACT = {
  tag: 'SAML',
  access: 'public',
  responses: {
    200: {
      description: 'To `Accept: application/json`; a browser gets a form that posts the signed LogoutResponse',
      schema: LogoutMessageSchema,
    },
    302: { description: 'To the identity provider with the signed LogoutResponse, or on to the end of our own logout' },
    303: { description: 'As 302, after POST' },
  },
  errors: [400, 413, 415, 429, 500, 503],
} as const;

/** The single logout service (profiles §4.4): requests of identity providers, and their answers to ours. */
@Controller('saml')
@Public()
@RateClass('interactive')
export class SloController {
  constructor(
    private readonly idpLogout: IdpLogout,
    private readonly ourLogout: OurLogout,
  ) {}

  @Get('slo')
  @ApiContract({ ...CONTRACT, summary: 'Single logout, Redirect binding', query: LogoutQuerySchema })
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.receive(() => logoutInQuery(request), request, reply);
  }

  @Post('slo')
  @ApiContract({
    ...CONTRACT,
    summary: 'Single logout, POST binding',
    body: LogoutFormSchema,
    bodyTypes: ['application/x-www-form-urlencoded'],
  })
  async post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.receive(() => logoutInBody(request), request, reply);
  }

  private async receive(read: () => IncomingLogout, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    try {
      const incoming = read();
      if (incoming.kind === 'logout_response') await this.ourLogout.arrive(incoming, request, reply);
      else await this.carryOut(incoming, request, reply);
    } catch (error) {
      if (error instanceof OAuthError) return refuseLogout(error, request, reply);
      if (!(error instanceof VerifierBusy)) throw error;
      await refuseLogout(temporarilyUnavailable('The verification of SAML messages', error), request, reply);
    }
  }

  private async carryOut(incoming: IncomingLogout, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { answer, outcome, fault } = await this.idpLogout.carryOut(incoming, requestContext(request));
    if (wantsJson(request)) {
      if (outcome !== 'complete') throw fault;
      await reply
        .status(200)
        .header('Content-Type', 'application/json')
        .send(JSON.stringify({ message: 'Logged out successfully' }));
      return;
    }
    if (answer !== undefined) return sendMessage(answer, 'idp', request, reply);
    if (outcome !== 'complete') throw fault;
    await sendPage(reply, 200, 'You are signed out', '<p>You may close this window.</p>');
  }
}
