import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CLIENT_FIELDS, ClientAuthenticator, presentedClient, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, noStore, Public, RateClass, readBody, remoteAddress } from '@app/edge';
import { DEVICE_CODE_GRANT, OAuthError, shownUserCode } from '@app/oauth2';
import { DeviceAuthorizations } from '@app/tokens';
import { z } from 'zod';
import { applicationResource, applicationScopes } from '../applications/application-request.js';

const DeviceRequestSchema = z.object({
  scope: z.string().max(1000).default('').describe('As at /oauth2/authorize; unknown scopes are ignored'),
  resource: z.string().max(2000).optional().describe('RFC 8707: an API that the application is registered for'),
  ...CLIENT_FIELDS,
});

const DeviceResponseSchema = z
  .object({
    device_code: z.string().describe('For the device alone: it asks /oauth2/token with it'),
    user_code: z.string().describe('Shown to the person, who types it at verification_uri'),
    verification_uri: z.string(),
    verification_uri_complete: z.string().describe('The same with the code in it, for a QR code'),
    expires_in: z.int().describe('Seconds'),
    interval: z.int().describe('Seconds between two polls; slow_down adds five'),
  })
  .meta({ id: 'DeviceAuthorizationResponse' });

/** POST /oauth2/device_authorization (RFC 8628 §3.1, §3.2): a device without a browser begins. */
@Controller('oauth2')
@Public()
@RateClass('token')
export class DeviceAuthorizationController {
  constructor(
    private readonly clients: ClientAuthenticator,
    private readonly devices: DeviceAuthorizations,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  @Post('device_authorization')
  @HttpCode(200)
  @ApiContract({
    summary: 'Begin the sign-in of a device without a browser (RFC 8628)',
    tag: 'OAuth',
    access: 'public',
    body: DeviceRequestSchema,
    bodyTypes: ['application/x-www-form-urlencoded'],
    responses: { 200: { description: 'The two codes', schema: DeviceResponseSchema } },
    errors: [400, 401, 413, 415, 429, 500, 503],
  })
  async begin(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof DeviceResponseSchema>> {
    noStore(reply);
    const { scope, resource, ...presented } = readBody(DeviceRequestSchema, request);
    const address = remoteAddress(request);
    const application = await this.asking(presentedClient(request.headers.authorization, presented), address);
    const { publicUrl } = this.config;
    const begun = await this.devices.begin({
      clientId: application.clientId,
      scopes: applicationScopes(scope, application),
      resource: applicationResource(resource, application, publicUrl),
      remoteAddress: address,
    });
    const userCode = shownUserCode(begun.userCode);
    return {
      device_code: begun.deviceCode,
      user_code: userCode,
      verification_uri: `${publicUrl}/device`,
      verification_uri_complete: `${publicUrl}/device?user_code=${userCode}`,
      expires_in: begun.expiresIn,
      interval: begun.interval,
    };
  }

  /** Which application begins, proved as at the token endpoint (§3.1). @throws OAuthError */
  private async asking(presented: ReturnType<typeof presentedClient>, address: string): Promise<Application> {
    const client = await this.clients.identify(presented, address);
    if (client === undefined)
      throw new OAuthError('invalid_client', 'Name the client: client_id, with what it proves itself with');
    if (client.application?.grantTypes.includes(DEVICE_CODE_GRANT) === true) return client.application;
    throw new OAuthError('unauthorized_client', `This client is not registered for grant_type ${DEVICE_CODE_GRANT}`);
  }
}
