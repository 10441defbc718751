import { OAuthError, type OAuthErrorCode } from '@app/oauth2';

/**
 * What the refusals of a token endpoint (RFC 6749 §5.2) are here, where the contract has 403, 404 and 422 beside 401
 * for the caller's own credentials (S003):
 * - a client that is not who it says, or may not do this: 403. A 401 would tell the caller that his service token is bad,
 *   and make programs replace the wrong secret.
 * - everything else that is wrong with what was sent, a code or a refresh token that is not good among it: 422. The body
 *   has the right form, and what it names cannot be processed; 404 is for the things in the address.
 */
const STATUS: Partial<Record<OAuthErrorCode, 403 | 422>> = {
  invalid_client: 403,
  unauthorized_client: 403,
  access_denied: 403,
  invalid_request: 422,
  invalid_grant: 422,
  invalid_scope: 422,
  invalid_target: 422,
  invalid_dpop_proof: 422,
  unsupported_grant_type: 422,
};

/** The refusal in the statuses of this contract; anything that is not one of them (429, 503, faults) stays what it is. */
export function refusalOf(thrown: unknown): unknown {
  const status = thrown instanceof OAuthError ? STATUS[thrown.code] : undefined;
  if (!(thrown instanceof OAuthError) || status === undefined || thrown.status === status) return thrown;
  return new OAuthError(thrown.code, thrown.description, {
    status,
    cause: thrown,
    ...(thrown.logDetail === undefined ? {} : { logDetail: thrown.logDetail }),
  });
}

/** One text for a wrong id, a wrong secret and another application's: neither tells which half to try next (R29). */
export function wrongClient(logDetail: string): OAuthError {
  return new OAuthError('invalid_client', 'Client authentication failed', { status: 403, logDetail });
}
