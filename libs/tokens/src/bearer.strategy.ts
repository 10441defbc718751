import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import passport, { Strategy } from 'passport';
import type { Principal } from '@app/edge';
import type { ProvenRequest } from './dpop/dpop-proofs.js';
import { PresentedTokens } from './dpop/presented-tokens.js';
import { presentedAccessToken, type PresentedAccessToken } from './presented-access-token.js';

type Verified = (error: unknown, principal?: Principal | false) => void;
type Verify = (presented: PresentedAccessToken, done: Verified) => void;

/**
 * A Passport strategy that reads the Authorization header and nothing else: a token in a query or a form ends in logs
 * and histories (RFC 9700 §4.3.2).
 */
class AuthorizationHeaderStrategy extends Strategy {
  constructor(private readonly check: Verify) {
    super();
  }

  override authenticate(request: ProvenRequest): void {
    const presented = presentedAccessToken(request);
    if (presented === undefined) {
      this.fail(401);
      return;
    }
    this.check(presented, (error, principal) => {
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

  constructor(private readonly presentedTokens: PresentedTokens) {
    super();
    passport.use(this.name, this);
  }

  async validate(presented: PresentedAccessToken): Promise<Principal | false> {
    const verified = await this.presentedTokens.verify(presented);
    return verified?.principal ?? false;
  }
}
