import type { IncomingHttpHeaders } from 'node:http';
import type { WebhookDeliveryConfig } from '@app/config';
import type { OutboundAnswer, OutboundFault } from '@app/outbound';

/**
 * What an attempt came to. `refused` is final; `retry` waits at least `notBeforeMs`. `error` is a word of ours for the
 * table and the log: what a receiver says is nobody's to keep (R31).
 */
export interface DeliveryOutcome {
  readonly verdict: 'delivered' | 'retry' | 'refused';
  readonly status?: number;
  readonly error?: string;
  readonly notBeforeMs?: number;
}

/** A receiver cannot ask for more peace than this. */
const MOST_RETRY_AFTER_MS = 24 * 3_600_000;

/** Even the luckiest draw leaves a receiver that has just failed a moment. */
const LEAST_DELAY_MS = 1000;

/** 2xx is success; 408, 429 and 5xx may pass; any other answer will not change by being asked again. */
export function outcomeOfAnswer({ status, headers }: OutboundAnswer, now: Date): DeliveryOutcome {
  if (status >= 200 && status < 300) return { verdict: 'delivered', status };
  const error = `http_${status}`;
  if (status !== 408 && status !== 429 && status < 500) return { verdict: 'refused', status, error };
  return { verdict: 'retry', status, error, notBeforeMs: retryAfterMs(headers, now) };
}

/** Without an answer: a redirect is one that stays, the rest may pass. */
export function outcomeOfFault(fault: OutboundFault): DeliveryOutcome {
  return { verdict: fault === 'redirect_refused' ? 'refused' : 'retry', error: fault };
}

/** RFC 9110 §10.2.3: seconds, or a date by the receiver's own clock where it tells that. 0 for what is neither. */
export function retryAfterMs(headers: IncomingHttpHeaders, now: Date): number {
  const value = headers['retry-after'] ?? '';
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1000, MOST_RETRY_AFTER_MS);
  const theirs = Date.parse(headers.date ?? '');
  const wait = Date.parse(value) - (Number.isNaN(theirs) ? now.getTime() : theirs);
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(wait, 0), MOST_RETRY_AFTER_MS);
}

/**
 * Milliseconds until the next attempt: exponential with full jitter, never before the receiver allows it.
 *
 * @param attempts that were made, from 1.
 * @param random from 0 to 1.
 */
export function retryDelayMs(
  attempts: number,
  notBeforeMs: number,
  { firstRetryMs, maxRetryMs }: Pick<WebhookDeliveryConfig, 'firstRetryMs' | 'maxRetryMs'>,
  random: number,
): number {
  const longest = Math.min(maxRetryMs, firstRetryMs * 2 ** (attempts - 1));
  return Math.round(Math.max(LEAST_DELAY_MS, random * longest, notBeforeMs));
}
