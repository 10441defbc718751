import { Injectable } from '@nestjs/common';
import { OAuthError } from '@app/oauth2';
import { AuthorizationCodeGrant } from './grants/authorization-code.grant.js';
import { ClientCredentialsGrant } from './grants/client-credentials.grant.js';
import { DeviceCodeGrant } from './grants/device-code.grant.js';
import type { Grant, TokenRequest } from './grants/grant.js';
import { RefreshTokenGrant } from './grants/refresh-token.grant.js';
import { TokenExchangeGrant } from './grants/token-exchange.grant.js';
import type { IssuedTokens } from './token-issuer.js';

/** The one pipeline: the grant type is known, then the grant decides. */
@Injectable()
export class TokenEndpoint {
  private readonly grants: ReadonlyMap<string, Grant>;

  constructor(
    authorizationCode: AuthorizationCodeGrant,
    refreshToken: RefreshTokenGrant,
    clientCredentials: ClientCredentialsGrant,
    tokenExchange: TokenExchangeGrant,
    deviceCode: DeviceCodeGrant,
  ) {
    this.grants = new Map(
      [authorizationCode, refreshToken, clientCredentials, tokenExchange, deviceCode].map((grant: Grant) => [
        grant.grantType,
        grant,
      ]),
    );
  }

  get grantTypes(): string[] {
    return [...this.grants.keys()];
  }

  /** @throws OAuthError with the codes of RFC 6749 §5.2. */
  async issue(request: TokenRequest): Promise<IssuedTokens> {
    const grant = this.grants.get(request.grantType);
    if (grant === undefined)
      throw new OAuthError('unsupported_grant_type', `grant_type must be one of ${this.grantTypes.join(', ')}`);
    return grant.issue(request);
  }
}
