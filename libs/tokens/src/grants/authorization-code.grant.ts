import { Inject, Injectable } from '@nestjs/common';
import { ClientAuthenticator, isPublic, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';
import { AuthorizationCodes } from '../authorization-codes.js';
import { RefreshTokens } from '../refresh-tokens.js';
import type { SessionFacts } from '../session-facts.js';
import { Sessions } from '../sessions.js';
import { TokenIssuer, type IssuedTokens } from '../token-issuer.js';
import { assertProves, resourceOf, unauthorizedClient, type Grant, type TokenRequest } from './grant.js';

/** RFC 6749 §4.1.3 with RFC 7636: our own code for a session that began at sign-in (D6, D8, D9). */
@Injectable()
export class AuthorizationCodeGrant implements Grant {
  readonly grantType = 'authorization_code';

  constructor(
    private readonly codes: AuthorizationCodes,
    private readonly clients: ClientAuthenticator,
    private readonly refreshTokens: RefreshTokens,
    private readonly sessions: Sessions,
    private readonly issuer: TokenIssuer,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  async issue(request: TokenRequest): Promise<IssuedTokens> {
    const looked = request.code === undefined ? undefined : this.codes.look(request.code);
    // Awaited below, unless the client is refused first.
    looked?.catch(() => undefined);
    const client = await this.clients.identify(request.client, request.context.remoteAddress);
    if (client?.application?.grantTypes.includes(this.grantType) === false) throw unauthorizedClient(this.grantType);
    assertProves(request, client?.application);
    const needsVerifier = client?.application === undefined || isPublic(client.application);
    const presented = {
      code: required(request.code, 'code'),
      codeVerifier: needsVerifier ? required(request.codeVerifier, 'code_verifier') : request.codeVerifier,
      redirectUri: request.redirectUri,
      clientId: client?.clientId,
      dpopKey: request.dpopKey,
    };
    const redemption = await this.codes.redeem(presented, looked);
    if (redemption.kind === 'replayed') await this.sessions.end(redemption.sessionId, 'code_replayed', request.context);
    if (redemption.kind !== 'granted')
      throw invalidGrant(redemption.kind === 'refused' ? redemption.reason : 'the code was used before');
    const { sessionId, scopes, nonce } = redemption.grant;
    const resource = resourceOf(request, redemption.grant.resource, this.config.publicUrl);
    const family = await this.begin(sessionId, scopes, resource, client?.application, request.dpopKey);
    if (family === undefined) throw invalidGrant('the session of this code has ended');
    const tokens = await this.issuer.forUser(family.facts, scopes, resource, request.dpopKey);
    return {
      ...tokens,
      ...(family.refreshToken === undefined ? {} : { refreshToken: family.refreshToken, familyId: family.familyId }),
      ...(scopes.includes('openid')
        ? { idToken: await this.issuer.idToken(family.facts, scopes, nonce, tokens.accessToken) }
        : {}),
    };
  }

  /**
   * Applications that were not registered for refreshing get no refresh token, only what the session says. A public
   * client's is bound to the key; a confidential one's is bound to its secret already (RFC 9449 §5).
   */
  private async begin(
    sessionId: string,
    scopes: readonly string[],
    resource: string | undefined,
    application: Application | undefined,
    dpopKey: string | undefined,
  ): Promise<Begun | undefined> {
    if (application === undefined || application.grantTypes.includes('refresh_token')) {
      const isConfidential = application !== undefined && !isPublic(application);
      return this.refreshTokens.begin(sessionId, scopes, resource, isConfidential ? undefined : dpopKey);
    }
    const facts = await this.sessions.findAlive(sessionId);
    return facts === undefined ? undefined : { facts };
  }
}

interface Begun {
  readonly facts: SessionFacts;
  readonly refreshToken?: string;
  readonly familyId?: string;
}

function required(value: string | undefined, name: string): string {
  if (value === undefined)
    throw new OAuthError('invalid_request', `${name} is required for the authorization_code grant`);
  return value;
}

/** One text on the wire for every reason: it must not tell a thief what to try next. */
function invalidGrant(reason: string): OAuthError {
  return new OAuthError(
    'invalid_grant',
    'The authorization code is invalid, expired or used, or does not fit this request',
    {
      logDetail: reason,
    },
  );
}
