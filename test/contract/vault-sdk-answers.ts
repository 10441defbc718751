/** How the SDKs of vault-sdk-requests.ts read an answer: what they make of it, or as what they throw it. */
import { z } from 'zod';
import type { RawAnswer } from './raw-exchange.js';

const CODES = ['bad_request', 'not_found', 'internal_error', 'unauthorized', 'validation_error'] as const;

const errorResponse = z.object({
  error: z.object({ code: z.int(), message: z.string(), type: z.enum(CODES) }),
});

/** Both members may be missing, none may be null, whatever else there is gets dropped. */
const triggered = z.object({ message: z.string().optional(), status: z.string().optional() });

const instant = z.iso.datetime({ offset: true });

const health = z.object({
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  timestamp: instant,
  providers: z.record(
    z.string(),
    z.object({
      provider: z.string(),
      status: z.enum(['active', 'expired', 'expired_no_refresh', 'error', 'not_found']),
      expires_at: instant.optional(),
      last_refresh: instant.optional(),
      expires_in: z.string().optional(),
      error: z.string().optional(),
    }),
  ),
});

/**
 * What a mix SDK makes of an answer.
 * - `ok`: the value, without what it does not know.
 * - `error_response`: its typed error, which only a 500 brings.
 * - `untyped`: MixDefaultError or APIError: the program sees a status and a text.
 * - `unreadable`: the SDK fails at the body itself (ResponseValidationError). A server must never cause it.
 *
 * `retried`: it tries again, for up to ten minutes, before it says so.
 */
export type MixOutcome<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'error_response'; readonly error: z.output<typeof errorResponse>['error']; readonly retried: true }
  | { readonly kind: 'untyped'; readonly status: number; readonly retried: boolean }
  | { readonly kind: 'unreadable'; readonly why: string; readonly retried: boolean };

/** `internal.refreshOAuthTokens()`. */
export const readMixRefresh = (answer: RawAnswer): MixOutcome<z.output<typeof triggered>> => readMix(answer, triggered);

/** `health.getOAuthHealth()`. */
export const readMixHealth = (answer: RawAnswer): MixOutcome<z.output<typeof health>> => readMix(answer, health);

/** Both SDKs; where the TypeScript one is stricter (null, an offset without a colon), its rule is taken. */
function readMix<T>(answer: RawAnswer, schema: z.ZodType<T>): MixOutcome<T> {
  const { status } = answer;
  const retried = status >= 500 || status === 408 || status === 429;
  // Parameters such as charset do not matter, another JSON type does.
  const isJson = mediaType(answer) === 'application/json';
  if (!isJson || (status !== 200 && status !== 500)) return { kind: 'untyped', status, retried };
  const json = parseJson(answer.body);
  if (json === undefined) return { kind: 'unreadable', why: 'not JSON', retried };
  if (status === 500) {
    const read = errorResponse.safeParse(json);
    if (!read.success) return { kind: 'unreadable', why: z.prettifyError(read.error), retried };
    return { kind: 'error_response', error: read.data.error, retried: true };
  }
  const read = schema.safeParse(json);
  return read.success
    ? { kind: 'ok', value: read.data }
    : { kind: 'unreadable', why: z.prettifyError(read.error), retried };
}

/** mielto-sdk's exceptions by status; `error_code` comes first. */
const MIELTO_ERRORS: Readonly<Record<number, string>> = {
  401: 'AuthenticationError',
  402: 'PaymentRequiredError',
  403: 'PermissionError',
  404: 'NotFoundError',
  422: 'ValidationError',
  429: 'RateLimitError',
};

const MIELTO_CODES: Readonly<Record<string, string>> = {
  CREDIT_LIMIT_EXCEEDED: 'CreditLimitExceededError',
  OVERAGE_LIMIT_EXCEEDED: 'OverageLimitExceededError',
};

/**
 * What mielto-sdk makes of an answer. `message` is what the program prints: a text, unless a server put something else
 * into `detail` (as FastAPI does at 422). `data` of a success is whatever came.
 */
export type MieltoOutcome =
  | { readonly kind: 'ok'; readonly data: unknown }
  | { readonly kind: 'error'; readonly name: string; readonly status: number; readonly message: unknown };

/** axios resolves every 2xx, and parses JSON whatever its content type; a redirect is followed, so it is an error here. */
export function readMielto(answer: RawAnswer): MieltoOutcome {
  const { status, body } = answer;
  const data = parseJson(body) ?? body;
  if (status >= 200 && status < 300) return { kind: 'ok', data };
  const said = Object(data) as { detail?: unknown; message?: unknown; error_code?: unknown };
  const name =
    MIELTO_CODES[String(said.error_code)] ?? MIELTO_ERRORS[status] ?? (status >= 500 ? 'ServerError' : 'MieltoError');
  return { kind: 'error', name, status, message: said.detail || said.message || undefined };
}

/** The documented success of POST /api/v1/oauth/refresh/{connection_id}: these three, none of them null. */
const refreshed = z.object({ status: z.literal('success'), connection_id: z.string().min(1), expires_at: instant });

/** FastAPI's HTTPValidationError. */
const invalid = z.object({
  detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.int()])), msg: z.string(), type: z.string() })).min(1),
});

/** Whether an answer of the refresh endpoint is one that its documentation knows; throws what is wrong with it. */
export function readMieltoRefresh(answer: RawAnswer): z.output<typeof refreshed> | { readonly detail: unknown } {
  const type = mediaType(answer);
  if (type !== 'application/json') throw new Error(`content type ${type}`);
  const json: unknown = JSON.parse(answer.body);
  if (answer.status === 200) return refreshed.parse(json);
  if (answer.status < 400) throw new Error(`status ${answer.status}`);
  return answer.status === 422 ? invalid.parse(json) : z.object({ detail: z.string().min(1) }).parse(json);
}

/** Without parameters. */
function mediaType({ headers }: RawAnswer): string | undefined {
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase();
}

/** undefined is not a JSON value. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
