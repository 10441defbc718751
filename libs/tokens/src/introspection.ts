import { Inject, Injectable } from '@nestjs/common';
import { ClientAuthenticator, type PresentedClient } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { isOpaqueToken, OAuthError } from '@app/oauth2';
import { AccessTokenVerifier } from './access-token-verifier.js';
import { PresentedTokens } from './dpop/presented-tokens.js';
import type { PresentedAccessToken } from './presented-access-token.js';
import { RefreshTokens } from './refresh-tokens.js';
import type { VerifiedToken } from './verified-tokens.js';

/** Who asks. `clientId` undefined: nobody who proved himself. */
export interface Introspector {
  readonly clientId: string | undefined;
  readonly mayIntrospectAll: boolean;
}

const NOBODY: Introspector = { clientId: undefined, mayIntrospectAll: false };

/** RFC 7662 §2.2: the whole answer for anything that is not good, whatever the reason. */
export const INACTIVE = '{"active":false}';

/** Answers whether a token is good now (RFC 7662), from a safe answer outwards (D15). */
@Injectable()
export class Introspection {
  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly presentedTokens: PresentedTokens,
    private readonly refreshTokens: RefreshTokens,
    private readonly clients: ClientAuthenticator,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /**
   * Who asks: a client by its secret, or a machine by its bearer (RFC 7662 §2.1). Wrong credentials are refused even
   * though none would have been needed (D15).
   * @throws OAuthError `invalid_client`
   */
  async introspector(
    presented: PresentedClient,
    bearer: PresentedAccessToken | undefined,
    remoteAddress: string,
  ): Promise<Introspector> {
    if (presented.kind !== 'none') {
      const client = await this.clients.identify(presented, remoteAddress);
      if (client !== undefined && client.authenticated)
        return { clientId: client.clientId, mayIntrospectAll: client.scopes.includes('introspect') };
    }
    if (bearer !== undefined) {
      const verified = await this.presentedTokens.verify(bearer);
      if (verified === undefined)
        throw new OAuthError('invalid_client', 'The bearer of this request is not a good token', {
          authenticate: 'Bearer',
        });
      if (verified.principal.kind === 'machine')
        return {
          clientId: verified.principal.clientId,
          mayIntrospectAll: verified.principal.scopes.includes('introspect'),
        };
    }
    if (this.config.introspectionRequiresAuthentication)
      throw new OAuthError('invalid_client', 'Introspection needs client authentication here', {
        authenticate: 'Basic',
      });
    return NOBODY;
  }

  /** The JSON answer for a token. */
  async answer(token: string, introspector: Introspector): Promise<string> {
    if (isOpaqueToken(token, 'rt')) return this.refreshToken(token, introspector);
    const verified = await this.verifier.inspect(token);
    return verified === undefined ? INACTIVE : (verified.introspection ??= describe(verified));
  }

  /** Opaque tokens are shown to their own client, or to one with the scope `introspect`, and to nobody else (D15). */
  private async refreshToken(token: string, introspector: Introspector): Promise<string> {
    if (introspector.clientId === undefined) return INACTIVE;
    const state = await this.refreshTokens.find(token);
    if (state === undefined || !state.active) return INACTIVE;
    if (state.clientId !== introspector.clientId && !introspector.mayIntrospectAll) return INACTIVE;
    return JSON.stringify({
      active: true,
      token_type: 'refresh_token',
      sub: state.userId,
      client_id: state.clientId,
      scope: state.scope,
      iss: this.config.publicUrl,
      exp: state.expiresAt,
      iat: state.issuedAt,
      ...(state.boundTo === undefined ? {} : { cnf: { jkt: state.boundTo } }),
    });
  }
}

function describe({ claims }: VerifiedToken): string {
  const { org: _org, own: _own, gen: _gen, src: _src, ...shown } = claims;
  const tokenType = claims.cnf === undefined ? 'Bearer' : 'DPoP';
  return JSON.stringify({ active: true, token_type: tokenType, ...shown });
}
