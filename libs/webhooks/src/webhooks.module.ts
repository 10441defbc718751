import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { OutboundCalls } from '@app/outbound';
import { OutboxRepository } from './outbox.repository.js';
import { WEBHOOK_CALLS, WebhookDelivery } from './webhook-delivery.js';
import { WebhookOutbox } from './webhook-outbox.js';

/**
 * Needs the configuration and the database from global modules. The ticks run where the application imports
 * `ScheduleModule.forRoot()`.
 */
@Module({
  imports: [AuditModule],
  providers: [
    {
      provide: WEBHOOK_CALLS,
      inject: [GATEHOUSE_CONFIG],
      useFactory: ({ outbound, webhookDelivery: { timeoutMs } }: GatehouseConfig) =>
        new OutboundCalls({
          allowPrivate: outbound.allowPrivate,
          maxBytes: outbound.maxBytes,
          timeoutMs,
          connectTimeoutMs: Math.min(timeoutMs, outbound.connectTimeoutMs),
        }),
    },
    OutboxRepository,
    WebhookOutbox,
    WebhookDelivery,
  ],
  exports: [WebhookOutbox, WebhookDelivery],
})
export class WebhooksModule {}
