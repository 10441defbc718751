import type { z } from 'zod';
import type { VaultConfig } from './gatehouse-config.js';
import { documented, section } from './setting-docs.js';
import { flag, listOf, url, whole } from './setting-kinds.js';

/** The `vault` section of the file. */
export const vaultSection = section({
  schedule: documented(
    flag().default(true),
    'Refresh what is due in this process. `false` where `gatehouse worker` does it; callers’ refreshes work either way.',
  ),
  concurrency: documented(whole(1, 10_000).default(256), 'Refreshes under way at once in this process.'),
  lease_seconds: documented(
    whole(2, 3600).default(45),
    'How long a claim holds without a heartbeat; at least twice `outbound.token_timeout_ms`.',
  ),
  wait_seconds: documented(whole(1, 120).default(20), 'How long a caller waits for a refresh that is under way.'),
  attempt_retention_days: documented(whole(1, 3650).default(90), 'How long the journal of refreshes is kept.'),
  redirect_urls: documented(
    listOf(url()).default([]),
    'Where the browser may end after connecting an account (`redirect_url` of initiate), beside `client_callbacks`.',
  ),
});

export function toVaultConfig(settings: z.output<typeof vaultSection>): VaultConfig {
  return {
    schedule: settings.schedule,
    concurrency: settings.concurrency,
    leaseMs: settings.lease_seconds * 1000,
    waitMs: settings.wait_seconds * 1000,
    attemptRetentionDays: settings.attempt_retention_days,
    redirectUrls: settings.redirect_urls,
  };
}
