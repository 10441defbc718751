import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { ClientAuthenticator, FirstPartyClients, type PresentedClient } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import type { Principal, RequestContext } from '@app/edge';
import { isOpaqueToken, OAuthError } from '@app/oauth2';
import { Revocations } from '@app/revocation';
import { AccessTokenVerifier } from './access-token-verifier.js';
import { PresentedTokens } from './dpop/presented-tokens.js';
import type { PresentedAccessToken } from './presented-access-token.js';
import { RefreshTokens } from './refresh-tokens.js';
import { Sessions } from './sessions.js';
import { UPSTREAM_LOGOUT, type PostLogoutTarget, type UpstreamLogout } from './upstream-logout.js';

/** Who may revoke: the client that a token was issued to, or the bearer of the same session (D14, RFC 7009 §2.1). */
interface Revoker {
  readonly clientId: string | undefined;
  readonly sessionId: string | undefined;
}

/** Logout and RFC 7009 revocation. When it returns, every instance refuses what was revoked (D20). */
@Injectable()
export class TokenRevocation {
  private readonly logger = new Logger(TokenRevocation.name);

  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly presentedTokens: PresentedTokens,
    private readonly refreshTokens: RefreshTokens,
    private readonly sessions: Sessions,
    private readonly clients: ClientAuthenticator,
    private readonly revocations: Revocations,
    private readonly audit: AuditLog,
    private readonly firstParty: FirstPartyClients,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Optional() @Inject(UPSTREAM_LOGOUT) private readonly upstream?: UpstreamLogout,
  ) {}

  /**
   * Ends the bearer's session: this access token, its refresh family, its siblings. A machine's token, which has no
   * session, ends alone.
   * @throws OAuthError 401 without a good bearer
   */
  async logout(bearer: PresentedAccessToken | undefined, context: RequestContext): Promise<void> {
    await this.endSessionOf(await this.bearerOf(bearer), context);
  }

  /**
   * {@link logout}, and the address where the browser goes on to be signed out at the identity provider (D52); undefined
   * where that has no logout or it cannot be begun at the moment. The session has ended in any case.
   * @throws OAuthError 401 without a good bearer; `invalid_request` for a target that is not allow-listed, and then
   *   nothing has ended
   */
  async logoutUpstream(
    bearer: PresentedAccessToken | undefined,
    target: PostLogoutTarget | undefined,
    context: RequestContext,
  ): Promise<string | undefined> {
    const principal = await this.bearerOf(bearer);
    if (target !== undefined && !this.mayEndAt(target.uri, principal.clientId))
      throw new OAuthError(
        'invalid_request',
        'post_logout_redirect_uri must be a callback of the client or listed in saml.post_logout_redirect_uris',
      );
    await this.endSessionOf(principal, context);
    if (principal.kind !== 'user') return undefined;
    try {
      return await this.upstream?.begin(principal.sessionId, target);
    } catch (error) {
      // The bearer is dead by now, so the caller could not try again: he is told what was done.
      this.logger.warn({ message: 'A logout at the identity provider could not be begun', ...context, err: error });
      return undefined;
    }
  }

  /**
   * RFC 7009 §2: revokes a token of the caller's own. A token that is unknown, ended or already revoked is fine; one
   * that belongs to another client is left alone and not spoken of (§2.1).
   * @throws OAuthError `invalid_client` when the caller is nobody
   */
  async revoke(
    token: string,
    presented: PresentedClient,
    bearer: PresentedAccessToken | undefined,
    context: RequestContext,
  ): Promise<void> {
    const revoker = await this.revoker(presented, bearer, context);
    if (isOpaqueToken(token, 'rt')) {
      const state = await this.refreshTokens.find(token);
      if (state !== undefined && owns(revoker, state.clientId, state.sessionId))
        await this.sessions.end(state.sessionId, 'token_revoked', context);
      return;
    }
    const verified = await this.verifier.inspect(token);
    if (verified === undefined) return;
    const { principal } = verified;
    const sessionId = principal.kind === 'user' ? principal.sessionId : undefined;
    if (owns(revoker, principal.clientId, sessionId)) await this.killToken(principal, context);
  }

  private async bearerOf(bearer: PresentedAccessToken | undefined): Promise<Principal> {
    if (bearer === undefined)
      throw new OAuthError(
        'unauthorized',
        'Send the access token to log out as "Authorization: Bearer …", or a token field',
        {
          authenticate: 'Bearer, DPoP',
        },
      );
    const verified = await this.presentedTokens.verify(bearer);
    if (verified === undefined)
      throw new OAuthError('invalid_token', 'The access token is malformed, expired or revoked', {
        authenticate: 'Bearer, DPoP',
      });
    return verified.principal;
  }

  private async endSessionOf(principal: Principal, context: RequestContext): Promise<void> {
    if (principal.kind === 'user') await this.sessions.end(principal.sessionId, 'logout', context);
    else await this.killToken(principal, context);
  }

  /** Equal character for character (R18); a client's own callback needs no second listing. */
  private mayEndAt(uri: string, clientId: string): boolean {
    return (
      this.config.saml.postLogoutRedirectUris.includes(uri) ||
      this.firstParty.matchCallback(uri, 'fragment', clientId) !== undefined
    );
  }

  private async revoker(
    presented: PresentedClient,
    bearer: PresentedAccessToken | undefined,
    context: RequestContext,
  ): Promise<Revoker> {
    if (presented.kind !== 'none') {
      const client = await this.clients.identify(presented, context.remoteAddress);
      return { clientId: client?.clientId, sessionId: undefined };
    }
    const verified = bearer === undefined ? undefined : await this.presentedTokens.verify(bearer);
    if (verified === undefined)
      throw new OAuthError(
        'invalid_client',
        'Identify the client (Basic, or client_id), or send a bearer of the same session',
        {
          authenticate: 'Basic',
        },
      );
    const { principal } = verified;
    if (principal.kind === 'machine') return { clientId: principal.clientId, sessionId: undefined };
    return { clientId: undefined, sessionId: principal.sessionId };
  }

  private async killToken(principal: Principal, context: RequestContext): Promise<void> {
    await this.revocations.transaction(async (manager, revoke) => {
      revoke({ subject: `token:${principal.tokenId}`, generation: 1 });
      await this.audit.record(
        manager,
        {
          kind: 'token.revoked',
          tokenId: principal.tokenId,
          tokenType: 'access_token',
          by: principal.kind === 'user' ? principal.userId : principal.clientId,
          organizationId: principal.organizationId,
        },
        context,
      );
    });
  }
}

function owns(revoker: Revoker, clientId: string, sessionId: string | undefined): boolean {
  if (revoker.clientId !== undefined) return revoker.clientId === clientId;
  return revoker.sessionId !== undefined && revoker.sessionId === sessionId;
}
