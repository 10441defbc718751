import { OAuthProvidersModule } from '@app/oauth-providers';
import { OutboundModule } from '@app/outbound';
import { Module } from '@nestjs/common';
import { UpstreamTokenEndpoints } from './upstream-token-endpoints.js';

/** Needs GATEHOUSE_CONFIG and CLOCK from the (global) configuration module. */
@Module({
  imports: [OAuthProvidersModule, OutboundModule],
  providers: [UpstreamTokenEndpoints],
  exports: [UpstreamTokenEndpoints],
})
export class UpstreamTokensModule {}
