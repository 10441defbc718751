import { ASYMMETRIC_ALGORITHMS, type OAuthError } from '@app/oauth2';
import { wireText } from './error-dialects.js';

const REALM = 'realm="gatehouse"';
const DPOP_ALGORITHMS = `algs="${ASYMMETRIC_ALGORITHMS.join(' ')}"`;
const USED_DPOP = /^DPoP(?: |$)/i;

/** Error codes that RFC 6750 §3.1 defines for the Bearer challenge; RFC 9449 §7.1 adds one for its own. */
const BEARER_CODES = new Set(['invalid_request', 'invalid_token', 'insufficient_scope']);
const DPOP_CODES = new Set([...BEARER_CODES, 'invalid_dpop_proof']);

/**
 * The `WWW-Authenticate` value of a refusal (D4), undefined where none belongs: every 401 has one, and so has 403
 * `insufficient_scope`. A caller that sent no token is told the schemes and nothing else (RFC 6750 §3.1); one that used
 * the scheme DPoP is answered in it (RFC 9449 §7.1).
 * @param authorization that header of the request
 */
export function authenticateHeader(error: OAuthError, authorization?: string): string | undefined {
  const insufficient = error.status === 403 && error.code === 'insufficient_scope';
  if (error.status !== 401 && !insufficient) return undefined;
  const scheme = error.authenticate ?? (error.code === 'invalid_client' ? 'Basic' : 'Bearer');
  if (scheme === 'Basic') return `Basic ${REALM}, charset="UTF-8"`;
  if (USED_DPOP.test(authorization ?? ''))
    return `DPoP ${REALM}${reasonOf(error, DPOP_CODES, insufficient)}, ${DPOP_ALGORITHMS}`;
  const bearer = `Bearer ${REALM}${reasonOf(error, BEARER_CODES, insufficient)}`;
  return scheme === 'Bearer' ? bearer : `${bearer}, DPoP ${REALM}, ${DPOP_ALGORITHMS}`;
}

function reasonOf(error: OAuthError, codes: ReadonlySet<string>, insufficient: boolean): string {
  if (!codes.has(error.code)) return '';
  const scope = error.details?.['scope'];
  const needed = insufficient && typeof scope === 'string' ? `, scope="${wireText(scope)}"` : '';
  return `, error="${error.code}", error_description="${wireText(error.description)}"${needed}`;
}
