import { hash, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock, GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { SigningKeys } from '@app/keys';
import {
  ACCESS_TOKEN_TYPE,
  machineClaims,
  userClaims,
  type AccessTokenClaims,
  type MachineFacts,
  type TokenFrame,
} from './access-token.js';
import { GROUPS_IN_TOKEN, type SessionFacts } from './session-facts.js';

/** What a grant gives out; `refreshToken` and `idToken` only where the grant has them (RFC 6749 §5.1, D12, D33). */
export interface IssuedTokens {
  readonly accessToken: string;
  /** `DPoP` where the access token is bound to a key (RFC 9449 §5). */
  readonly tokenType: 'Bearer' | 'DPoP';
  readonly expiresIn: number;
  readonly scope: string;
  readonly refreshToken?: string;
  readonly idToken?: string;
  /** Names what the refresh token descends from; never on the wire of RFC 6749. */
  readonly familyId?: string;
  /** Of a token exchange (RFC 8693 §2.2.1). */
  readonly issuedTokenType?: string;
}

/** What a token exchange gives out. */
export interface ExchangedToken {
  readonly scopes: readonly string[];
  readonly audience: string | readonly string[];
  /** Seconds since the epoch: the end of the token that it is exchanged for. */
  readonly notAfter: number;
  /** `jti` of that token. */
  readonly subjectTokenId: string;
  readonly boundTo: string | undefined;
}

/** The `typ` of our ID tokens (D33): never taken for an access token. */
export const ID_TOKEN_TYPE = 'JWT';

/** Signs access tokens (RFC 9068, D19) and ID tokens (OIDC Core §2, D33). It decides nothing: a grant already has. */
@Injectable()
export class TokenIssuer {
  constructor(
    private readonly keys: SigningKeys,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * An access token for a person's session.
   * @param resource see {@link userClaims}
   * @param boundTo thumbprint of the key that it is bound to (RFC 9449 §6.1)
   */
  async forUser(
    facts: SessionFacts,
    scopes: readonly string[],
    resource?: string,
    boundTo?: string,
  ): Promise<IssuedTokens> {
    return this.signed(userClaims(this.frame(), facts, scopes, resource), boundTo);
  }

  /** An access token in exchange for another one of the same session, which it does not outlive (RFC 8693). */
  async forExchange(facts: SessionFacts, wanted: ExchangedToken): Promise<IssuedTokens> {
    const claims = userClaims(this.frame(wanted.notAfter), facts, wanted.scopes);
    return this.signed({ ...claims, aud: wanted.audience, src: wanted.subjectTokenId }, wanted.boundTo);
  }

  /**
   * An access token for a machine; there is no refresh token (RFC 6749 §4.4.3, D12).
   * @param notAfter seconds since the epoch that the token must not outlive: the credential's own end (D21).
   * @param boundTo as in {@link forUser}
   */
  async forMachine(
    facts: MachineFacts,
    scopes: readonly string[],
    notAfter: number | undefined,
    boundTo?: string,
  ): Promise<IssuedTokens> {
    return this.signed(machineClaims(this.frame(notAfter), facts, scopes), boundTo);
  }

  /** An ID token that goes with `accessToken` to `facts.clientId`. */
  async idToken(
    facts: SessionFacts,
    scopes: readonly string[],
    nonce: string | undefined,
    accessToken: string,
  ): Promise<string> {
    const { issuedAt, expiresAt } = this.frame();
    const claims = {
      iss: this.config.publicUrl,
      sub: facts.userId,
      aud: facts.clientId,
      exp: expiresAt,
      iat: issuedAt,
      auth_time: facts.authTime,
      sid: facts.sid,
      at_hash: leftHalfHash(accessToken),
      ...(nonce === undefined ? {} : { nonce }),
      ...(facts.acr === undefined ? {} : { acr: facts.acr }),
      ...(facts.amr === undefined ? {} : { amr: facts.amr }),
      ...(scopes.includes('email') ? { email: facts.email, email_verified: facts.emailVerified } : {}),
      ...(scopes.includes('profile') && facts.name !== undefined ? { name: facts.name } : {}),
      ...(scopes.includes('groups') && facts.groups.length <= GROUPS_IN_TOKEN ? { groups: facts.groups } : {}),
    };
    return this.keys.sign(claims, { purpose: 'id', typ: ID_TOKEN_TYPE });
  }

  private async signed(claims: AccessTokenClaims, boundTo: string | undefined): Promise<IssuedTokens> {
    const bound = boundTo === undefined ? claims : { ...claims, cnf: { jkt: boundTo } };
    return {
      accessToken: await this.keys.sign(bound, { purpose: 'access', typ: ACCESS_TOKEN_TYPE }),
      tokenType: boundTo === undefined ? 'Bearer' : 'DPoP',
      expiresIn: claims.exp - claims.iat,
      scope: claims.scope,
    };
  }

  private frame(notAfter = Number.POSITIVE_INFINITY): TokenFrame {
    const issuedAt = Math.floor(this.clock().getTime() / 1000);
    return {
      issuer: this.config.publicUrl,
      tokenId: randomUUID(),
      issuedAt,
      expiresAt: Math.min(issuedAt + this.config.lifetimes.accessTokenSeconds, notAfter),
    };
  }
}

/** OIDC Core §3.1.3.6: the left half of the hash of the token, with the hash of the ID token's algorithm (RS256). */
function leftHalfHash(accessToken: string): string {
  return hash('sha256', accessToken, 'buffer').subarray(0, 16).toString('base64url');
}

/** The answer of RFC 6749 §5.1 in the seed's shape: `token_type` as the seed spells it, no absent member as null. */
export function tokenResponse(tokens: IssuedTokens): Record<string, string | number> {
  return {
    access_token: tokens.accessToken,
    token_type: tokens.tokenType,
    ...(tokens.issuedTokenType === undefined ? {} : { issued_token_type: tokens.issuedTokenType }),
    expires_in: tokens.expiresIn,
    ...(tokens.refreshToken === undefined ? {} : { refresh_token: tokens.refreshToken }),
    scope: tokens.scope,
    ...(tokens.idToken === undefined ? {} : { id_token: tokens.idToken }),
  };
}
