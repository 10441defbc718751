import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, BodyLimit, noStore, Public, RateClass, readBody, readQuery, requestContext } from '@app/edge';
import { TokenResponseSchema } from '@app/tokens';
import { z } from 'zod';
import { AssertionConsumer } from './assertion-consumer.js';
import { refusingHere } from './login-errors.js';
import { SamlCompletion } from './saml-completion.js';

/** The 256 KiB of XML that are ever looked at (R13), in base64 and form encoding. */
const LARGEST_POST_BYTES = 400 * 1024;

const ResponseSchema = z.object({
  SAMLResponse: z.string().describe('Base64 of the response (SAML bindings §3.5.4)'),
  RelayState: z.string().max(2000).optional(),
});
const CompletionSchema = z.object({ ticket: z.string().max(100).describe('From the redirect; one use, two minutes') });

/** Where SAML identity providers send the browser back to (D23), and where that browser shows that it is the one (D10). */
@Controller('saml')
@Public()
@RateClass('interactive')
export class SamlAcsController {
  constructor(
    private readonly consumer: AssertionConsumer,
    private readonly completion: SamlCompletion,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  @Post('acs')
  @BodyLimit(LARGEST_POST_BYTES)
  @ApiContract({
    summary: 'Receive the answer of a SAML identity provider',
    description: 'Verifies it and sends the browser on; a sign-in ends at /saml/complete.',
    tag: 'SAML',
    access: 'public',
    body: ResponseSchema,
    bodyTypes: ['application/x-www-form-urlencoded'],
    responses: { 303: { description: 'To /saml/complete, whatever was found' } },
    errors: [400, 413, 415, 429, 500, 503],
  })
  async acs(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await refusingHere(request, reply, async () => {
      const { SAMLResponse: samlResponse, RelayState: relayState } = readBody(ResponseSchema, request);
      const ticket = await this.consumer.consume({ samlResponse, relayState }, requestContext(request));
      noStore(reply);
      await reply.redirect(`${this.config.publicUrl}/saml/complete?ticket=${ticket}`, 303);
    });
  }

  @Get('complete')
  @ApiContract({
    summary: 'Complete a sign-in by SAML in the browser that began it',
    tag: 'SAML',
    access: 'public',
    query: CompletionSchema,
    responses: {
      200: { description: 'Tokens, when the sign-in named no client_callback', schema: TokenResponseSchema },
      302: { description: 'To the client with the outcome' },
    },
    errors: [400, 403, 409, 429, 500, 502, 503],
  })
  async complete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await refusingHere(request, reply, async () => {
      await this.completion.complete(readQuery(CompletionSchema, request).ticket, request, reply);
    });
  }
}
