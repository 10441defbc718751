import type { Delivery, FailPoint, Freshness, SweepReport } from '@app/vault';
import type { UpstreamTokenSet } from '@app/upstream-tokens';
import type { VaultSettings } from '../../../libs/vault/src/vault-settings.js';

/** What one process of the vault is told at its start. */
export interface VaultProcessOptions {
  readonly databaseUrl: string;
  /** The spool of answers lies in it, and the trace of fail points that were passed. */
  readonly dataDir: string;
  /** `oauth_providers` and `outbound`. */
  readonly yaml: string;
  readonly settings?: Partial<VaultSettings>;
  /** So many callers at once, each asking for one token after another. */
  readonly callers?: number;
}

/** Ends or stops the process when a refresh passes a point. */
export interface Trap {
  readonly point: FailPoint;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  /** Only this one's; default: any. */
  readonly connectionId?: string;
  /** How many pass unharmed before. */
  readonly skip?: number;
}

export interface Observation {
  readonly flights: number;
  readonly mostFlights: number;
  readonly rssBytes: number;
}

/** What a process does for its parent. */
export interface VaultCalls {
  /** Imports token sets; answers the connections' ids. */
  connect(providerId: string, tokens: readonly UpstreamTokenSet[]): Promise<string[]>;
  token(connectionId: string, freshness: Freshness): Promise<Delivery>;
  sweep(): Promise<SweepReport>;
  trap(trap: Trap): void;
  observe(): Observation;
}

export interface CallMessage {
  readonly number: number;
  readonly name: keyof VaultCalls;
  readonly parameters: readonly unknown[];
}

/** What a process says of itself: `told` is what a caller of it was answered. */
export type VaultMessage =
  | { readonly ready: string }
  | { readonly number: number; readonly answer: unknown }
  | { readonly number: number; readonly error: string }
  | { readonly told: string; readonly generation: bigint };
