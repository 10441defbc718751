import { UpstreamError } from './upstream-error.js';

/**
 * RFC 9207 §2.4 and D35: an `iss` that came back must be, character for character, the issuer that the transaction was
 * begun with; `promised` makes a missing one a refusal too. An `iss` where none is known to compare with is refused:
 * the response may come from any provider. Runs before anything else in the response is believed, `error` included.
 * @throws UpstreamError `invalid_response`
 */
export function checkResponseIssuer(
  callback: URLSearchParams,
  expected: { readonly issuer: string | undefined; readonly promised: boolean },
): void {
  const [iss, ...others] = callback.getAll('iss');
  if (others.length > 0) throw refused('"iss" is repeated');
  if (iss === undefined) {
    if (expected.promised) throw refused('"iss" is missing though the provider promises it');
    return;
  }
  if (expected.issuer === undefined) {
    throw refused(
      'the provider sends "iss" but no issuer is configured to compare it with: set the provider\'s issuer',
    );
  }
  if (iss !== expected.issuer) throw refused('"iss" names another issuer than the one this login began with');
}

function refused(detail: string): UpstreamError {
  return new UpstreamError('invalid_response', `authorization response: ${detail} (RFC 9207)`);
}
