import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Applications, FirstPartyClients, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, Public, RateClass, readBody, readQuery } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { TokenResponseSchema } from '@app/tokens';
import {
  authorizationRequest,
  AuthorizationParametersSchema,
  ReceivedParametersSchema,
  type AuthorizationParameters,
} from './authorization-request.js';
import { ApplicationLogins } from './applications/application-logins.js';
import { SilentLogin } from './applications/silent-login.js';
import { LoginFlow } from './login-flow.js';
import { refusingHere } from './login-errors.js';
import { isPushedRequestUri } from './pushed/pushed-requests.js';

const CONTRACT = {
  summary: 'Begin a sign-in at an identity provider',
  tag: 'OAuth',
  access: 'public',
  responses: {
    200: { description: 'Tokens, from the `test` provider without client_callback (D10)', schema: TokenResponseSchema },
    302: { description: 'To the identity provider, or to the client with the outcome' },
  },
  errors: [400, 409, 429, 500, 503],
} as const;

/** GET and POST /oauth2/authorize (RFC 6749 §3.1, D11). */
@Controller('oauth2')
@Public()
@RateClass('interactive')
export class AuthorizeController {
  constructor(
    private readonly flow: LoginFlow,
    private readonly clients: FirstPartyClients,
    private readonly applications: Applications,
    private readonly applicationLogins: ApplicationLogins,
    private readonly silentLogin: SilentLogin,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  @Get('authorize')
  @ApiContract({ ...CONTRACT, query: AuthorizationParametersSchema })
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.begin(() => readQuery(ReceivedParametersSchema, request), request, reply);
  }

  @Post('authorize')
  @ApiContract({
    ...CONTRACT,
    body: AuthorizationParametersSchema,
    bodyTypes: ['application/x-www-form-urlencoded'],
  })
  async post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.begin(() => readBody(ReceivedParametersSchema, request), request, reply);
  }

  /** The two kinds of client have different ids; those of the configuration need no look-up (D7). */
  private async applicationOf({ client_id: clientId }: AuthorizationParameters): Promise<Application | undefined> {
    if (clientId === undefined || this.clients.isServed(clientId)) return undefined;
    return this.applications.find(clientId);
  }

  private async begin(
    read: () => AuthorizationParameters,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    await refusingHere(request, reply, async () => {
      const parameters = read();
      if (await this.silentLogin.answer(parameters, request, reply)) return;
      const application = await this.applicationOf(parameters);
      if (application !== undefined) return this.applicationLogins.begin(parameters, application, request, reply);
      if (isPushedRequestUri(parameters.request_uri))
        throw new OAuthError('invalid_request', 'client_id must name the application that pushed it (RFC 9126 §4)');
      if (parameters.client_id !== undefined && !this.clients.isServed(parameters.client_id))
        throw new OAuthError(
          'invalid_request',
          'client_id is not known here: the application that sent you is not registered',
        );
      if (parameters.code_challenge === undefined)
        throw new OAuthError('invalid_request', 'code_challenge is required (RFC 7636 §4.3)');
      const asked = authorizationRequest(parameters, this.clients, this.config);
      await this.flow.begin(asked, request, reply);
    });
  }
}
