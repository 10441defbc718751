import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { AuditModule } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { KeysModule } from '@app/keys';
import { UpstreamTokensModule } from '@app/upstream-tokens';
import { WebhooksModule } from '@app/webhooks';
import { ConnectionReader } from './connection-reader.js';
import { ConnectionWriter } from './connection-writer.js';
import { DataKeys } from './data-keys.js';
import { AT_FAIL_POINT, noFailPoint } from './fail-points.js';
import { FailedRefreshes } from './failed-refreshes.js';
import { Flights } from './flights.js';
import { Journal } from './journal.js';
import { Leases } from './leases.js';
import { ProviderBreakers } from './provider-breakers.js';
import { RateBudgets } from './rate-budget.js';
import { RefreshCommits } from './refresh-commits.js';
import { RefreshCounts } from './refresh-counts.js';
import { RefreshSchedule } from './refresh-schedule.js';
import { Refresher } from './refresher.js';
import { DataKeyHousekeeping } from './reseal/data-key-housekeeping.js';
import { DataKeyRetirement } from './reseal/data-key-retirement.js';
import { TokenReseal } from './reseal/token-reseal.js';
import { Spool } from './spool.js';
import { SpoolRecovery } from './spool-recovery.js';
import { Sweeper } from './sweeper.js';
import { TokenDelivery } from './token-delivery.js';
import { TokenSeal } from './token-seal.js';
import { VAULT_SETTINGS, type VaultSettings } from './vault-settings.js';
import { Vault } from './vault.js';
import { VaultHealth } from './vault-health.js';
import { VaultHousekeeping } from './vault-housekeeping.js';

function settingsOf(config: GatehouseConfig): VaultSettings {
  return { ...config.vault, spoolDir: join(config.dataDir, 'spool') };
}

/**
 * Needs the configuration and the database from global modules. The schedule runs where the application imports
 * `ScheduleModule.forRoot()`.
 */
@Module({
  imports: [AuditModule, KeysModule.forRoot(), UpstreamTokensModule, WebhooksModule],
  providers: [
    { provide: VAULT_SETTINGS, inject: [GATEHOUSE_CONFIG], useFactory: settingsOf },
    { provide: AT_FAIL_POINT, useValue: noFailPoint },
    DataKeys,
    TokenSeal,
    Leases,
    Journal,
    RefreshCommits,
    FailedRefreshes,
    ProviderBreakers,
    RateBudgets,
    RefreshCounts,
    Spool,
    Refresher,
    SpoolRecovery,
    Flights,
    Sweeper,
    RefreshSchedule,
    ConnectionReader,
    ConnectionWriter,
    TokenDelivery,
    Vault,
    VaultHealth,
    VaultHousekeeping,
    DataKeyRetirement,
    TokenReseal,
    DataKeyHousekeeping,
  ],
  exports: [Vault, VaultHealth, RefreshCounts, RefreshSchedule, Sweeper, DataKeys, TokenSeal],
})
export class VaultModule {}
