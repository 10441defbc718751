/** What the vault is told by the configuration. Times in milliseconds. */
export interface VaultSettings {
  /** Whether this process refreshes what is due by itself. */
  readonly schedule: boolean;
  /** How long a claim holds without a heartbeat; at least twice the longest request. */
  readonly leaseMs: number;
  /** Refreshes under way at once, of this process, over all providers. */
  readonly concurrency: number;
  /** How long a caller waits for a refresh, his own or somebody else's. */
  readonly waitMs: number;
  /** Folder for answers that are not committed yet; undefined: none is kept. */
  readonly spoolDir: string | undefined;
  /** How long the journal of attempts is kept. */
  readonly attemptRetentionDays: number;
}

/** Injection token of {@link VaultSettings}. */
export const VAULT_SETTINGS = Symbol('VaultSettings');
