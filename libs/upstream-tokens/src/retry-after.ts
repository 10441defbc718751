/** A provider that asks for more is asked again after this all the same: an hour is long for a token. */
const LONGEST_SECONDS = 3_600;

/**
 * Seconds to wait by a Retry-After header, at most 3,600 (RFC 9110 §10.2.3: seconds, or an HTTP date). undefined:
 * absent, or no wait that can be read. A date is compared with the answer's own `Date`, so that our clock does not
 * matter, else with `now`.
 */
export function readRetryAfter(
  header: string | undefined,
  dateHeader: string | undefined,
  now: Date,
): number | undefined {
  const text = header?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Math.min(Number(text), LONGEST_SECONDS);
  const until = parseHttpDate(text);
  if (until === undefined) return undefined;
  const seconds = Math.ceil((until - answeredAt(dateHeader, now)) / 1_000);
  return Math.min(Math.max(seconds, 0), LONGEST_SECONDS);
}

/** Epoch milliseconds at which an answer was made: by its own `Date`, else by our clock. */
export function answeredAt(dateHeader: string | undefined, now: Date): number {
  return (dateHeader === undefined ? undefined : parseHttpDate(dateHeader)) ?? now.getTime();
}

/** RFC 9110 §5.6.7 in its three forms; all of them name a weekday first, which `Date` does not insist on. */
function parseHttpDate(text: string): number | undefined {
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return undefined;
  // The asctime form has no zone, and means GMT.
  const time = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : time;
}
