import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { SetupLink } from '@app/directory';
import { ApiContract, noStore, Public, RateClass, readQuery } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { z } from 'zod';
import type { AuthorizationRequest } from './authorization-request.js';
import { refusingHere } from './login-errors.js';
import { LoginFlow } from './login-flow.js';
import { sendPage } from './page.js';
import { ProviderChoice } from './provider-choice.js';

const SetupQuerySchema = z.object({
  token: z.string().max(200).describe('From the link that the server or `gatehouse set-up-link` printed'),
  idp: z.string().max(100).optional().describe('The provider that the first administrator signs in with'),
});

/** GET /setup: the first administrator, by the link from the terminal (D43). */
@Controller('setup')
@Public()
@RateClass('interactive')
export class SetupController {
  constructor(
    private readonly link: SetupLink,
    private readonly choice: ProviderChoice,
    private readonly flow: LoginFlow,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  @Get()
  @ApiContract({
    summary: 'Become the first administrator',
    tag: 'Users',
    access: 'public',
    query: SetupQuerySchema,
    responses: {
      200: { description: 'A page: the providers to sign in with, or what became of it' },
      302: { description: 'To the identity provider; the link is used up' },
    },
    errors: [400, 429, 500, 503],
  })
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await refusingHere(request, reply, async () => {
      const { token, idp } = readQuery(SetupQuerySchema, request);
      noStore(reply);
      if (idp === undefined) await this.offer(token, reply);
      else await this.begin(token, idp, request, reply);
    });
  }

  /** Looking does not use the link up: browsers and chat programs look before people do. */
  private async offer(token: string, reply: FastifyReply): Promise<void> {
    if (!(await this.link.isOpen(token))) throw notOpen();
    const links = this.choice.links(
      undefined,
      (id) => `${this.config.publicUrl}/setup?${new URLSearchParams({ token, idp: id }).toString()}`,
    );
    await sendPage(
      reply,
      200,
      'Become the administrator',
      `<p>Nobody administers this Gatehouse yet. Sign in, and you will.</p>${links}`,
    );
  }

  private async begin(token: string, idp: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    // An unknown provider is refused before the link is spent.
    this.choice.choose({ idp: idp });
    if (!(await this.link.redeem(token))) throw notOpen();
    await this.flow.begin(setupRequest(idp, this.config.publicUrl), request, reply);
  }
}

function notOpen(): OAuthError {
  return new OAuthError(
    'invalid_request',
    'This set-up link is used, replaced or older than 15 minutes, or there is an administrator; ' +
      '`gatehouse set-up-link` prints another while there is none',
  );
}

function setupRequest(idp: string, clientId: string): AuthorizationRequest {
  return {
    idp,
    clientId,
    delivery: { kind: 'set-up' },
    namedTarget: undefined,
    scopes: ['openid'],
    state: undefined,
    nonce: undefined,
    loginHint: undefined,
    prompt: undefined,
    maxAge: undefined,
    acrValues: undefined,
    uiLocales: undefined,
    organization: undefined,
    party: 'first',
    resource: undefined,
  };
}
