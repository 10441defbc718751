import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CLIENT_FIELDS, ClientAuthenticator, presentedClient, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, noStore, Public, RateClass, readBody, remoteAddress } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { DpopProofs } from '@app/tokens';
import { z } from 'zod';
import { applicationRequest, applicationTarget } from '../applications/application-request.js';
import {
  AuthorizationParametersSchema,
  ReceivedParametersSchema,
  type AuthorizationParameters,
} from '../authorization-request.js';
import { PUSHED_LIFETIME_SECONDS, PushedRequests } from './pushed-requests.js';

const ClientSchema = z.object(CLIENT_FIELDS);

const PushedResponseSchema = z
  .object({
    request_uri: z.string().describe('For /oauth2/authorize beside client_id, once'),
    expires_in: z.int().describe('Seconds'),
  })
  .meta({ id: 'PushedAuthorizationResponse' });

/** POST /oauth2/par (RFC 9126): a registered application's authorization request, ahead of the browser. */
@Controller('oauth2')
@Public()
@RateClass('token')
export class PushedRequestsController {
  constructor(
    private readonly clients: ClientAuthenticator,
    private readonly requests: PushedRequests,
    private readonly proofs: DpopProofs,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  @Post('par')
  @HttpCode(201)
  @ApiContract({
    summary: 'Push an authorization request (RFC 9126)',
    tag: 'OAuth',
    access: 'public',
    body: AuthorizationParametersSchema.extend(CLIENT_FIELDS),
    bodyTypes: ['application/x-www-form-urlencoded'],
    responses: { 201: { description: 'What stands for the request', schema: PushedResponseSchema } },
    errors: [400, 401, 413, 415, 429, 500, 503],
  })
  async push(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof PushedResponseSchema>> {
    noStore(reply);
    const application = await this.pushing(request);
    const parameters = boundTo(await this.proofs.keyOf(request), readBody(ReceivedParametersSchema, request));
    // §2.1: what is pushed is the request itself.
    if (parameters.request_uri !== undefined)
      throw new OAuthError('invalid_request', 'request_uri cannot be pushed; send the parameters (RFC 9126 §2.1)');
    applicationRequest(parameters, application, applicationTarget(parameters, application), this.config);
    const requestUri = await this.requests.push(application.clientId, parameters);
    return { request_uri: requestUri, expires_in: PUSHED_LIFETIME_SECONDS };
  }

  /** Who pushes, proved as at the token endpoint (§2). @throws OAuthError `invalid_client`, `unauthorized_client` */
  private async pushing(request: FastifyRequest): Promise<Application> {
    const presented = presentedClient(request.headers.authorization, readBody(ClientSchema, request));
    const client = await this.clients.identify(presented, remoteAddress(request));
    if (client === undefined)
      throw new OAuthError('invalid_client', 'Name the client: client_id, with what it proves itself with');
    if (client.application !== undefined) return client.application;
    throw new OAuthError(
      'unauthorized_client',
      'Only registered applications push requests; configured callbacks and machines do not',
    );
  }
}

/** A proof says what `dpop_jkt` says (RFC 9449 §10.1). @throws OAuthError `invalid_request` where they say two things */
function boundTo(key: string | undefined, parameters: AuthorizationParameters): AuthorizationParameters {
  if (key === undefined) return parameters;
  if (parameters.dpop_jkt !== undefined && parameters.dpop_jkt !== key)
    throw new OAuthError('invalid_request', 'dpop_jkt is not the key of the DPoP proof (RFC 9449)');
  return { ...parameters, dpop_jkt: key };
}
