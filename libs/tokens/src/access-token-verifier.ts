import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock, GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ANY_AUDIENCE, InvalidToken, SigningKeys } from '@app/keys';
import { Revocations, type Revocation } from '@app/revocation';
import { ACCESS_TOKEN_TYPE, principalOf, revocationClaims, type AccessTokenClaims } from './access-token.js';
import { UserProfiles } from './user-profiles.js';
import { VerifiedTokens, type VerifiedToken } from './verified-tokens.js';

/** No token of ours is longer; anything above is refused before it costs anything. */
const LONGEST_TOKEN = 16_384;
/** RFC 7515 §3.1. Decoders pass over white space, so without this one token could be written in any number of ways. */
const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * Answers whether a text is an access token of ours that is good now: signature, `typ`, `iss` and times (RFC 9068 §4,
 * D19), then revocation (D20), and whether it is for us. The warm path is one lookup and one round trip to the transient store; no SQL.
 */
@Injectable()
export class AccessTokenVerifier {
  private readonly verified = new VerifiedTokens();

  constructor(
    private readonly keys: SigningKeys,
    private readonly revocations: Revocations,
    private readonly profiles: UserProfiles,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The content of a token that is good here by itself, or undefined when it is not good for any reason. One that is
   * bound to a key is not (RFC 9449 §7.2): see PresentedTokens.
   * @throws DatabaseUnavailable when revocation cannot be decided.
   */
  async verify(token: string): Promise<VerifiedToken | undefined> {
    const found = await this.inspect(token);
    return found?.isForUs === true && found.claims.cnf === undefined ? found : undefined;
  }

  /** The same for a token that we issued for any API: to be told of, not to be acted on (RFC 7662). */
  async inspect(token: string): Promise<VerifiedToken | undefined> {
    const found = this.verified.find(token, this.clock().getTime() / 1000) ?? (await this.check(token));
    if (found === undefined) return undefined;
    const stale = await this.revocations.check(this.questions(found));
    if (stale.length === 0) return found;
    const killers = stale.filter((subject) => !this.profiles.forget(subject));
    // A profile found stale may have kept the token's own subjects from being looked up: ask for them alone.
    if (killers.length === 0 && (await this.revocations.check(found.revocationClaims)).length === 0) return found;
    this.verified.delete(token);
    return undefined;
  }

  /** A cached profile rides along, so that userinfo needs no second round trip to know that it is current. */
  private questions(token: VerifiedToken): readonly Revocation[] {
    if (token.principal.kind === 'machine') return token.revocationClaims;
    const profile = this.profiles.freshnessClaim(token.principal.userId);
    return profile === undefined ? token.revocationClaims : [...token.revocationClaims, profile];
  }

  private async check(token: string): Promise<VerifiedToken | undefined> {
    if (token.length > LONGEST_TOKEN || !COMPACT_JWS.test(token)) return undefined;
    const now = this.clock();
    try {
      const payload = await this.keys.verify(token, {
        typ: ACCESS_TOKEN_TYPE,
        issuer: this.config.publicUrl,
        audience: ANY_AUDIENCE,
        now,
        clockToleranceSeconds: this.config.lifetimes.clockSkewSeconds,
      });
      // The tolerance (D40) is for `nbf`: another instance's clock may be ahead of ours. Nothing lives past its `exp`.
      if (payload.exp <= now.getTime() / 1000) return undefined;
      const claims = payload as unknown as AccessTokenClaims;
      const principal = principalOf(claims);
      if (principal === undefined) return undefined;
      const verified = {
        claims,
        principal,
        isForUs: [claims.aud].flat().includes(this.config.publicUrl),
        revocationClaims: revocationClaims(claims),
        introspection: undefined,
      };
      this.verified.add(token, verified);
      return verified;
    } catch (error) {
      if (error instanceof InvalidToken) return undefined;
      throw error;
    }
  }
}
