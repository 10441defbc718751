import { isOpaqueToken } from '@app/oauth2';

/** What a call to a tenant's route brings along, read but not yet believed. */
export type PresentedCredential =
  | { readonly kind: 'none' }
  /** More than one, or one that cannot be read. */
  | { readonly kind: 'unusable'; readonly reason: string }
  /** An access token: the bearer guard has judged it. */
  | { readonly kind: 'access-token' }
  | { readonly kind: 'key'; readonly key: PresentedKey };

/** An API key or a service token. `handle` finds its row, `secret` proves it. */
export interface PresentedKey {
  readonly kind: 'api_key' | 'service_token';
  readonly handle: string;
  readonly secret: string;
}

/** Public beginning of an API key: enough to find one among all, and far from enough to guess the rest of 256 bits. */
const HANDLE_LENGTH = 'gth_ak_'.length + 12;
const BEARER = /^Bearer +(\S+) *$/i;
/** RFC 9449 §7.1; API keys are bound to nothing. */
const BOUND_TOKEN = /^DPoP +(?!gth_ak_)\S+ *$/i;
/** No scheme word; some clients send one all the same. */
const SERVICE_TOKEN = /^(?:ServiceToken +)?(st_[A-Za-z0-9_-]{22}):(\S{1,200}) *$/i;

/** The part of an API key that may be shown, and that it is found by. */
export function apiKeyHandle(key: string): string {
  return key.slice(0, HANDLE_LENGTH);
}

/**
 * Reads `X-API-Key: key`, `Authorization: Bearer key`, `Authorization: id:secret` and access tokens (D28). Two credentials
 * in one call are refused: which of them acts must not be a matter of order (RFC 6750 §2).
 */
export function presentedCredential(
  authorization: string | undefined,
  apiKeyHeader: string | readonly string[] | undefined,
): PresentedCredential {
  if (apiKeyHeader === undefined || apiKeyHeader === '')
    return authorization === undefined || authorization === '' ? { kind: 'none' } : fromAuthorization(authorization);
  if (authorization !== undefined && authorization !== '')
    return { kind: 'unusable', reason: 'both Authorization and X-API-Key' };
  if (typeof apiKeyHeader !== 'string') return { kind: 'unusable', reason: 'X-API-Key more than once' };
  return apiKey(apiKeyHeader);
}

function fromAuthorization(authorization: string): PresentedCredential {
  const bearer = BEARER.exec(authorization)?.[1];
  if (bearer !== undefined) return bearer.startsWith('gth_ak_') ? apiKey(bearer) : { kind: 'access-token' };
  if (BOUND_TOKEN.test(authorization)) return { kind: 'access-token' };
  const [, handle, secret] = SERVICE_TOKEN.exec(authorization) ?? [];
  if (handle === undefined || secret === undefined)
    return { kind: 'unusable', reason: 'neither "Bearer token" nor "id:secret"' };
  return { kind: 'key', key: { kind: 'service_token', handle, secret } };
}

function apiKey(text: string): PresentedCredential {
  if (!isOpaqueToken(text, 'ak')) return { kind: 'unusable', reason: 'not the form of an API key' };
  return { kind: 'key', key: { kind: 'api_key', handle: apiKeyHandle(text), secret: text } };
}
