import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, noStore, Public, RateClass, readBody } from '@app/edge';
import { z } from 'zod';
import { ConnectFlow } from './connect-flow.js';

const ParameterSchema = z.object({ ticket: z.string().describe('From the auth_url of initiate') });
const AgreementSchema = z.object({
  decision: z.enum(['continue', 'cancel']),
  agreement: z.string().max(100).describe('From the page: shows that it was seen in this browser'),
});

const CONTRACT = { tag: 'Connections', access: 'public', params: ParameterSchema } as const;

/** The page between an order to connect an account and the provider: who asks for what, and whether (D47). */
@Controller('connect/:ticket')
@Public()
@RateClass('interactive')
export class ConnectController {
  constructor(private readonly flow: ConnectFlow) {}

  @Get()
  @ApiContract({
    ...CONTRACT,
    summary: 'The page that asks whether an account is to be connected',
    responses: { 200: { description: 'A page without script', contentType: 'text/html' } },
    errors: [400, 429, 500, 503],
  })
  async page(
    @Param('ticket') ticket: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    noStore(reply);
    await this.flow.refusingHere(request, reply, () => this.flow.ask(ticket, request, reply));
  }

  @Post()
  @HttpCode(200)
  @ApiContract({
    ...CONTRACT,
    summary: 'What the person said on that page',
    body: AgreementSchema,
    bodyTypes: ['application/x-www-form-urlencoded'],
    responses: { 303: { description: 'To the provider; after a no to redirect_url. The ticket is used up' } },
    errors: [400, 403, 413, 415, 429, 500, 503],
  })
  async decide(
    @Param('ticket') ticket: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    noStore(reply);
    await this.flow.refusingHere(request, reply, async () => {
      await this.flow.begin(ticket, readBody(AgreementSchema, request), request, reply);
    });
  }
}
