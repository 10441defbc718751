import { Inject, Injectable } from '@nestjs/common';
import { ClientAuthenticator, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { OAuthError, TOKEN_EXCHANGE_GRANT } from '@app/oauth2';
import { AccessTokenVerifier } from '../access-token-verifier.js';
import type { AccessTokenClaims } from '../access-token.js';
import { Sessions } from '../sessions.js';
import { TokenIssuer, type IssuedTokens } from '../token-issuer.js';
import { assertProves, unauthorizedClient, type Grant, type TokenExchange, type TokenRequest } from './grant.js';
import { narrowedToken } from './narrowed-token.js';

/** RFC 8693 §3. */
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

/**
 * RFC 8693 for one purpose: an application divides what a person gave it, so that each of its parts, and each API that it
 * calls, gets a token that is good for less (docs/decisions/0020). The token stays the application's own: `client_id` is the
 * same, and there is no `act`, because nobody acts for anybody else (§4.1, §4.3).
 */
@Injectable()
export class TokenExchangeGrant implements Grant {
  readonly grantType = TOKEN_EXCHANGE_GRANT;

  constructor(
    private readonly clients: ClientAuthenticator,
    private readonly verifier: AccessTokenVerifier,
    private readonly sessions: Sessions,
    private readonly issuer: TokenIssuer,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  async issue(request: TokenRequest): Promise<IssuedTokens> {
    const application = await this.exchanging(request);
    assertProves(request, application);
    const { audience, ...exchange } = request.exchange ?? {};
    const claims = await this.subjectOf(exchange, application);
    assertHolds(request, claims);
    const wish = { scopes: request.scopes, resource: request.resource, audience };
    const narrowed = narrowedToken(claims, wish, application, this.config.publicUrl);
    // R23, R25: the claims are of the past, so who may still have a token is asked of the session, as at a refresh.
    const facts = claims.sid === undefined ? undefined : await this.sessions.findAlive(claims.sid);
    if (facts === undefined || facts.organizationId !== application.organizationId)
      throw unacceptable('its session has ended');
    const tokens = await this.issuer.forExchange(facts, {
      ...narrowed,
      notAfter: claims.exp,
      subjectTokenId: claims.jti,
      boundTo: request.dpopKey,
    });
    return { ...tokens, issuedTokenType: ACCESS_TOKEN };
  }

  /** @throws OAuthError `invalid_client`, `unauthorized_client` */
  private async exchanging({ client, context }: TokenRequest): Promise<Application> {
    const identified = await this.clients.identify(client, context.remoteAddress);
    if (identified === undefined)
      throw new OAuthError('invalid_client', 'A token exchange needs a client that proves itself');
    const { application, authenticated } = identified;
    if (application === undefined || !authenticated || !application.grantTypes.includes(this.grantType))
      throw unauthorizedClient(this.grantType);
    return application;
  }

  /** The claims of a subject token that this application may exchange. @throws OAuthError `invalid_request` (§2.2.2) */
  private async subjectOf(exchange: Partial<TokenExchange>, { clientId }: Application): Promise<AccessTokenClaims> {
    const subjectToken = assertSupported(exchange);
    const found = await this.verifier.inspect(subjectToken);
    if (found === undefined) throw unacceptable('malformed, expired or revoked');
    const { claims, principal } = found;
    // Another client's token is none to be exchanged: that somebody could send it here shows only that he has it (R25).
    if (principal.kind !== 'user' || principal.party !== 'application' || principal.clientId !== clientId)
      throw unacceptable('it was not issued to this application');
    if (claims.src !== undefined) throw unacceptable('it comes of an exchange itself');
    return claims;
  }
}

/** @returns the subject token. @throws OAuthError `invalid_request` that says what to change */
function assertSupported({
  subjectToken,
  subjectTokenType,
  requestedTokenType = ACCESS_TOKEN,
  actorToken,
  actorTokenType,
}: Partial<TokenExchange>): string {
  if (actorToken !== undefined || actorTokenType !== undefined)
    throw invalid('actor_token is not supported: a token is exchanged by the application that it was issued to');
  if (subjectToken === undefined) throw invalid('subject_token is required for a token exchange');
  if (subjectTokenType !== ACCESS_TOKEN) throw invalid(`subject_token_type must be ${ACCESS_TOKEN}`);
  if (requestedTokenType !== ACCESS_TOKEN)
    throw invalid(`requested_token_type must be ${ACCESS_TOKEN}, or be left out`);
  return subjectToken;
}

/**
 * What a bound token is exchanged for is bound to the same key, which the request must prove: else the exchange would take
 * the binding away from who stole the token and the application's secret alike.
 */
function assertHolds({ dpopKey }: TokenRequest, { cnf }: AccessTokenClaims): void {
  if (cnf === undefined || dpopKey === cnf.jkt) return;
  throw new OAuthError(
    'invalid_dpop_proof',
    'subject_token is bound to a key: send a proof by that key in the header DPoP (RFC 9449)',
  );
}

function unacceptable(logDetail: string): OAuthError {
  return new OAuthError(
    'invalid_request',
    'subject_token is not a good access token that was issued to this application',
    { logDetail },
  );
}

function invalid(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}
