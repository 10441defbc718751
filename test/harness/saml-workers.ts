import type { SamlSettings } from '@app/config';
import { SamlWorkers } from '../../libs/saml/src/saml-workers.js';

/** Runs the worker from its TypeScript sources, so that specs need no build. */
export const TEST_WORKER_FILE = new URL('./typescript-worker.mjs', import.meta.url);

const SETTINGS: SamlSettings = {
  verifier: 'strict',
  workers: 1,
  queueLimit: 1000,
  verificationTimeoutMs: 60_000,
  clockSkewSeconds: 120,
  maxMessageAgeSeconds: 300,
  keyLifetimeSeconds: 1,
  keyPublishBeforeSigningSeconds: 1,
  keyRetentionSeconds: 1,
  postLogoutRedirectUris: [],
};

/** The verifier as it is in production, but for its worker's file. Close it, or Jest waits for its threads. */
export async function startTestVerifier(
  settings: Partial<SamlSettings> = {},
): Promise<SamlWorkers & { close(): Promise<void> }> {
  const workers = new SamlWorkers({ saml: { ...SETTINGS, ...settings } }, TEST_WORKER_FILE);
  return Object.assign(workers, { close: () => workers.onModuleDestroy() });
}
