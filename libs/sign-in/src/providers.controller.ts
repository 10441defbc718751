import { Controller, Get, Inject } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, Public, RateClass } from '@app/edge';
import { ProviderRegistry } from '@app/oauth-providers';
import { z } from 'zod';
import { callbackUrl, returningProvider } from './upstream-return.js';

const ProvidersSchema = z.object({
  providers: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      icon: z.string(),
      auth_url: z.string(),
      token_url: z.string(),
      redirect_uri: z.string(),
      client_id: z.string(),
    }),
  ),
});

/** GET /oauth2/providers: what a sign-in page offers. */
@Controller('oauth2/providers')
@Public()
@RateClass('discovery')
export class ProvidersController {
  constructor(
    private readonly providers: ProviderRegistry,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  @Get()
  @ApiContract({
    summary: 'The providers that people can sign in with',
    tag: 'OAuth',
    access: 'public',
    responses: { 200: { description: 'Enabled providers, in configured order', schema: ProvidersSchema } },
    errors: [429, 500],
  })
  list(): z.infer<typeof ProvidersSchema> {
    const { publicUrl } = this.config;
    return {
      providers: this.providers.list().map((provider) => ({
        id: provider.config.id,
        name: provider.config.name,
        icon: provider.config.icon ?? provider.config.id,
        auth_url: `${publicUrl}/oauth2/authorize?idp=${provider.config.id}`,
        token_url: `${publicUrl}/oauth2/token?idp=${provider.config.id}`,
        redirect_uri: callbackUrl(publicUrl, returningProvider(provider)),
        client_id: provider.config.type === 'test' ? 'test' : provider.config.clientId,
      })),
    };
  }
}
