import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Module } from '@nestjs/common';
import { OutboundCalls } from './outbound-calls.js';
import { OutboundFetch } from './outbound-fetch.js';

/** Needs GATEHOUSE_CONFIG from the (global) configuration module. */
@Module({
  providers: [
    {
      provide: OutboundFetch,
      inject: [GATEHOUSE_CONFIG],
      useFactory: ({ outbound }: GatehouseConfig) => new OutboundFetch(outbound),
    },
    {
      provide: OutboundCalls,
      inject: [GATEHOUSE_CONFIG],
      useFactory: ({ outbound }: GatehouseConfig) =>
        new OutboundCalls({
          allowPrivate: outbound.allowPrivate,
          maxBytes: outbound.maxBytes,
          timeoutMs: outbound.tokenTimeoutMs,
          connectTimeoutMs: outbound.connectTimeoutMs,
        }),
    },
  ],
  exports: [OutboundFetch, OutboundCalls],
})
export class OutboundModule {}
