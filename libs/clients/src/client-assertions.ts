import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload, type JWTVerifyResult } from 'jose';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { ASYMMETRIC_ALGORITHMS } from '@app/oauth2';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import type { Application } from './applications/application.js';

/** What an assertion may be signed with (R33). */
export const ASSERTION_ALGORITHMS = ASYMMETRIC_ALGORITHMS;

/**
 * Of an assertion. `unproven`: nothing shows that the application's key made it. `spent`: the key did, but it proves
 * nothing here, not now, or not again. `reason` is for the log.
 */
export type AssertionVerdict =
  { readonly kind: 'good' } | { readonly kind: 'unproven' | 'spent'; readonly reason: string };

/** How far ahead `exp` may be: an assertion that is kept for longer is a secret that is sent around. */
const LONGEST_LIFETIME_SECONDS = 300;
/**
 * What `typ` may be where there is one. The same key may sign other JWTs, which are none of these: a request object, a
 * DPoP proof (RFC 8725 §3.12, RFC 9101 §10.8).
 */
const TYPES = new Set(['jwt', 'client-authentication+jwt']);

type Keys = ReturnType<typeof createLocalJWKSet>;

/** Applications that prove themselves by a key of their own (RFC 7523 §2.2, §3; OIDC Core §9 `private_key_jwt`). */
@Injectable()
export class ClientAssertions {
  /** Importing a key costs more than using it. A change of the application comes with another object. */
  private readonly keys = new WeakMap<JSONWebKeySet, Keys>();
  private readonly audiences: ReadonlySet<unknown>;
  private readonly skewSeconds: number;

  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) { publicUrl, lifetimes }: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    // RFC 9126 §2 wants all three; new clients send the issuer (RFC 9700 §4), OIDC Core §9 had them send the second.
    this.audiences = new Set([publicUrl, `${publicUrl}/oauth2/token`, `${publicUrl}/oauth2/par`]);
    this.skewSeconds = lifetimes.clockSkewSeconds;
  }

  /**
   * Judges an assertion, and uses it up when it is good: its `jti` is not taken again until it has expired (R22).
   * @throws StoreUnavailable when nobody can say whether it was used before
   */
  async verify(assertion: string, { clientId, jwks }: Application): Promise<AssertionVerdict> {
    if (jwks === undefined) return { kind: 'unproven', reason: 'the application has no key' };
    const now = this.clock();
    try {
      const verified = await jwtVerify(assertion, this.keysOf(jwks), {
        algorithms: [...ASSERTION_ALGORITHMS],
        issuer: clientId,
        subject: clientId,
        requiredClaims: ['aud', 'exp', 'jti'],
        currentDate: now,
        clockTolerance: this.skewSeconds,
      });
      const seconds = now.getTime() / 1000;
      const fault = this.faultOf(verified, seconds) ?? (await this.useUp(clientId, verified.payload, seconds));
      return fault === undefined ? { kind: 'good' } : { kind: 'spent', reason: fault };
    } catch (error) {
      if (error instanceof errors.JOSEError) return verdictOf(error);
      throw error;
    }
  }

  /** By `kid`; it may be left out where one key fits alone (OIDC Core §10.1). `jku`, `jwk`, `x5u` are never read. */
  private keysOf(jwks: JSONWebKeySet): Keys {
    const known = this.keys.get(jwks) ?? createLocalJWKSet(jwks);
    this.keys.set(jwks, known);
    return known;
  }

  /** What jose leaves to its callers. */
  private faultOf({ payload, protectedHeader: { typ } }: JWTVerifyResult, now: number): string | undefined {
    const { aud, exp = 0, iat = now, jti } = payload;
    if (typ !== undefined && !TYPES.has(typ.toLowerCase().replace(/^application\//, '')))
      return 'its typ is that of another kind of JWT';
    // For us alone: what other servers are named in, other servers could use here. Auth.js names us twice.
    const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    if (named.length === 0 || !named.every((one) => this.audiences.has(one))) return 'its aud is not this server alone';
    if (exp > now + LONGEST_LIFETIME_SECONDS + this.skewSeconds) return 'its exp is more than five minutes ahead';
    if (iat > now + this.skewSeconds) return 'its iat is in the future';
    return typeof jti === 'string' && jti !== '' ? undefined : 'its jti is no text';
  }

  private async useUp(clientId: string, { jti = '', exp = 0 }: JWTPayload, now: number): Promise<string | undefined> {
    const hash = createHash('sha256').update(`${clientId}\n${jti}`).digest('base64url');
    const remainingMs = Math.max(1, Math.ceil((exp + this.skewSeconds - now) * 1000));
    const isFirst = await this.store.setIfAbsent(`assertion:${hash}`, '1', remainingMs);
    return isFirst ? undefined : 'its jti was used before';
  }
}

/** The signature is looked at before the claims, so a fault of these is the key holder's own. */
function verdictOf(error: errors.JOSEError): AssertionVerdict {
  const isClaim = error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired;
  return { kind: isClaim ? 'spent' : 'unproven', reason: error.message };
}
