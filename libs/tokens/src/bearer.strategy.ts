import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import passport, { Strategy } from 'passport';
import type { Principal } from '@app/edge';
import { AccessTokenVerifier } from './access-token-verifier.js';

/** RFC 6750 §2.1; the scheme's case does not matter (RFC 9110 §11.1). */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

type Verified = (error: unknown, principal?: Principal | false) => void;
type Verify = (token: string, done: Verified) => void;
interface WithAuthorization {
  readonly headers: { readonly authorization?: string };
}

/** The token of an Authorization header; undefined when there is none, or none of this scheme. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
}

/**
 * A Passport strategy that reads the Authorization header and nothing else: a token in a query or a form ends in logs
 * and histories (RFC 9700 §4.3.2).
 */
class AuthorizationHeaderStrategy extends Strategy {
  constructor(private readonly check: Verify) {
    super();
  }

  override authenticate(request: WithAuthorization): void {
    const token = bearerToken(request.headers.authorization);
    if (token === undefined) {
      this.fail(401);
      return;
    }
    this.check(token, (error, principal) => {
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

  constructor(private readonly verifier: AccessTokenVerifier) {
    super();
    passport.use(this.name, this);
  }

  async validate(token: string): Promise<Principal | false> {
    const verified = await this.verifier.verify(token);
    return verified?.principal ?? false;
  }
}
