import { randomUUID } from 'node:crypto';

/** Of whose logout, and which application is told. */
export interface LogoutFacts {
  readonly clientId: string;
  readonly userId: string;
  readonly sid: string;
}

/** The `typ` of logout tokens: never taken for an ID token (§2.4, D33). */
export const LOGOUT_TOKEN_TYPE = 'logout+jwt';

/** At most two minutes are recommended (§2.4). */
const LIFETIME_SECONDS = 120;

/**
 * The claims of a logout token, OpenID Connect Back-Channel Logout 1.0 §2.4. Each attempt gets its own, `jti` included:
 * whoever remembers those that he has seen (§2.6) would refuse the second attempt as a replay. There is no `nonce`, which
 * §2.4 prohibits.
 */
export function logoutTokenClaims(issuer: string, { clientId, userId, sid }: LogoutFacts, now: Date) {
  const issuedAt = Math.floor(now.getTime() / 1000);
  return {
    iss: issuer,
    sub: userId,
    aud: clientId,
    iat: issuedAt,
    exp: issuedAt + LIFETIME_SECONDS,
    jti: randomUUID(),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    sid,
  };
}
