import { Injectable } from '@nestjs/common';
import { AccessTokenVerifier } from '../access-token-verifier.js';
import type { VerifiedToken } from '../verified-tokens.js';
import { DpopProofs, type ProvenRequest } from './dpop-proofs.js';

/** RFC 9449 §7.1: an access token that is bound to a key, with a proof that whoever sends it holds the key. */
@Injectable()
export class BoundTokens {
  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly proofs: DpopProofs,
  ) {}

  /**
   * The content of a token of the scheme DPoP that is good here; undefined when it is not, and for one that is bound to
   * no key: who stole a bearer token could send it with a proof of his own.
   * @throws OAuthError 401 `invalid_dpop_proof`
   */
  async verify(token: string, request: ProvenRequest): Promise<VerifiedToken | undefined> {
    const found = await this.verifier.inspect(token);
    const boundTo = found?.claims.cnf?.jkt;
    if (found?.isForUs !== true || boundTo === undefined) return undefined;
    await this.proofs.proveHolder(request, token, boundTo);
    return found;
  }
}
