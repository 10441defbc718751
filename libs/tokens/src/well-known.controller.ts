import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, Public, RateClass } from '@app/edge';
import { SigningKeys } from '@app/keys';
import { z } from 'zod';
import { authorizationServerMetadata, openidConfiguration, protectedResourceMetadata } from './server-metadata.js';
import { TokenEndpoint } from './token-endpoint.js';

const ServerMetadataSchema = z.object({
  issuer: z.string(),
  authorization_endpoint: z.string(),
  token_endpoint: z.string(),
  userinfo_endpoint: z.string(),
  jwks_uri: z.string(),
  introspection_endpoint: z.string(),
  revocation_endpoint: z.string(),
  response_types_supported: z.array(z.string()),
  grant_types_supported: z.array(z.string()),
  scopes_supported: z.array(z.string()),
  token_endpoint_auth_methods_supported: z.array(z.string()),
  code_challenge_methods_supported: z.array(z.string()),
  dpop_signing_alg_values_supported: z.array(z.string()),
});

const OpenidConfigurationSchema = ServerMetadataSchema.extend({
  subject_types_supported: z.array(z.string()),
  id_token_signing_alg_values_supported: z.array(z.string()),
  claims_supported: z.array(z.string()),
});

const JwksSchema = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), use: z.string(), alg: z.string(), kid: z.string() })),
});

const ProtectedResourceSchema = z.object({
  resource: z.string(),
  authorization_servers: z.array(z.string()),
  jwks_uri: z.string(),
  scopes_supported: z.array(z.string()),
  bearer_methods_supported: z.array(z.string()),
  dpop_signing_alg_values_supported: z.array(z.string()),
  dpop_bound_access_tokens_required: z.boolean(),
});

const DISCOVERY = { tag: 'Discovery', access: 'public', errors: [400, 429, 500] } as const;

/** The documents by which clients configure themselves (RFC 8414, OIDC Discovery, RFC 7517, RFC 9728). */
@Controller('.well-known')
@Public()
@RateClass('discovery')
export class WellKnownController {
  private readonly maxAge: string;

  constructor(
    private readonly keys: SigningKeys,
    private readonly endpoint: TokenEndpoint,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.maxAge = `public, max-age=${config.lifetimes.jwksMaxAgeSeconds}`;
  }

  @Get('openid-configuration')
  @ApiContract({
    ...DISCOVERY,
    summary: 'OpenID provider metadata',
    responses: { 200: { description: 'The metadata', schema: OpenidConfigurationSchema } },
  })
  openid(@Res({ passthrough: true }) reply: FastifyReply): unknown {
    void reply.header('Cache-Control', this.maxAge);
    return openidConfiguration(this.config, this.endpoint.grantTypes);
  }

  @Get('oauth-authorization-server')
  @ApiContract({
    ...DISCOVERY,
    summary: 'Authorization server metadata (RFC 8414)',
    responses: { 200: { description: 'The metadata', schema: ServerMetadataSchema } },
  })
  authorizationServer(@Res({ passthrough: true }) reply: FastifyReply): unknown {
    void reply.header('Cache-Control', this.maxAge);
    return authorizationServerMetadata(this.config, this.endpoint.grantTypes);
  }

  @Get('oauth-protected-resource')
  @ApiContract({
    ...DISCOVERY,
    summary: 'Protected resource metadata (RFC 9728)',
    responses: { 200: { description: 'The metadata', schema: ProtectedResourceSchema } },
  })
  protectedResource(@Res({ passthrough: true }) reply: FastifyReply): unknown {
    void reply.header('Cache-Control', this.maxAge);
    return protectedResourceMetadata(this.config);
  }

  @Get('jwks.json')
  @ApiContract({
    ...DISCOVERY,
    summary: 'The keys that verify our tokens (RFC 7517)',
    responses: { 200: { description: 'The key set', schema: JwksSchema } },
  })
  jwks(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): unknown {
    const { etag } = this.keys.jwksCaching();
    void reply.header('Cache-Control', this.maxAge).header('ETag', etag);
    if (request.headers['if-none-match'] === etag) {
      void reply.status(304);
      return undefined;
    }
    return this.keys.jwks();
  }
}
