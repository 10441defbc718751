import { Injectable } from '@nestjs/common';
import { AccessTokenVerifier } from '../access-token-verifier.js';
import type { PresentedAccessToken } from '../presented-access-token.js';
import type { VerifiedToken } from '../verified-tokens.js';
import { DpopProofs } from './dpop-proofs.js';

/** Access tokens as requests present them: bearers, and those that are bound to a key, with its proof (RFC 9449 §7). */
@Injectable()
export class PresentedTokens {
  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly proofs: DpopProofs,
  ) {}

  /**
   * The content of a token that is good here. Undefined when it is not, and for one under the scheme of the other kind: a
   * bound one that comes as a bearer was stolen (§7.2), and who stole a bearer could send it with a proof of his own.
   * @throws OAuthError 401 `invalid_dpop_proof`
   */
  verify(presented: PresentedAccessToken): Promise<VerifiedToken | undefined> {
    return presented.scheme === 'Bearer' ? this.verifier.verify(presented.token) : this.verifyBound(presented);
  }

  private async verifyBound({ token, request }: PresentedAccessToken): Promise<VerifiedToken | undefined> {
    const found = await this.verifier.inspect(token);
    const boundTo = found?.claims.cnf?.jkt;
    if (found?.isForUs !== true || boundTo === undefined) return undefined;
    await this.proofs.proveHolder(request, token, boundTo);
    return found;
  }
}
