/**
 * vault: tokens that others issued to us, kept fresh and never lost.
 *
 * Owns: connections and their journal, how their tokens are sealed, the one refresh that schedule and callers share, when
 * it is due, what a failure means, how providers are spared, the truth about all that.
 * Does not own: how a provider is spoken to (upstream-tokens), whose organization it is (organizations), routes
 * (connections), telling of events (webhooks).
 */
export { DataKeys } from './data-keys.js';
export type { DeadReason } from './failure-policy.js';
export { AT_FAIL_POINT, type AtFailPoint, type FailPoint } from './fail-points.js';
export type { ConnectionFilter, PageEnd } from './connection-reader.js';
export type { NewConnection } from './connection-writer.js';
export type { OpenBreaker } from './provider-breakers.js';
export { LATENESS_BUCKETS, RefreshCounts, type ProviderCounts } from './refresh-counts.js';
export { RefreshSchedule } from './refresh-schedule.js';
export { ResealCommand } from './reseal/reseal-command.js';
export { ResealCommandModule } from './reseal/reseal.module.js';
export { SealedDataKeys } from './reseal/sealed-data-keys.js';
export { Sweeper, type SweepReport } from './sweeper.js';
export type { ConnectionOrigin, ConnectionStatus, StoredConnection } from './stored-connection.js';
export type { DeliveredToken, Delivery, DeliveryRefusal, Freshness, TokenWish } from './token-delivery.js';
export { TokenSeal } from './token-seal.js';
export { OtherAccount, Vault, type NewGrant } from './vault.js';
export { VaultHealth, type ProviderHealth, type VaultHealthReport } from './vault-health.js';
export { VaultModule } from './vault.module.js';
