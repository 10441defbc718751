import { Injectable } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { ClientAuthenticator, FirstPartyClients } from '@app/clients';
import { OAuthError } from '@app/oauth2';
import { RefreshTokens, type Rotated } from '../refresh-tokens.js';
import { Sessions } from '../sessions.js';
import { TokenIssuer, type IssuedTokens } from '../token-issuer.js';
import type { Grant, TokenRequest } from './grant.js';

/** RFC 6749 §6 with rotation and reuse detection (D13, RFC 9700 §4.14.2). */
@Injectable()
export class RefreshTokenGrant implements Grant {
  readonly grantType = 'refresh_token';

  constructor(
    private readonly clients: ClientAuthenticator,
    private readonly firstParty: FirstPartyClients,
    private readonly refreshTokens: RefreshTokens,
    private readonly sessions: Sessions,
    private readonly issuer: TokenIssuer,
    private readonly audit: AuditLog,
  ) {}

  async issue(request: TokenRequest): Promise<IssuedTokens> {
    if (request.refreshToken === undefined)
      throw new OAuthError('invalid_request', 'refresh_token is required for the refresh_token grant');
    const client = await this.clients.identify(request.client, request.context.remoteAddress);
    const outcome = await this.refreshTokens.rotate(request.refreshToken, client?.clientId, request.scopes ?? []);
    if ('kind' in outcome) throw await this.refuse(outcome, request);
    return this.issueFrom(outcome, request);
  }

  private async issueFrom(rotated: Rotated, { context }: TokenRequest): Promise<IssuedTokens> {
    if (!this.firstParty.isServed(rotated.facts.clientId)) {
      await this.sessions.end(rotated.facts.sessionId, 'token_revoked', context);
      throw invalidGrant('the client is not configured any more');
    }
    const tokens = await this.issuer.forUser(rotated.facts, rotated.scopes);
    return { ...tokens, refreshToken: rotated.refreshToken };
  }

  private async refuse(
    refusal: Exclude<Awaited<ReturnType<RefreshTokens['rotate']>>, Rotated>,
    request: TokenRequest,
  ): Promise<OAuthError> {
    if (refusal.kind === 'scope')
      return new OAuthError('invalid_scope', 'scope holds more than was granted: a refresh can only narrow it');
    if (refusal.kind === 'unknown') return invalidGrant('unknown, expired or ended');
    const { familyId, facts } = refusal;
    const { sessionId, userId, clientId, organizationId } = facts;
    if ((await this.sessions.end(sessionId, 'refresh_reused', request.context)) === 'ended')
      await this.audit.record(
        undefined,
        { kind: 'refresh.reused', familyId, sessionId, userId, clientId, organizationId },
        request.context,
      );
    return invalidGrant('reused: the family was revoked');
  }
}

function invalidGrant(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'The refresh token is invalid, expired, used or revoked; sign in again', {
    logDetail: reason,
  });
}
