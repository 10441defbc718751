import { OAuthError } from '@app/oauth2';
import type { DeliveredToken, DeliveryRefusal } from '@app/vault';
import type { z } from 'zod';
import { given } from './connection-answer.js';
import type { AccessTokenSchema } from './connections.schema.js';

type Dead = Extract<DeliveryRefusal, { kind: 'dead' }>;
type Unavailable = Extract<DeliveryRefusal, { kind: 'unavailable' }>;

const WHY_DEAD: Readonly<Record<Dead['reason'], string>> = {
  revoked: 'the provider has ended the grant',
  rotation_lost: 'an answer of the provider was lost, and with it the refresh token',
  expired_idle: 'the refresh token has reached its end',
  provider_unusable: 'the provider has answered nothing usable for a day',
  expired_no_refresh: 'there is no refresh token to renew it with',
  disabled: 'it is switched off',
  revoked_by_us: 'it was given back',
};

/** When nobody knows when to try again. */
const SOME_TIME_S = 60;

/** mielto's words for a connection that is not there, or is another's: the same bytes for both (R27). */
export function unknownConnection(): OAuthError {
  return new OAuthError('not_found', 'Connection not found');
}

/**
 * The token as its user gets it; never a refresh token.
 *
 * @param now for `expires_in`
 */
export function tokenAnswer(token: DeliveredToken, now: Date): z.infer<typeof AccessTokenSchema> {
  const { accessToken, tokenType, expiresAt, scope, generation, stale } = token;
  const left = expiresAt === undefined ? undefined : Math.max(0, Math.floor((+expiresAt - +now) / 1000));
  return {
    access_token: accessToken,
    token_type: tokenType,
    ...given({ expires_at: expiresAt?.toISOString(), expires_in: left, scope }),
    generation: Number(generation),
    status: stale === undefined ? 'fresh' : 'stale',
    ...given({ error_code: stale?.code, retry_after: stale && secondsOf(stale.retryInMs) }),
  };
}

/** 409: no other try will help, its person must connect again. */
export function deadConnection({ reason }: Dead, reauthUrl: string | undefined): OAuthError {
  const how =
    reauthUrl === undefined
      ? 'POST /api/v1/oauth/initiate with this connection_id and send its person to the auth_url'
      : 'send its person to reauth_url';
  const description = `The connection needs to be authorized again (${reason}): ${WHY_DEAD[reason]}; ${how}`;
  const beside = { error_code: reason, ...given({ reauth_url: reauthUrl }) };
  return new OAuthError('reauthorization_required', description, { details: beside });
}

/** 503 with Retry-After, also where the provider asked for patience: the caller's own rate is not to blame. */
export function unavailableToken({ code, retryInMs }: Unavailable): OAuthError {
  const retryAfterSeconds = secondsOf(retryInMs) ?? SOME_TIME_S;
  const description =
    code === 'refresh_pending'
      ? 'A refresh is under way and takes its time; try again shortly'
      : code === 'provider_not_configured'
        ? 'The provider of this connection is not configured, or switched off'
        : `The token cannot be refreshed at the moment (${code}); try again in ${retryAfterSeconds} seconds`;
  return new OAuthError('temporarily_unavailable', description, { retryAfterSeconds, details: { error_code: code } });
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.max(1, Math.ceil(ms / 1000));
}
