import { crc32 } from 'node:zlib';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** The sweep comes every 30 minutes, so it must take what ends in 35 (token-vault.md §4; mix promises both numbers). */
export const SWEEP_WINDOW_MS = 35 * MINUTE;
/** With less life left a token counts as expired for callers. */
export const CALLER_MARGIN_MS = 5 * MINUTE;
const LONG_LIVED_MS = 70 * MINUTE;
const JITTER_SHARE = 0.1;

/** What is known when a token set is written; milliseconds from its issue. */
export interface TokenLife {
  readonly connectionId: string;
  /** undefined: never ends, or nobody knows. */
  readonly accessMs: number | undefined;
  readonly refreshMs: number | undefined;
  /** The provider forgets a refresh token that is not used for so long. */
  readonly maxIdleMs: number | undefined;
  /** Earlier than the rules say, where the provider's setting asks for it. */
  readonly marginMs: number | undefined;
}

/**
 * When to refresh, in milliseconds from the issue; undefined: nothing to do by itself. A token of 70 minutes or more is
 * due 35 minutes before its end, a shorter one max(60 s, 20 %) before it, but never in the first half of its life. Up to
 * a tenth of the life is taken off by the connection's id, so that what was made together does not fall due together.
 */
export function refreshDelay(life: TokenLife): number | undefined {
  const candidates: number[] = [];
  const { accessMs, refreshMs, maxIdleMs } = life;
  if (accessMs !== undefined) {
    candidates.push(accessMs - margin(accessMs, life.marginMs) - jitter(life.connectionId) * JITTER_SHARE * accessMs);
  }
  // Refresh tokens that end by themselves, or of idleness, are renewed by use.
  if (maxIdleMs !== undefined) candidates.push(maxIdleMs * (0.8 - jitter(life.connectionId) * JITTER_SHARE));
  if (refreshMs !== undefined) candidates.push(refreshMs * (0.9 - jitter(life.connectionId) * JITTER_SHARE));
  return candidates.length === 0 ? undefined : Math.max(0, Math.min(...candidates));
}

function margin(accessMs: number, settingMs: number | undefined): number {
  const rule = accessMs >= LONG_LIVED_MS ? SWEEP_WINDOW_MS : Math.max(MINUTE, accessMs * 0.2);
  return Math.min(Math.max(rule, settingMs ?? 0), accessMs / 2);
}

/** The same for one id for ever, spread evenly over ids: 0 ≤ jitter < 1. */
export function jitter(connectionId: string): number {
  return crc32(connectionId) / 2 ** 32;
}

/**
 * How much life a token must have left to be handed out without a refresh. A token that lives only minutes would always
 * be "expired" by the five-minute rule: it gets a quarter of its life instead.
 */
export function callerMarginMs(lifeMs: number | undefined, providerMarginMs: number | undefined): number {
  const rule = providerMarginMs ?? CALLER_MARGIN_MS;
  return lifeMs === undefined ? rule : Math.min(rule, lifeMs / 4);
}

const SHORTEST_BACKOFF_MS = 30 * SECOND;
const LONGEST_BACKOFF_MS = 6 * 60 * MINUTE;

/**
 * The pause before try number `failures` + 1: exponential with full jitter, 30 s to 6 h. Short-lived tokens begin lower,
 * or one hiccup would let them expire.
 *
 * @param random 0 ≤ random < 1
 */
export function backoffMs(failures: number, accessMs: number | undefined, random: number): number {
  const shortest =
    accessMs === undefined ? SHORTEST_BACKOFF_MS : Math.min(SHORTEST_BACKOFF_MS, Math.max(SECOND, accessMs / 20));
  const ceiling = Math.min(LONGEST_BACKOFF_MS, shortest * 2 ** Math.min(failures, 20));
  return shortest + random * (ceiling - shortest);
}
