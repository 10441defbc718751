import type { OAuthError } from '@app/oauth2';
import { wireText } from './error-dialects.js';

const REALM = 'realm="gatehouse"';

/** Error codes that RFC 6750 §3.1 defines for the Bearer challenge. */
const BEARER_CODES = new Set(['invalid_request', 'invalid_token', 'insufficient_scope']);

/**
 * The `WWW-Authenticate` value of a refusal (D4), undefined where none belongs: every 401 has one, and so has 403
 * `insufficient_scope`. A caller that sent no token is told the scheme and nothing else (RFC 6750 §3.1).
 */
export function authenticateHeader(error: OAuthError): string | undefined {
  const insufficient = error.status === 403 && error.code === 'insufficient_scope';
  if (error.status !== 401 && !insufficient) return undefined;
  const scheme = error.authenticate ?? (error.code === 'invalid_client' ? 'Basic' : 'Bearer');
  if (scheme === 'Basic') return `Basic ${REALM}, charset="UTF-8"`;
  if (!BEARER_CODES.has(error.code)) return `Bearer ${REALM}`;
  const scope = error.details?.['scope'];
  const needed = insufficient && typeof scope === 'string' ? `, scope="${wireText(scope)}"` : '';
  return `Bearer ${REALM}, error="${error.code}", error_description="${wireText(error.description)}"${needed}`;
}
