import { Injectable, type ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Directory } from '@app/directory';
import { RateLimiter, remoteAddress, routePolicy, type Principal, type RouteAccess } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { BearerStrategy } from './bearer.strategy.js';
import { presentedAccessToken } from './presented-access-token.js';

/**
 * The one place where a call is let in (R25): public routes pass, every other needs a good access token of ours, as a
 * bearer or bound to a key (RFC 9449 §7), and by its access a person's (D30, D56) or an administrator's (D18). It runs before every handler of every module. What else
 * may come to a tenant's route, the tenant guard judges after it.
 */
@Injectable()
export class BearerGuard extends AuthGuard() {
  constructor(
    strategy: BearerStrategy,
    private readonly directory: Directory,
    private readonly rateLimiter: RateLimiter,
  ) {
    super({ defaultStrategy: strategy.name, property: 'principal', session: false });
  }

  /** At once for public routes, so that Nest awaits nothing there. */
  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { access } = routePolicy(request);
    if (access === 'public' || (access === 'tenant' && !presentsAccessToken(request))) return true;
    return this.admit(context, request);
  }

  /** Passport's verdict: a principal, `false`, or the fault that kept us from deciding. */
  override handleRequest<TUser = Principal>(
    error: unknown,
    principal: TUser | false,
    info: unknown,
    context: ExecutionContext,
  ): TUser {
    if (principal !== false && !error) return principal;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (error instanceof OAuthError && error.status === 401) this.rateLimiter.countBadToken(remoteAddress(request));
    if (error) throw error;
    if (request.headers.authorization === undefined)
      throw new OAuthError(
        'unauthorized',
        'Authentication required: send an access token as "Authorization: Bearer …"',
        {
          authenticate: 'Bearer, DPoP',
        },
      );
    this.rateLimiter.countBadToken(remoteAddress(request));
    throw new OAuthError('invalid_token', 'The access token is malformed, expired or revoked', {
      authenticate: 'Bearer, DPoP',
      ...(typeof info === 'string' ? { logDetail: info } : {}),
    });
  }

  private async admit(context: ExecutionContext, request: FastifyRequest): Promise<boolean> {
    const { access, rateClass } = routePolicy(request);
    // Where requests are not counted, bad tokens are (D57).
    if (rateClass === 'none') this.rateLimiter.assertBadTokensAllowed(remoteAddress(request));
    await super.canActivate(context);
    this.assertParty(request);
    await this.authorize(request.principal, access);
    return true;
  }

  /** D30: what a registered application may do with a person's token, only that, and nothing of ours. */
  private assertParty(request: FastifyRequest): void {
    const { principal } = request;
    if (principal?.kind !== 'user' || principal.party === 'first') return;
    if (routePolicy(request).applications === 'refused')
      throw new OAuthError('forbidden', 'Tokens of registered applications cannot use this resource');
  }

  private async authorize(principal: Principal | undefined, access: RouteAccess): Promise<void> {
    if (principal === undefined) throw new OAuthError('unauthorized', 'Authentication required');
    if (access === 'any' || access === 'tenant') return;
    if (principal.kind === 'machine')
      throw new OAuthError('forbidden', 'This resource is for people; a client credentials token cannot use it');
    if (access === 'administrator' && !(await this.directory.isAdministrator(principal.userId, principal.providerId)))
      throw new OAuthError('forbidden', 'This resource is for administrators');
  }
}

/** API keys may come as bearers as well (D28); everything else that does is held for an access token. */
function presentsAccessToken(request: FastifyRequest): boolean {
  const presented = presentedAccessToken(request);
  return presented !== undefined && !presented.token.startsWith('gth_ak_');
}
