import { OAuthError, temporarilyUnavailable, type OAuthErrorCode } from '@app/oauth2';
import type { UpstreamError, UpstreamErrorCode } from '@app/oauth-providers';

const CODES: Record<UpstreamErrorCode, OAuthErrorCode> = {
  provider_unavailable: 'temporarily_unavailable',
  temporarily_unavailable: 'temporarily_unavailable',
  provider_refused: 'server_error',
  invalid_request: 'invalid_request',
  invalid_response: 'server_error',
  server_error: 'server_error',
  access_denied: 'access_denied',
  login_required: 'login_required',
  interaction_required: 'interaction_required',
  account_selection_required: 'interaction_required',
  consent_required: 'consent_required',
  unmet_authentication_requirements: 'access_denied',
  invalid_grant: 'server_error',
};

/**
 * What a client is told of a login that failed upstream: a code of RFC 6749 §4.1.2.1 or OIDC Core §3.1.2.6 and a text
 * of ours (R31). Where it ends as JSON, `server_error` is a 502: the fault is behind us.
 */
export function upstreamRefusal(error: UpstreamError): OAuthError {
  const code = CODES[error.code];
  if (code === 'temporarily_unavailable') return temporarilyUnavailable('The identity provider', error);
  return new OAuthError(code, error.description, {
    ...(code === 'server_error' ? { status: 502 } : {}),
    logDetail: error.detail,
    cause: error,
  });
}
