import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import passport, { Strategy } from 'passport';
import type { Principal } from '@app/edge';
import { AccessTokenVerifier } from './access-token-verifier.js';
import { BoundTokens } from './dpop/bound-tokens.js';
import type { ProvenRequest } from './dpop/dpop-proofs.js';
import { presentedAccessToken, type PresentedAccessToken } from './presented-access-token.js';

type Verified = (error: unknown, principal?: Principal | false) => void;
type Verify = (presented: PresentedAccessToken, request: ProvenRequest, done: Verified) => void;

/**
 * A Passport strategy that reads the Authorization header and nothing else: a token in a query or a form ends in logs
 * and histories (RFC 9700 §4.3.2).
 */
class AuthorizationHeaderStrategy extends Strategy {
  constructor(private readonly check: Verify) {
    super();
  }

  override authenticate(request: ProvenRequest): void {
    const presented = presentedAccessToken(request.headers.authorization);
    if (presented === undefined) {
      this.fail(401);
      return;
    }
    this.check(presented, request, (error, principal) => {
      if (error) this.error(error);
      else if (principal) this.success(principal);
      else this.fail('invalid_token', 401);
    });
  }
}

let instances = 0;

/**
 * The guard's strategy. Success puts a {@link Principal} on the request. Passport's registry belongs to the process, so
 * each application registers under a name of its own: two in one process must not verify with each other's keys.
 */
@Injectable()
export class BearerStrategy extends PassportStrategy(AuthorizationHeaderStrategy, 'bearer') {
  override readonly name = `bearer-${++instances}`;

  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly boundTokens: BoundTokens,
  ) {
    super();
    passport.use(this.name, this);
  }

  async validate({ scheme, token }: PresentedAccessToken, request: ProvenRequest): Promise<Principal | false> {
    const verified =
      scheme === 'Bearer' ? await this.verifier.verify(token) : await this.boundTokens.verify(token, request);
    return verified?.principal ?? false;
  }
}
