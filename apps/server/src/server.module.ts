import { Global, Module, type DynamicModule } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ClientsModule } from '@app/clients';
import { ConfigModule, type Clock, type GatehouseConfig } from '@app/config';
import { ConnectionsModule } from '@app/connections';
import { DatabaseModule } from '@app/database';
import { DirectoryModule } from '@app/directory';
import { EdgeModule } from '@app/edge';
import { KeysModule, SealedTablesModule } from '@app/keys';
import { LogoutNoticesModule } from '@app/logout-notices';
import { OAuthApplicationsModule } from '@app/oauth-applications';
import { OAuthProvidersModule } from '@app/oauth-providers';
import { OrganizationsModule } from '@app/organizations';
import { SamlModule } from '@app/saml';
import { SignInModule } from '@app/sign-in';
import { SingleLogoutModule } from '@app/single-logout';
import { TokensModule } from '@app/tokens';
import { TransientStoreModule } from '@app/transient-store';
import { VaultModule } from '@app/vault';
import { WebhooksModule } from '@app/webhooks';
import { HealthController } from './health/health.controller.js';
import {
  CertificateMetrics,
  HttpMetrics,
  LogoutNoticeMetrics,
  Readiness,
  SEALED,
  VaultMetrics,
  WebhookMetrics,
} from '@app/operations';
import { VaultReadiness } from './health/vault-readiness.js';
import { HomeController } from './home/home.controller.js';
import { MetricsController } from './metrics.controller.js';

/**
 * What every room stands on, global: stores, keys, and the edge with its limits and its error filter.
 */
@Global()
@Module({})
class FoundationModule {
  static with(metrics: HttpMetrics): DynamicModule {
    return {
      module: FoundationModule,
      imports: [EdgeModule, TransientStoreModule.forRoot(), DatabaseModule.forRoot(), KeysModule.forRoot()],
      providers: [{ provide: HttpMetrics, useValue: metrics }],
      exports: [EdgeModule, TransientStoreModule, KeysModule, HttpMetrics],
    };
  }
}

/** The public HTTP process: all rooms, and the few routes that describe the process itself. */
@Module({
  controllers: [HealthController, MetricsController, HomeController],
  providers: [Readiness, CertificateMetrics, WebhookMetrics, LogoutNoticeMetrics, VaultMetrics, VaultReadiness],
})
export class ServerModule {
  static with(config: GatehouseConfig, metrics: HttpMetrics, clock: Clock | undefined): DynamicModule {
    return {
      module: ServerModule,
      imports: [
        ConfigModule.forConfig(config, clock),
        FoundationModule.with(metrics),
        SealedTablesModule.over(SEALED),
        ScheduleModule.forRoot(),
        DirectoryModule,
        ClientsModule,
        OAuthProvidersModule,
        SamlModule,
        TokensModule,
        OrganizationsModule,
        SignInModule,
        SingleLogoutModule,
        WebhooksModule,
        LogoutNoticesModule,
        VaultModule,
        ConnectionsModule,
        OAuthApplicationsModule,
      ],
    };
  }
}
