import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, Public, RateClass } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { z } from 'zod';
import { IdentityProviders } from '../metadata/identity-providers.js';
import { SamlKeys } from './saml-keys.js';
import { assertionConsumerUrl, entityTag, serviceProviderMetadata, singleLogoutUrl } from './sp-metadata.js';

const SamlProvidersSchema = z.object({
  providers: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      icon: z.string(),
      auth_url: z.string(),
      metadata_url: z.string(),
      entity_id: z.string(),
      acs_url: z.string(),
      slo_url: z.string(),
    }),
  ),
});

const ProviderParams = z.object({ provider: z.string().describe('Id of a SAML provider') });

const DAY_SECONDS = 86_400;

/** What IdPs and sign-in pages need to know of us before anybody signs in: GET /saml/providers, /saml/{provider}/metadata. */
@Controller('saml')
@Public()
@RateClass('discovery')
export class SpMetadataController {
  constructor(
    private readonly providers: IdentityProviders,
    private readonly keys: SamlKeys,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  @Get('providers')
  @ApiContract({
    summary: 'The SAML identity providers that people can sign in with',
    tag: 'SAML',
    access: 'public',
    responses: { 200: { description: 'Enabled providers, in configured order', schema: SamlProvidersSchema } },
    errors: [429, 500],
  })
  list(): z.infer<typeof SamlProvidersSchema> {
    const { publicUrl } = this.config;
    return {
      providers: this.providers.list().map(({ id, name, icon, entityId }) => ({
        id,
        name,
        icon: icon ?? id,
        auth_url: `${publicUrl}/saml/${id}/login`,
        metadata_url: `${publicUrl}/saml/${id}/metadata`,
        entity_id: entityId,
        acs_url: assertionConsumerUrl(publicUrl),
        slo_url: singleLogoutUrl(publicUrl),
      })),
    };
  }

  /** Answers also while the IdP's own metadata is missing: its administrator may need ours first. */
  @Get(':provider/metadata')
  @ApiContract({
    summary: 'Our metadata for one identity provider',
    tag: 'SAML',
    access: 'public',
    params: ProviderParams,
    responses: {
      200: {
        description: 'An EntityDescriptor (SAML 2.0 metadata)',
        contentType: 'application/samlmetadata+xml',
        schema: z.string(),
      },
    },
    errors: [404, 429, 500],
  })
  metadata(
    @Param('provider') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Buffer | undefined {
    const provider = this.providers.find(id);
    if (provider === undefined) throw new OAuthError('not_found', 'There is no SAML provider of this id');
    const { saml, publicUrl, lifetimes } = this.config;
    const maxAge = lifetimes.jwksMaxAgeSeconds;
    const document = serviceProviderMetadata(provider, {
      publicUrl,
      certificates: this.keys.published(),
      // Twice within the time that a new certificate is published before it signs.
      cacheSeconds: Math.max(maxAge, Math.min(DAY_SECONDS, saml.keyPublishBeforeSigningSeconds / 2)),
    });
    const etag = entityTag(document);
    void reply.header('Cache-Control', `public, max-age=${maxAge}`).header('ETag', etag);
    if (request.headers['if-none-match'] === etag) {
      void reply.status(304);
      return undefined;
    }
    // As bytes, because Fastify appends a charset to the type of a text.
    void reply.header('Content-Type', 'application/samlmetadata+xml');
    return Buffer.from(document, 'utf8');
  }
}
