import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { findOutboundError, type OutboundFault } from '@app/outbound';
import { describeChain, UpstreamError } from './upstream-error.js';

/** Faults of an answer that did arrive; the others mean that none did. */
const BAD_ANSWER: ReadonlySet<OutboundFault> = new Set(['redirect_refused', 'encoding_refused', 'too_large']);

/**
 * Turns whatever openid-client or the outbound client threw into an UpstreamError (R31). `doing` opens the log detail,
 * e.g. `token request`. What is not recognised counts as an answer that cannot be accepted, never as success.
 */
export function toUpstreamError(error: unknown, doing: string): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const outbound = findOutboundError(error);
  if (outbound) {
    const code = BAD_ANSWER.has(outbound.fault) ? 'invalid_response' : 'provider_unavailable';
    return new UpstreamError(code, `${doing}: ${outbound.message}`, error);
  }
  if (error instanceof AuthorizationResponseError || error instanceof ResponseBodyError) {
    return UpstreamError.reported(error.error, error.error_description, error);
  }
  if (error instanceof WWWAuthenticateChallengeError) {
    return new UpstreamError('provider_refused', `${doing}: status ${error.status} with a challenge`, error);
  }
  const status = answeredStatus(error);
  if (status !== undefined) return statusFault(status, doing, error);
  return new UpstreamError('invalid_response', `${doing}: ${describeChain(error)}`, error);
}

/** An HTTP status that is no success: the provider's trouble (5xx, 429) or an answer that cannot be accepted. */
export function statusFault(status: number, doing: string, cause?: unknown): UpstreamError {
  const code = status >= 500 || status === 429 ? 'provider_unavailable' : 'invalid_response';
  return new UpstreamError(code, `${doing}: status ${status}`, cause);
}

/** openid-client hangs the Response on the error when its status was not the expected one. */
function answeredStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'OAUTH_RESPONSE_IS_NOT_CONFORM')
    return undefined;
  return error.cause instanceof Response ? error.cause.status : undefined;
}
