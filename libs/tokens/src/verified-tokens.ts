import type { Principal } from '@app/edge';
import type { Revocation } from '@app/revocation';
import type { AccessTokenClaims } from './access-token.js';

/** A token whose signature and claims held once. Whether it is revoked is asked anew at every use. */
export interface VerifiedToken {
  readonly claims: AccessTokenClaims;
  readonly principal: Principal;
  readonly revocationClaims: readonly Revocation[];
  /** `aud` names us: it is good here, not only at another API (RFC 9068 §4). */
  readonly isForUs: boolean;
  /** The answer of RFC 7662 for it, written once. */
  introspection: string | undefined;
}

/**
 * Tokens that were verified, by their text, until they end. A plain map in order of use: the oldest leave when it is
 * full. A forged token never gets in, so strangers cannot push out what is warm.
 */
export class VerifiedTokens {
  private readonly tokens = new Map<string, VerifiedToken>();

  constructor(private readonly capacity = 10_000) {}

  /** @param nowSeconds the token is forgotten when it has ended by then. */
  find(token: string, nowSeconds: number): VerifiedToken | undefined {
    const found = this.tokens.get(token);
    if (found === undefined) return undefined;
    if (found.claims.exp > nowSeconds) return found;
    this.tokens.delete(token);
    return undefined;
  }

  add(token: string, verified: VerifiedToken): void {
    if (this.tokens.size >= this.capacity) this.evictOldest();
    this.tokens.set(token, verified);
  }

  delete(token: string): void {
    this.tokens.delete(token);
  }

  /** A tenth at a time, in order of arrival, so that a full cache does not evict on every call. */
  private evictOldest(): void {
    let excess = Math.max(1, Math.floor(this.capacity / 10));
    for (const token of this.tokens.keys()) {
      if (excess-- === 0) break;
      this.tokens.delete(token);
    }
  }
}
