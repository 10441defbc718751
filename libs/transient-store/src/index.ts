/**
 * transient-store: values that live minutes, and the copy of the revocations that is read on every request.
 *
 * Owns: the store port with its two adapters (Redis by ioredis: single, unix socket, Sentinel, Cluster; and the process's
 * own memory), the revocation mirror of D20 and the proof that it is whole.
 * Does not own: what the values mean, or anything that must outlive the store: that is Postgres's. No routes.
 */
export { TransientStoreModule } from './transient-store.module.js';
export { openStore, type OpenStore, type OpenStoreOptions } from './open-store.js';
export {
  StoreUnavailable,
  TRANSIENT_STORE,
  type StoreLog,
  type TransientStore,
  type Unsubscribe,
} from './transient-store.js';
export { InProcessTransientStore, type InProcessStoreOptions } from './in-process-store.js';
export { parseRedisUrl, type RedisAddress, type RedisLogin, type RedisTarget } from './redis-url.js';
export {
  REVOCATION_MIRROR,
  UntrustedMirror,
  type MirrorAnswer,
  type MirrorHealth,
  type RevocationEntry,
  type RevocationMirror,
} from './revocation-mirror.js';
