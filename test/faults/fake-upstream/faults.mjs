/**
 * The lies. Each is met before the request is processed (nothing was used up) or after it (the refresh token was used
 * and the caller does not learn, or learns it wrongly).
 */

/** @typedef {import('./fault-plan.mjs').Rule} Rule */
/** @typedef {import('./families.mjs').Grant} Grant */
/** @typedef {{ status: number, headers?: Record<string, string>, json?: Record<string, unknown>, text?: string, grant?: Grant }} Answer */
/** @typedef {import('node:http').ServerResponse} Response */

/**
 * @typedef {object} Fault
 * @property {boolean} processed whether the request is processed first, unless the rule says so
 * @property {string} text
 * @property {boolean} [loses] the answer leaves whole by HTTP's lights, and is of no use
 * @property {boolean} [rotate] false: the grant leaves the refresh token as it is
 * @property {(rule: Rule, answer: Answer | undefined, now: number) => Answer} [answer]
 * @property {(response: Response, bytes: Buffer, rule: Rule) => void} [send] how the answer goes out, or does not
 */

const html = (/** @type {string} */ title) =>
  `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;

/** @param {number} status @param {string} title @returns {Pick<Fault, 'processed' | 'answer'>} */
const page = (status, title) => ({
  processed: false,
  answer: () => ({ status, headers: { 'content-type': 'text/html; charset=utf-8' }, text: html(title) }),
});

/** An error of RFC 6749 §5.2. @param {number} status @param {string} error @param {(rule: Rule, now: number) => Record<string, string>} [headers] */
const refusal = (status, error, headers = () => ({})) => ({
  processed: false,
  answer: (/** @type {Rule} */ rule, /** @type {Answer | undefined} */ _answer, /** @type {number} */ now) => ({
    status: rule.status ?? status,
    headers: headers(rule, now),
    json: { error: rule.error ?? error, error_description: 'planned by the control plane' },
  }),
});

/** A good answer with other fields; undefined takes a field out. @param {(body: Record<string, unknown>, now: number) => Record<string, unknown>} change */
const changed = (change) => ({
  processed: true,
  answer: (/** @type {Rule} */ _rule, /** @type {Answer | undefined} */ answer, /** @type {number} */ now) => {
    if (answer?.grant === undefined) return answer ?? { status: 500 };
    return { ...answer, json: { ...answer.json, ...change(answer.json ?? {}, now) } };
  },
});

const seconds = (/** @type {Record<string, unknown>} */ body) => Number(body.expires_in);
const retryAfter = (/** @type {Rule} */ rule) => ({ 'retry-after': String(rule.seconds ?? 2) });
const reset = (/** @type {Response} */ response) => void response.socket?.resetAndDestroy();
const hang = () => undefined;

/** @type {Record<string, Fault>} */
export const FAULTS = {
  reset_before: { processed: false, send: reset, text: 'connection reset, nothing processed' },
  reset_after: { processed: true, send: reset, text: 'processed, then the connection is reset: no byte of an answer' },
  hang_before: { processed: false, send: hang, text: 'never answers, nothing processed' },
  hang_after: { processed: true, send: hang, text: 'processed, never answered' },
  cut_body: { processed: true, send: cutBody, text: 'processed, connection reset after half of the answer’s body' },
  slow_drip: { processed: true, send: drip, text: 'processed, one byte of body each `interval_ms` (default 1000)' },
  truncated_json: {
    processed: true,
    loses: true,
    send: truncated,
    text: 'processed, a whole HTTP message with half of the JSON',
  },
  oversized_body: { processed: true, send: oversized, text: 'processed, JSON padded to `bytes` (default 16 MiB)' },
  html_200: { ...page(200, 'Scheduled maintenance'), text: '200 with an HTML page' },
  html_403: { ...page(403, 'Request blocked'), text: '403 with a firewall’s HTML page' },
  html_502: { ...page(502, 'Bad gateway'), text: '502 with a proxy’s HTML page' },
  status_408: { ...page(408, 'Request timeout'), text: '408 with an HTML page' },
  oauth_500: { ...refusal(500, 'server_error'), text: '500 with an OAuth body, `error` server_error' },
  oauth_503: { ...refusal(503, 'temporarily_unavailable'), text: '503 with an OAuth body' },
  unavailable_until: {
    ...refusal(503, 'temporarily_unavailable', (rule, now) => ({
      'retry-after': new Date(now + (rule.seconds ?? 2) * 1000).toUTCString(),
    })),
    text: '503, Retry-After an HTTP date `seconds` (2) ahead',
  },
  throttled: { ...refusal(429, 'slow_down', retryAfter), text: '429, Retry-After in `seconds` (2)' },
  throttled_silent: { ...refusal(429, 'slow_down'), text: '429 without Retry-After' },
  invalid_client: {
    ...refusal(401, 'invalid_client', () => ({ 'www-authenticate': 'Basic realm="fake upstream"' })),
    text: '401 invalid_client',
  },
  unauthorized_client: { ...refusal(400, 'unauthorized_client'), text: '400 unauthorized_client' },
  invalid_grant: { ...refusal(400, 'invalid_grant'), text: '400 invalid_grant, although the grant is good' },
  invalid_request: { ...refusal(400, 'invalid_request'), text: '400 invalid_request' },
  slack_error: {
    processed: false,
    answer: (rule) => ({ status: 200, json: { ok: false, error: rule.error ?? 'invalid_refresh_token' } }),
    text: '200 with {"ok": false, "error"}: invalid_refresh_token, or `error`',
  },
  no_refresh_token: {
    ...changed(() => ({ refresh_token: undefined })),
    rotate: false,
    text: 'no refresh_token in the answer: the presented one stays good',
  },
  no_access_token: { ...changed(() => ({ access_token: undefined })), text: 'no access_token in the answer' },
  expires_in_string: {
    ...changed((body) => ({ expires_in: String(body.expires_in) })),
    text: 'expires_in as a string',
  },
  expires_in_zero: { ...changed(() => ({ expires_in: 0 })), text: 'expires_in 0' },
  expires_in_negative: { ...changed(() => ({ expires_in: -60 })), text: 'expires_in -60' },
  expires_in_null: { ...changed(() => ({ expires_in: null })), text: 'expires_in null' },
  expires_in_ms: { ...changed((body) => ({ expires_in: seconds(body) * 1000 })), text: 'expires_in in milliseconds' },
  no_expires_in: { ...changed(() => ({ expires_in: undefined })), text: 'no expires_in' },
  expires_at_ms: {
    ...changed((body, now) => ({ expires_in: undefined, expires_at: now + seconds(body) * 1000 })),
    text: 'expires_at, milliseconds since 1970, instead of expires_in',
  },
  expires_at_seconds: {
    ...changed((body, now) => ({ expires_in: undefined, expires_at: Math.floor(now / 1000) + seconds(body) })),
    text: 'expires_at, seconds since 1970, instead of expires_in',
  },
  expires_at_date: {
    ...changed((body, now) => ({
      expires_in: undefined,
      expires_at: new Date(now + seconds(body) * 1000).toISOString(),
    })),
    text: 'expires_at, an ISO 8601 date, instead of expires_in',
  },
  redirect: {
    processed: false,
    answer: (rule) => ({ status: rule.status ?? 307, headers: { location: rule.location ?? '/redirected' } }),
    text: '307 (or `status`) to `location`, default /redirected, which counts who follows',
  },
  custom: {
    processed: false,
    answer: ({ status = 200, headers = {}, body = '' }) =>
      typeof body === 'string'
        ? { status, headers: { 'content-type': 'text/plain', ...headers }, text: body }
        : { status, headers, json: /** @type {Record<string, unknown>} */ (body) },
    text: '`status`, `headers` and `body` as the rule has them',
  },
};

/** @param {Response} response @param {Buffer} bytes */
function cutBody(response, bytes) {
  response.setHeader('content-length', bytes.length);
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.socket?.resetAndDestroy());
}

/** @param {Response} response @param {Buffer} bytes */
function truncated(response, bytes) {
  response.end(bytes.subarray(0, bytes.length >> 1));
}

/** @param {Response} response @param {Buffer} bytes @param {Rule} rule */
function drip(response, bytes, rule) {
  response.setHeader('content-length', bytes.length);
  let sent = 0;
  const timer = setInterval(() => {
    response.write(bytes.subarray(sent, ++sent));
    if (sent < bytes.length) return;
    clearInterval(timer);
    response.end();
  }, rule.interval_ms ?? 1000);
  response.once('close', () => clearInterval(timer));
}

/** Valid JSON of any length, in pieces, as fast as it is read. @param {Response} response @param {Buffer} bytes @param {Rule} rule */
function oversized(response, bytes, rule) {
  const piece = Buffer.alloc(65_536, ' ');
  let left = Math.max((rule.bytes ?? 16_777_216) - bytes.length, 0);
  response.setHeader('content-length', left + bytes.length);
  const write = () => {
    while (left > 0) {
      const next = piece.subarray(0, Math.min(left, piece.length));
      left -= next.length;
      if (!response.write(next)) return void response.once('drain', write);
    }
    response.end(bytes);
  };
  write();
}
