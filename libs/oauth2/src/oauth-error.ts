/**
 * The one catalogue of what can go wrong on the wire. Three audiences: `code` and `description` go to the caller,
 * `details` too where a field helps, `cause` and `logDetail` only to our log. How a fault is written depends on the
 * route's dialect (D4), so this file knows no HTTP library.
 */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_token'
  | 'invalid_target'
  | 'insufficient_scope'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'access_denied'
  | 'login_required'
  | 'interaction_required'
  | 'consent_required'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'invalid_request_uri'
  | 'invalid_dpop_proof'
  | 'authorization_pending'
  | 'slow_down'
  | 'expired_token'
  | 'server_error'
  | 'temporarily_unavailable'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'account_conflict'
  | 'reauthorization_required'
  | 'email_not_verified'
  | 'quota_exceeded'
  | 'invalid_challenge'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'rate_limit_exceeded';

const STATUS: Record<OAuthErrorCode, number> = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  invalid_scope: 400,
  invalid_token: 401,
  invalid_target: 400,
  insufficient_scope: 403,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  unsupported_response_type: 400,
  access_denied: 403,
  login_required: 400,
  interaction_required: 400,
  consent_required: 400,
  request_not_supported: 400,
  request_uri_not_supported: 400,
  invalid_request_uri: 400,
  invalid_dpop_proof: 400,
  authorization_pending: 400,
  slow_down: 400,
  expired_token: 400,
  server_error: 500,
  temporarily_unavailable: 503,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  account_conflict: 409,
  reauthorization_required: 409,
  email_not_verified: 403,
  quota_exceeded: 403,
  invalid_challenge: 400,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limit_exceeded: 429,
};

/**
 * How a 401 tells the caller to authenticate: RFC 6750 §3 for resources, RFC 6749 §5.2 after failed Basic. `Bearer, DPoP`
 * where access tokens are taken by either scheme (RFC 9449 §7.2).
 */
export type AuthenticateScheme = 'Bearer' | 'Basic' | 'Bearer, DPoP';

export interface OAuthErrorOptions {
  /** Overrides the code's usual status (e.g. 401 `invalid_grant` at /oauth2/refresh, D13). */
  readonly status?: number;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Seconds for `Retry-After`. */
  readonly retryAfterSeconds?: number;
  readonly authenticate?: AuthenticateScheme;
  readonly headers?: Readonly<Record<string, string>>;
  /** For our log only. */
  readonly logDetail?: string;
  readonly cause?: unknown;
}

/** A refusal that a caller may see. `description` is ours, never an upstream's text (R31). */
export class OAuthError extends Error {
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly authenticate: AuthenticateScheme | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly logDetail: string | undefined;

  constructor(
    readonly code: OAuthErrorCode,
    readonly description: string,
    options: OAuthErrorOptions = {},
  ) {
    super(`${code}: ${description}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OAuthError';
    this.status = options.status ?? STATUS[code];
    this.details = options.details;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.authenticate = options.authenticate;
    this.headers = options.headers ?? {};
    this.logDetail = options.logDetail;
  }
}

/** 503 with `Retry-After`: a store that this request needs does not answer. */
export function temporarilyUnavailable(what: string, cause?: unknown): OAuthError {
  return new OAuthError('temporarily_unavailable', `${what} is not available at the moment; try again shortly`, {
    retryAfterSeconds: 5,
    cause,
  });
}
