import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { ClientAuthenticator, FirstPartyClients, isPublic, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';
import { RefreshTokens, type ProvenKey, type Rotated } from '../refresh-tokens.js';
import { Sessions } from '../sessions.js';
import { TokenIssuer, type IssuedTokens } from '../token-issuer.js';
import { assertProves, resourceOf, unauthorizedClient, type Grant, type TokenRequest } from './grant.js';

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
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  async issue(request: TokenRequest): Promise<IssuedTokens> {
    if (request.refreshToken === undefined)
      throw new OAuthError('invalid_request', 'refresh_token is required for the refresh_token grant');
    const client = await this.clients.identify(request.client, request.context.remoteAddress);
    if (client?.application?.grantTypes.includes(this.grantType) === false) throw unauthorizedClient(this.grantType);
    assertProves(request, client?.application);
    assertTarget(request, client?.application, this.config.publicUrl);
    const key = provenKey(request, client?.application);
    const outcome = await this.refreshTokens.rotate(request.refreshToken, client?.clientId, request.scopes ?? [], key);
    if ('kind' in outcome) throw await this.refuse(outcome, request);
    return client?.application === undefined
      ? this.issueFirstParty(outcome, request)
      : this.issueToApplication(outcome, request, client.application);
  }

  private async issueFirstParty(rotated: Rotated, { context, dpopKey }: TokenRequest): Promise<IssuedTokens> {
    if (!this.firstParty.isServed(rotated.facts.clientId)) {
      await this.sessions.end(rotated.facts.sessionId, 'token_revoked', context);
      throw invalidGrant('the client is not configured any more');
    }
    const tokens = await this.issuer.forUser(rotated.facts, rotated.scopes, undefined, dpopKey);
    return { ...tokens, refreshToken: rotated.refreshToken };
  }

  /** No more than what it is registered for by now; with `openid` a new ID token as well (OIDC Core §12.2). */
  private async issueToApplication(
    { refreshToken, familyId, facts, ...granted }: Rotated,
    request: TokenRequest,
    application: Application,
  ): Promise<IssuedTokens> {
    const scopes = granted.scopes.filter((scope) => application.scopes.includes(scope));
    const tokens = await this.issuer.forUser(
      facts,
      scopes,
      resourceOf(request, granted.resource, this.config.publicUrl),
      request.dpopKey,
    );
    const idToken = scopes.includes('openid')
      ? { idToken: await this.issuer.idToken(facts, scopes, undefined, tokens.accessToken) }
      : {};
    return { ...tokens, refreshToken, familyId, ...idToken };
  }

  private async refuse(
    refusal: Exclude<Awaited<ReturnType<RefreshTokens['rotate']>>, Rotated>,
    request: TokenRequest,
  ): Promise<OAuthError> {
    if (refusal.kind === 'scope')
      return new OAuthError('invalid_scope', 'scope holds more than was granted: a refresh can only narrow it');
    if (refusal.kind === 'unknown') return invalidGrant('unknown, expired or ended');
    if (refusal.kind === 'key') return invalidGrant('bound to a key that the request does not prove (RFC 9449 §5)');
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

/** Before anything is used up: what this client can never have been authorized for. */
function assertTarget({ resource }: TokenRequest, application: Application | undefined, ourselves: string): void {
  if (resource === undefined || resource === ourselves || application?.resources.includes(resource) === true) return;
  throw new OAuthError('invalid_target', 'resource must be one that was authorized (RFC 8707 §2.2)');
}

/** First-party clients have nothing to prove themselves with, so they are public (RFC 9449 §5). */
function provenKey({ dpopKey }: TokenRequest, application: Application | undefined): ProvenKey | undefined {
  if (dpopKey === undefined) return undefined;
  const isConfidential = application !== undefined && !isPublic(application);
  return { jkt: dpopKey, client: isConfidential ? 'confidential' : 'public' };
}

function invalidGrant(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'The refresh token is invalid, expired, used or revoked; sign in again', {
    logDetail: reason,
  });
}
