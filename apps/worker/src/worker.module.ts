import { Global, Module, type DynamicModule } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ConfigModule, type GatehouseConfig } from '@app/config';
import { DatabaseModule } from '@app/database';
import { EdgeModule } from '@app/edge';
import { KeysModule, SealedTablesModule } from '@app/keys';
import { LogoutNoticesModule } from '@app/logout-notices';
import { OAuthProvidersModule } from '@app/oauth-providers';
import { SamlModule } from '@app/saml';
import { TokensModule } from '@app/tokens';
import { TransientStoreModule } from '@app/transient-store';
import { VaultModule } from '@app/vault';
import { WebhooksModule } from '@app/webhooks';
import {
  CertificateMetrics,
  HttpMetrics,
  LogoutNoticeMetrics,
  Readiness,
  SEALED,
  VaultMetrics,
  WebhookMetrics,
} from '@app/operations';

/** The same ground that the server's rooms stand on. */
@Global()
@Module({
  imports: [EdgeModule, TransientStoreModule.forRoot(), DatabaseModule.forRoot(), KeysModule.forRoot()],
  providers: [HttpMetrics],
  exports: [EdgeModule, TransientStoreModule, KeysModule, HttpMetrics],
})
class FoundationModule {}

/**
 * The rooms that have work to do by the clock: the vault's refreshes, webhooks, logout notices, rotation of keys, SAML metadata, and
 * what housekeeping erases. Nothing maps their routes, because this application has no HTTP.
 */
@Module({ providers: [Readiness, CertificateMetrics, WebhookMetrics, LogoutNoticeMetrics, VaultMetrics] })
export class WorkerModule {
  static with(config: GatehouseConfig): DynamicModule {
    return {
      module: WorkerModule,
      imports: [
        ConfigModule.forConfig(config),
        FoundationModule,
        SealedTablesModule.over(SEALED),
        ScheduleModule.forRoot(),
        OAuthProvidersModule,
        SamlModule,
        TokensModule,
        WebhooksModule,
        LogoutNoticesModule,
        VaultModule,
      ],
    };
  }
}
