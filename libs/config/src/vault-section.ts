import type { z } from 'zod';
import { isRecord } from './config-file.js';
import type { FaultCollector } from './configuration-error.js';
import type { VaultConfig } from './gatehouse-config.js';
import { documented, section } from './setting-docs.js';
import type { NameSetting } from './setting-key.js';
import { flag, listOf, url, whole } from './setting-kinds.js';
import { clientCallbackFault } from './urls.js';

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

/** R18: a browser is sent there, so they obey the rule of `client_callbacks`. Reads the section as written. */
export function checkVaultRedirectUrls(vault: unknown, nameOf: NameSetting, faults: FaultCollector): void {
  const urls: unknown = isRecord(vault) ? vault.redirect_urls : undefined;
  if (!Array.isArray(urls)) return;
  const seen = new Set<unknown>();
  for (const [index, entry] of urls.entries()) {
    if (typeof entry !== 'string' || entry === '') continue;
    const fault =
      clientCallbackFault(entry) ?? (seen.has(entry) ? 'is listed twice; remove one of the entries' : undefined);
    seen.add(entry);
    const { key, prefix } = nameOf(['vault', 'redirect_urls', index]);
    if (fault !== undefined) faults.add(key, prefix + fault);
  }
}

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
