import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FirstPartyClients } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import { ApiContract, Public, RateClass, readQuery } from '@app/edge';
import { OAuthError, temporarilyUnavailable } from '@app/oauth2';
import { IdentityProviders } from '@app/saml';
import { z } from 'zod';
import { refusingHere } from './login-errors.js';
import { samlLoginRequest, SamlLoginParametersSchema } from './saml-login-request.js';
import { SamlLogins } from './saml-logins.js';

/** GET /saml/{provider}/login: a login at one SAML identity provider (D51). */
@Controller('saml')
@Public()
@RateClass('interactive')
export class SamlLoginController {
  constructor(
    private readonly providers: IdentityProviders,
    private readonly logins: SamlLogins,
    private readonly clients: FirstPartyClients,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  @Get(':provider/login')
  @ApiContract({
    summary: 'Begin a sign-in at a SAML identity provider',
    tag: 'SAML',
    access: 'public',
    params: z.object({ provider: z.string().describe('Provider id; see /saml/providers') }),
    query: SamlLoginParametersSchema,
    responses: {
      200: { description: 'A form that sends itself to the identity provider', contentType: 'text/html' },
      302: { description: 'To the identity provider' },
    },
    errors: [400, 404, 429, 500, 502, 503],
  })
  async login(
    @Param('provider') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await refusingHere(request, reply, async () => {
      const provider = this.provider(id);
      const parameters = readQuery(SamlLoginParametersSchema, request);
      const asked = samlLoginRequest(provider.id, parameters, this.clients, this.config);
      await this.logins.begin(provider, asked, request, reply);
    });
  }

  /** R11: one that is switched off says so, for its people wonder; nothing begins there. */
  private provider(id: string): SamlProviderConfig {
    const provider = this.providers.find(id);
    if (provider !== undefined) return provider;
    if (this.config.samlProviders.some((configured) => configured.id === id))
      throw temporarilyUnavailable('Sign-in with this identity provider');
    throw new OAuthError('not_found', 'There is no such SAML provider; see /saml/providers');
  }
}
