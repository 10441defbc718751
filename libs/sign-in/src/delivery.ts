import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { SetupLink } from '@app/directory';
import { noStore, requestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { AuthorizationCodes, RefreshTokens, TokenIssuer, tokenResponse, type IssuedTokens } from '@app/tokens';
import { sendToClient } from './client-answer.js';
import { ApplicationSignIn } from './applications/application-sign-in.js';
import type { AuthorizationRequest } from './authorization-request.js';
import { sendPage } from './page.js';

/** Puts the outcome of a login where the client asked for it (D8). Errors go where success would have gone (D34). */
@Injectable()
export class OutcomeDelivery {
  constructor(
    private readonly codes: AuthorizationCodes,
    private readonly refreshTokens: RefreshTokens,
    private readonly issuer: TokenIssuer,
    private readonly setupLink: SetupLink,
    private readonly applications: ApplicationSignIn,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /** Answers the request with what the session gives. */
  async succeed(
    asked: AuthorizationRequest,
    sessionId: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    noStore(reply);
    if (asked.party === 'application') return this.applications.signedIn(asked, sessionId, request, reply);
    await this.toFirstParty(asked, sessionId, reply);
  }

  private async toFirstParty(request: AuthorizationRequest, sessionId: string, reply: FastifyReply): Promise<void> {
    if (request.delivery.kind === 'set-up') return this.setUp(sessionId, reply);
    if (request.delivery.kind === 'code') {
      const code = await this.codes.issue({
        sessionId,
        clientId: request.clientId,
        redirectUri: request.namedTarget,
        codeChallenge: request.delivery.codeChallenge,
        scopes: request.scopes,
        nonce: request.nonce,
        resource: undefined,
        party: 'first',
        dpopJkt: request.dpopJkt,
      });
      return sendToClient(request.delivery, { code, state: request.state, iss: this.config.publicUrl }, reply);
    }
    const response = tokenResponse(await this.tokens(request, sessionId));
    if (request.delivery.kind === 'fragment')
      return sendToClient(request.delivery, { ...response, state: request.state }, reply);
    await reply
      .status(200)
      .header('Cross-Origin-Resource-Policy', 'same-origin')
      .header('Content-Type', 'application/json')
      .send(JSON.stringify({ ...response, ...(request.state === undefined ? {} : { state: request.state }) }));
  }

  /** Answers the request with a refusal; one that nobody is waiting for at a target is thrown on to the error filter. */
  async fail(request: AuthorizationRequest, error: OAuthError, reply: FastifyReply): Promise<void> {
    noStore(reply);
    if (!('target' in request.delivery)) throw error;
    const { code, description } = error;
    return sendToClient(
      request.delivery,
      { error: code, error_description: description, state: request.state, iss: this.config.publicUrl },
      reply,
    );
  }

  private async setUp(sessionId: string, reply: FastifyReply): Promise<void> {
    if (!(await this.setupLink.pin(sessionId, requestContext(reply.request))))
      throw new OAuthError('access_denied', 'Somebody else has become the administrator in the meantime');
    const body =
      '<p>You are the administrator of this Gatehouse. Sign in to your applications as usual; ' +
      'from now on your sessions have the rights.</p>';
    await sendPage(reply, 200, 'Gatehouse is set up', body);
  }

  private async tokens(request: AuthorizationRequest, sessionId: string): Promise<IssuedTokens> {
    const family = await this.refreshTokens.begin(sessionId, request.scopes);
    if (family === undefined) throw new OAuthError('access_denied', 'The session has ended already; sign in again');
    return { ...(await this.issuer.forUser(family.facts, request.scopes)), refreshToken: family.refreshToken };
  }
}
