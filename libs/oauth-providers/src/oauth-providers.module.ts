import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Module } from '@nestjs/common';
import { OutboundFetch } from './outbound-fetch.js';
import { ProviderRegistry } from './provider-registry.js';

/** Needs GATEHOUSE_CONFIG and CLOCK from the (global) configuration module. */
@Module({
  providers: [
    {
      provide: OutboundFetch,
      inject: [GATEHOUSE_CONFIG],
      useFactory: ({ outbound }: GatehouseConfig) => new OutboundFetch(outbound),
    },
    ProviderRegistry,
  ],
  exports: [ProviderRegistry, OutboundFetch],
})
export class OAuthProvidersModule {}
