import { UpstreamError } from './upstream-error.js';

/**
 * The code in an authorization response. RFC 6749 §4.1.2: our state, no error, one code; no parameter twice (§3.1).
 * @throws UpstreamError
 */
export function readAuthorizationCode(callback: URLSearchParams, expectedState: string): string {
  for (const name of ['state', 'error', 'code']) {
    if (callback.getAll(name).length > 1) throw unusable(`"${name}" is repeated`);
  }
  if (callback.get('state') !== expectedState) throw unusable('"state" is missing or another');
  const error = callback.get('error');
  if (error) throw UpstreamError.reported(error, callback.get('error_description') ?? undefined);
  const code = callback.get('code');
  if (!code) throw unusable('there is no code');
  return code;
}

function unusable(what: string): UpstreamError {
  return new UpstreamError('invalid_response', `authorization response: ${what}`);
}
