import type { UpstreamTokenRules } from '@app/config';
import { OutboundError, type OutboundAnswer, type OutboundFault } from '@app/outbound';
import { parseAnswer } from './answer-fields.js';
import { knownCode, readRefusal, refusalKind, type Refusal } from './refusal.js';
import type { RefreshAnswer } from './refresh-answer.js';
import { answeredAt, readRetryAfter } from './retry-after.js';
import { quoteWithout } from './secret-free.js';
import { readTokenSet } from './token-answer.js';

/** What reading an answer depends on beside the answer. */
export interface RefreshReading {
  readonly rules: UpstreamTokenRules;
  readonly now: Date;
  /** Kept beside the tokens before; new values replace old ones. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What no message may repeat. */
  readonly secrets: readonly (string | undefined)[];
}

/** The answer was read far enough to see that it is no token. */
const ANSWERED: ReadonlySet<OutboundFault> = new Set(['redirect_refused', 'encoding_refused', 'too_large']);
/** The next try would be refused by ourselves just the same, until somebody changes the settings or DNS. */
const OURS: ReadonlySet<OutboundFault> = new Set(['scheme_refused', 'address_refused']);

/** What an answer of a token endpoint to a refresh means. The order of the checks is the table of error classes. */
export function refreshOutcome(answer: OutboundAnswer, reading: RefreshReading): RefreshAnswer {
  const { status, headers } = answer;
  const { rules, now } = reading;
  if (status === 429 || status === 503) {
    const retryAfterSeconds = readRetryAfter(headers['retry-after'], headers.date, now);
    if (status === 429 || retryAfterSeconds !== undefined) {
      return { kind: 'throttled', retryAfterSeconds, code: `http_${status}`, detail: `status ${status}`, status };
    }
  }
  // A 5xx may carry an OAuth body: written by a gateway, or by a server that lost its database.
  if (status >= 500 || status === 408 || status === 425) {
    return { kind: 'transient', giveUp: 'never', code: `http_${status}`, detail: `status ${status}`, status };
  }
  const fields = parseAnswer(answer.body, headers['content-type']);
  const success = status >= 200 && status < 300;
  if (success && fields && fields['ok'] !== false) {
    const tokens = readTokenSet(fields, rules, answeredAt(headers.date, now));
    // Even beside an `error`: a token that was issued may have used up the one that was sent.
    if (tokens) {
      const metadata = { ...reading.metadata, ...tokens.metadata };
      return { kind: 'refreshed', tokens: { ...tokens, metadata }, status };
    }
  }
  const refusal = fields && readRefusal(fields, rules);
  if (refusal) return refused(refusal, status, reading);
  const code = success ? (fields ? 'no_access_token' : 'unreadable_answer') : `http_${status}`;
  const detail = success
    ? `status ${status} without ${fields ? 'an access token' : 'a JSON object or form'}`
    : `status ${status} without an error code`;
  return { kind: 'transient', giveUp: 'after_a_day', code, detail, status };
}

function refused(refusal: Refusal, status: number, { rules, secrets }: RefreshReading): RefreshAnswer {
  const code = knownCode(refusal, rules);
  const said = refusal.description === undefined ? '' : ` (${quoteWithout(secrets, refusal.description)})`;
  const named = code === refusal.code ? code : quoteWithout(secrets, refusal.code);
  const failed = { code, detail: `status ${status}: the provider reported ${named}${said}`, status };
  const kind = refusalKind(refusal, rules);
  if (kind === 'dead' || kind === 'misconfigured') return { kind, ...failed };
  return { kind: 'transient', giveUp: kind === 'transient' ? 'never' : 'after_a_day', ...failed };
}

/** What it means that no acceptable answer came. */
export function refreshFailure(error: unknown): RefreshAnswer {
  if (!(error instanceof OutboundError)) {
    return { kind: 'ambiguous', code: 'internal_error', detail: 'the request failed unexpectedly', status: undefined };
  }
  const { fault, message: detail, written } = error;
  const failed = { code: fault === 'network' ? 'network_error' : fault, detail, status: undefined };
  if (OURS.has(fault) || ANSWERED.has(fault)) return { kind: 'transient', giveUp: 'after_a_day', ...failed };
  return written === 'no' ? { kind: 'transient', giveUp: 'never', ...failed } : { kind: 'ambiguous', ...failed };
}
