import { Injectable } from '@nestjs/common';
import { ClientAuthenticator } from '@app/clients';
import { OAuthError } from '@app/oauth2';
import { AuthorizationCodes } from '../authorization-codes.js';
import { RefreshTokens } from '../refresh-tokens.js';
import { Sessions } from '../sessions.js';
import { TokenIssuer, type IssuedTokens } from '../token-issuer.js';
import type { Grant, TokenRequest } from './grant.js';

/** RFC 6749 §4.1.3 with RFC 7636: our own code for a session that began at sign-in (D6, D8, D9). */
@Injectable()
export class AuthorizationCodeGrant implements Grant {
  readonly grantType = 'authorization_code';

  constructor(
    private readonly codes: AuthorizationCodes,
    private readonly clients: ClientAuthenticator,
    private readonly refreshTokens: RefreshTokens,
    private readonly sessions: Sessions,
    private readonly issuer: TokenIssuer,
  ) {}

  async issue(request: TokenRequest): Promise<IssuedTokens> {
    const client = await this.clients.identify(request.client, request.context.remoteAddress);
    const redemption = await this.codes.redeem({
      code: required(request.code, 'code'),
      codeVerifier: required(request.codeVerifier, 'code_verifier'),
      redirectUri: request.redirectUri,
      clientId: client?.clientId,
    });
    if (redemption.kind === 'replayed') await this.sessions.end(redemption.sessionId, 'code_replayed', request.context);
    if (redemption.kind !== 'granted')
      throw invalidGrant(redemption.kind === 'refused' ? redemption.reason : 'the code was used before');
    const { sessionId, scopes, nonce } = redemption.grant;
    const family = await this.refreshTokens.begin(sessionId, scopes);
    if (family === undefined) throw invalidGrant('the session of this code has ended');
    const tokens = await this.issuer.forUser(family.facts, scopes);
    return {
      ...tokens,
      refreshToken: family.refreshToken,
      ...(scopes.includes('openid')
        ? { idToken: await this.issuer.idToken(family.facts, scopes, nonce, tokens.accessToken) }
        : {}),
    };
  }
}

function required(value: string | undefined, name: string): string {
  if (value === undefined)
    throw new OAuthError('invalid_request', `${name} is required for the authorization_code grant`);
  return value;
}

/** One text on the wire for every reason: it must not tell a thief what to try next. */
function invalidGrant(reason: string): OAuthError {
  return new OAuthError(
    'invalid_grant',
    'The authorization code is invalid, expired or used, or does not fit this request',
    {
      logDetail: reason,
    },
  );
}
