import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Req, Res, type Type } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApplicationRegistry } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, Dialect, noStore, RateClass, readQuery, requestContext } from '@app/edge';
import { CurrentTenant, RequireTenant, type TenantCaller } from '@app/organizations';
import { ApplicationTokens } from '@app/tokens';
import { OAuthTokens } from './oauth-tokens.js';
import {
  ApplicationParameters,
  OauthApplicationSchema,
  OAuthTokenRequestSchema,
  OrganizationParameters,
  PageSchema,
  PaginatedOauthApplicationSchema,
  PaginatedServiceTokenSchema,
  ServiceTokenSchema,
  TokenParameters,
} from './planetscale.schema.js';
import { FLAT, IN_DATA, type AnswerShape } from './planetscale-shape.js';
import { pageOf, windowOf } from './planetscale-page.js';
import { oauthApplicationAnswer } from './service-token-answer.js';
import { readStrictBody } from './strict-body.js';

const CONTRACT = { tag: 'OAuth applications', access: 'tenant', dialect: 'planetscale' } as const;
const READ_ERRORS = [400, 401, 403, 404, 422, 429, 500, 503];

/**
 * PlanetScale's routes of OAuth applications (S003, D1) at one address and in one shape of answer. Once a shape, so that
 * the description says of each address what it answers.
 */
function planetScaleRoutes(name: string, prefix: string, shape: AnswerShape): Type {
  @Controller(`${prefix}organizations/:organization/oauth-applications`)
  @RequireTenant('read_oauth_applications')
  @Dialect('planetscale')
  class PlanetScaleRoutes {
    constructor(
      private readonly registry: ApplicationRegistry,
      private readonly applicationTokens: ApplicationTokens,
      private readonly tokens: OAuthTokens,
      @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    ) {}

    @Get()
    @ApiContract({
      ...CONTRACT,
      summary: 'List OAuth applications',
      params: OrganizationParameters,
      query: PageSchema,
      responses: { 200: { description: 'Newest first', schema: shape.schema(PaginatedOauthApplicationSchema) } },
      errors: READ_ERRORS,
    })
    async applications(
      @CurrentTenant() caller: TenantCaller,
      @Req() request: FastifyRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<object> {
      noStore(reply);
      const wish = readQuery(PageSchema, request, { faults: 'unprocessable' });
      const { applications } = await this.registry.list(caller.organizationId, windowOf(wish));
      const counts = await this.applicationTokens.count(applications.map(({ clientId }) => clientId));
      const answers = applications.map((one) => oauthApplicationAnswer(one, counts.get(one.clientId) ?? 0));
      return shape.answer(pageOf(wish, answers, this.addressOf(request)));
    }

    @Get(':id')
    @ApiContract({
      ...CONTRACT,
      summary: 'Get an OAuth application',
      params: ApplicationParameters,
      responses: { 200: { description: 'As it is now', schema: shape.schema(OauthApplicationSchema) } },
      errors: READ_ERRORS,
    })
    async application(
      @CurrentTenant() caller: TenantCaller,
      @Param('id') id: string,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<object> {
      noStore(reply);
      const application = await this.registry.get(caller.organizationId, id);
      const counts = await this.applicationTokens.count([application.clientId]);
      return shape.answer(oauthApplicationAnswer(application, counts.get(application.clientId) ?? 0));
    }

    @Post(':id/token')
    @HttpCode(200)
    @RequireTenant('write_oauth_tokens')
    @RateClass('token')
    @ApiContract({
      ...CONTRACT,
      summary: 'Create or renew an OAuth token',
      description: 'From the code of an authorization, or from the refresh token of an OAuth token.',
      params: ApplicationParameters,
      body: OAuthTokenRequestSchema,
      responses: { 200: { description: 'The only answer with the tokens', schema: shape.schema(ServiceTokenSchema) } },
      errors: [400, 401, 403, 404, 413, 415, 422, 429, 500, 503],
    })
    async issue(
      @CurrentTenant() caller: TenantCaller,
      @Param('id') id: string,
      @Req() request: FastifyRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<object> {
      noStore(reply);
      // The TypeScript SDK sends the names of its own properties (D2).
      const wish = readStrictBody(OAuthTokenRequestSchema, request, 'camelCase');
      return shape.answer(await this.tokens.issue(caller, id, wish, requestContext(request)));
    }

    @Get(':id/tokens')
    @RequireTenant('read_oauth_tokens')
    @ApiContract({
      ...CONTRACT,
      summary: 'List OAuth tokens',
      params: ApplicationParameters,
      query: PageSchema,
      responses: {
        200: { description: 'Those that are alive, newest first', schema: shape.schema(PaginatedServiceTokenSchema) },
      },
      errors: READ_ERRORS,
    })
    async list(
      @CurrentTenant() caller: TenantCaller,
      @Param('id') id: string,
      @Req() request: FastifyRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<object> {
      noStore(reply);
      const wish = readQuery(PageSchema, request, { faults: 'unprocessable' });
      return shape.answer(pageOf(wish, await this.tokens.list(caller, id, wish), this.addressOf(request)));
    }

    @Get(':id/tokens/:token_id')
    @RequireTenant('read_oauth_tokens')
    @ApiContract({
      ...CONTRACT,
      summary: 'Get an OAuth token',
      params: TokenParameters,
      responses: { 200: { description: 'Without the tokens themselves', schema: shape.schema(ServiceTokenSchema) } },
      errors: READ_ERRORS,
    })
    async get(
      @CurrentTenant() caller: TenantCaller,
      @Param('id') id: string,
      @Param('token_id') tokenId: string,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<object> {
      noStore(reply);
      return shape.answer(await this.tokens.get(caller, id, tokenId));
    }

    @Delete(':id/tokens/:token_id')
    @HttpCode(204)
    @RequireTenant('delete_oauth_tokens')
    @ApiContract({
      ...CONTRACT,
      summary: 'Delete an OAuth token',
      params: TokenParameters,
      responses: { 204: { description: 'Dead at the next request, with all that its session issued' } },
      errors: READ_ERRORS,
    })
    async delete(
      @CurrentTenant() caller: TenantCaller,
      @Param('id') id: string,
      @Param('token_id') tokenId: string,
      @Req() request: FastifyRequest,
    ): Promise<void> {
      await this.tokens.end(caller, id, tokenId, requestContext(request));
    }

    /** Of this list, as links need it: the path that was asked, under our own name (D3). */
    private addressOf(request: FastifyRequest): string {
      const [path = ''] = request.url.split('?');
      return this.config.publicUrl + path;
    }
  }
  Object.defineProperty(PlanetScaleRoutes, 'name', { value: name });
  return PlanetScaleRoutes;
}

/** As documented. */
export const PlanetScaleController = planetScaleRoutes('PlanetScaleController', 'v1/', FLAT);
/** The path of the seed, which a client's base URL completes. */
export const PlanetScaleUnversionedController = planetScaleRoutes('PlanetScaleUnversionedController', '', FLAT);
/** For the Go SDK, which decodes nothing else (D29). */
export const PlanetScaleGoController = planetScaleRoutes(
  'PlanetScaleGoController',
  'compat/planetscale-go/v1/',
  IN_DATA,
);
