import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContract, Dialect, noStore, readBody } from '@app/edge';
import { CurrentTenant, RequireTenant, type TenantCaller } from '@app/organizations';
import { Vault } from '@app/vault';
import type { z } from 'zod';
import { given } from './connection-answer.js';
import { Connecting } from './connecting.js';
import { InitiatedSchema, InitiateSchema, RefreshedSchema, RefreshParameters } from './connections.schema.js';
import { DeliveryRefusals } from './delivery-refusals.js';
import { OwnConnections } from './own-connections.js';

const CONTRACT = { tag: 'Connections', access: 'tenant', dialect: 'mielto' } as const;

/** mielto's two OAuth operations. */
@Controller('api/v1/oauth')
@RequireTenant('write_connections')
@Dialect('mielto')
export class OAuthController {
  constructor(
    private readonly vault: Vault,
    private readonly own: OwnConnections,
    private readonly connecting: Connecting,
    private readonly refusals: DeliveryRefusals,
  ) {}

  @Post('initiate')
  @HttpCode(200)
  @ApiContract({
    ...CONTRACT,
    summary: 'Begin to connect an account, or to connect one again',
    body: InitiateSchema,
    responses: { 200: { description: 'Send the person to auth_url', schema: InitiatedSchema } },
    errors: [400, 401, 403, 404, 413, 415, 422, 429, 500, 503],
  })
  async initiate(
    @CurrentTenant() caller: TenantCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof InitiatedSchema>> {
    noStore(reply);
    const input = readBody(InitiateSchema, request, { faults: 'unprocessable' });
    const { authUrl, state } = await this.connecting.initiate(caller, {
      integration: input.integration_id,
      scopes: input.scopes,
      redirectUrl: input.redirect_url,
      connectionId: input.connection_id,
    });
    return { auth_url: authUrl, state, integration_id: input.integration_id };
  }

  @Post('refresh/:connection_id')
  @HttpCode(200)
  @ApiContract({
    ...CONTRACT,
    summary: 'Refresh the tokens of a connection now',
    description: 'Calls that come together share one request to the provider.',
    params: RefreshParameters,
    responses: { 200: { description: 'There are new tokens, and they are kept', schema: RefreshedSchema } },
    errors: [400, 401, 403, 404, 409, 422, 429, 500, 503],
  })
  async refresh(
    @CurrentTenant() caller: TenantCaller,
    @Param('connection_id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof RefreshedSchema>> {
    noStore(reply);
    await this.own.assertMayChange(caller, id);
    const wish = { freshness: 'new_generation', minTtlMs: undefined } as const;
    const delivery = await this.vault.token(caller.organizationId, id, wish);
    if (delivery.kind !== 'token') throw await this.refusals.of(delivery, caller, id);
    const { expiresAt } = delivery.token;
    return { status: 'success', connection_id: id, ...given({ expires_at: expiresAt?.toISOString() }) };
  }
}
