import { Module } from '@nestjs/common';
import { OutboundModule } from '@app/outbound';
import { ProviderRegistry } from './provider-registry.js';

/** Needs GATEHOUSE_CONFIG and CLOCK from the (global) configuration module. */
@Module({
  imports: [OutboundModule],
  providers: [ProviderRegistry],
  exports: [ProviderRegistry],
})
export class OAuthProvidersModule {}
