import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Module } from '@nestjs/common';
import { OutboundFetch } from './outbound-fetch.js';

/** Needs GATEHOUSE_CONFIG from the (global) configuration module. */
@Module({
  providers: [
    {
      provide: OutboundFetch,
      inject: [GATEHOUSE_CONFIG],
      useFactory: ({ outbound }: GatehouseConfig) => new OutboundFetch(outbound),
    },
  ],
  exports: [OutboundFetch],
})
export class OutboundModule {}
