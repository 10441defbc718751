import { OAuthError, parseScope } from '@app/oauth2';
import type { UpstreamTokenSet, UpstreamTokenTraits } from '@app/upstream-tokens';
import type { z } from 'zod';
import type { ImportSchema } from './connections.schema.js';

/**
 * An imported token set as the vault keeps it.
 * @throws OAuthError 422 for what could never be used
 */
export function importedTokens(
  { credentials, config }: z.output<typeof ImportSchema>,
  traits: UpstreamTokenTraits,
  now: Date,
): UpstreamTokenSet {
  const { access_token, refresh_token, token_type, expires_at, scope } = credentials;
  // A client that has none often says null.
  const refreshToken = refresh_token ?? undefined;
  if (typeof scope === 'string' && parseScope(scope) === undefined)
    throw invalid('credentials.scope', 'must be space-separated scope tokens (RFC 6749 §3.3)');
  const leftSeconds = typeof expires_at === 'string' ? Math.floor((Date.parse(expires_at) - +now) / 1000) : undefined;
  if (leftSeconds !== undefined && leftSeconds <= 0 && refreshToken === undefined)
    throw invalid('credentials.expires_at', 'is over, and there is no refresh_token to renew the token with');
  return {
    accessToken: access_token,
    refreshToken,
    tokenType: token_type ?? 'Bearer',
    scope: scope ?? undefined,
    expiresInSeconds: leftSeconds === undefined ? unstatedLife(refreshToken, traits) : Math.max(0, leftSeconds),
    refreshExpiresInSeconds: undefined,
    metadata: config ?? {},
  };
}

/**
 * Where tokens of the provider are known to end, but nobody said when this one does, it may be over already: it counts
 * so, and the first refresh settles it.
 */
function unstatedLife(refreshToken: string | undefined, { expiry }: UpstreamTokenTraits): number | undefined {
  const ends = expiry.kind === 'fixed' || expiry.kind === 'jwt_exp';
  return ends && refreshToken !== undefined ? 0 : undefined;
}

function invalid(field: string, fault: string): OAuthError {
  return new OAuthError('invalid_request', `${field} ${fault}`, { status: 422, details: { in: 'body', field } });
}
