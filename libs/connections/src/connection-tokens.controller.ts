import { Controller, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CLOCK, type Clock } from '@app/config';
import { ApiContract, Dialect, noStore, readBody } from '@app/edge';
import { CurrentTenant, RequireTenant, type TenantCaller } from '@app/organizations';
import { Vault, type Delivery } from '@app/vault';
import type { z } from 'zod';
import { AccessTokenSchema, ConnectionParameters, TokenWishSchema, UnauthorizedSchema } from './connections.schema.js';
import { tokenAnswer } from './delivery-answer.js';
import { DeliveryRefusals } from './delivery-refusals.js';
import { assertId } from './own-connections.js';

const CONTRACT = { tag: 'Connections', access: 'tenant', dialect: 'mielto', params: ConnectionParameters } as const;
const ERRORS = [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503];

type TokenAnswer = z.infer<typeof AccessTokenSchema>;

/** Access tokens of connections, for those who call the provider with them (D61). */
@Controller('api/v1/connections/:id')
@RequireTenant('read_connection_tokens')
@Dialect('mielto')
export class ConnectionTokensController {
  constructor(
    private readonly vault: Vault,
    private readonly refusals: DeliveryRefusals,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post('token')
  @HttpCode(200)
  @ApiContract({
    ...CONTRACT,
    summary: 'An access token that is good for a while yet',
    body: TokenWishSchema,
    responses: { 200: { description: 'Refreshed on the way where need be', schema: AccessTokenSchema } },
    errors: ERRORS,
  })
  async token(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenAnswer> {
    const { min_ttl, force } = readBody(TokenWishSchema, request, { faults: 'unprocessable' });
    assertId(id);
    const delivery = await this.vault.token(caller.organizationId, id, {
      freshness: force === true ? 'new_generation' : 'fresh_enough',
      minTtlMs: min_ttl === undefined ? undefined : min_ttl * 1000,
    });
    return this.answer(delivery, caller, id, reply);
  }

  @Post('unauthorized')
  @HttpCode(200)
  @ApiContract({
    ...CONTRACT,
    summary: 'The provider refused the token (401): answers the one to go on with',
    description: 'However many report the same token, it is refreshed once.',
    body: UnauthorizedSchema,
    responses: { 200: { description: 'The token to use from now on', schema: AccessTokenSchema } },
    errors: ERRORS,
  })
  async unauthorized(
    @CurrentTenant() caller: TenantCaller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenAnswer> {
    const { generation } = readBody(UnauthorizedSchema, request, { faults: 'unprocessable' });
    assertId(id);
    const refused = generation === undefined ? undefined : BigInt(generation);
    const delivery = await this.vault.reportUnauthorized(caller.organizationId, id, refused);
    return this.answer(delivery, caller, id, reply);
  }

  private async answer(
    delivery: Delivery,
    caller: TenantCaller,
    id: string,
    reply: FastifyReply,
  ): Promise<TokenAnswer> {
    noStore(reply);
    if (delivery.kind !== 'token') throw await this.refusals.of(delivery, caller, id);
    return tokenAnswer(delivery.token, this.clock());
  }
}
