import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, Public, RateClass, readQuery } from '@app/edge';
import { TokenResponseSchema } from '@app/tokens';
import { z } from 'zod';
import { CallbackHandlers } from './callback-handlers.js';
import { LoginFlow } from './login-flow.js';
import { refusingHere } from './login-errors.js';

/** RFC 6749 §4.1.2 and its error answer §4.1.2.1; the rest of the query is the connector's business. */
const CallbackQuerySchema = z.object({
  code: z.string().max(4096).optional().describe('What the provider gave; absent when it refused'),
  state: z.string().max(1024).optional(),
  iss: z.string().max(2000).optional().describe('RFC 9207'),
  error: z.string().max(200).optional(),
  error_description: z.string().max(2000).optional(),
});
const ProviderParamSchema = z.object({ idp: z.string() });

const CONTRACT = {
  tag: 'OAuth',
  access: 'public',
  query: CallbackQuerySchema,
  responses: {
    200: { description: 'Tokens, when the sign-in named no client_callback', schema: TokenResponseSchema },
    302: { description: 'To the client with the outcome' },
    303: { description: 'To the redirect_url of whoever had an account connected' },
  },
  errors: [400, 401, 409, 429, 500, 502, 503],
} as const;

/** Where identity providers send the browser back to (D6, D35). */
@Controller('oauth2/callback')
@Public()
@RateClass('interactive')
export class CallbackController {
  constructor(
    private readonly flow: LoginFlow,
    private readonly handlers: CallbackHandlers,
  ) {}

  @Get()
  @ApiContract({ ...CONTRACT, summary: 'Complete a sign-in (address shared by providers)' })
  async shared(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.complete(undefined, request, reply);
  }

  @Get(':idp')
  @ApiContract({
    ...CONTRACT,
    params: ProviderParamSchema,
    summary: 'Complete a sign-in (address of one provider, `callback: own`)',
  })
  async own(@Param('idp') idp: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.complete(idp, request, reply);
  }

  private async complete(idp: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    await refusingHere(request, reply, async () => {
      const { state = '' } = readQuery(CallbackQuerySchema, request);
      await (this.handlers.find(state) ?? this.flow).complete(idp, request, reply);
    });
  }
}
