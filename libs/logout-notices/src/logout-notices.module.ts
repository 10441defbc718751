import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { OutboundCalls } from '@app/outbound';
import { ATTEMPT_TIMEOUT_MS, LOGOUT_CALLS, LogoutDelivery } from './logout-delivery.js';
import { LogoutNoticeRepository } from './logout-notice.repository.js';

/**
 * Needs the configuration, the database and the signing keys from global modules. The ticks run where the application
 * imports `ScheduleModule.forRoot()`.
 */
@Module({
  imports: [AuditModule],
  providers: [
    {
      provide: LOGOUT_CALLS,
      inject: [GATEHOUSE_CONFIG],
      useFactory: ({ outbound }: GatehouseConfig) =>
        new OutboundCalls({
          allowPrivate: outbound.allowPrivate,
          maxBytes: outbound.maxBytes,
          timeoutMs: ATTEMPT_TIMEOUT_MS,
          connectTimeoutMs: Math.min(ATTEMPT_TIMEOUT_MS, outbound.connectTimeoutMs),
        }),
    },
    LogoutNoticeRepository,
    LogoutDelivery,
  ],
  exports: [LogoutDelivery],
})
export class LogoutNoticesModule {}
