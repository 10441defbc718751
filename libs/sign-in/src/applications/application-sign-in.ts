import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OAuthError } from '@app/oauth2';
import { Sessions } from '@app/tokens';
import type { AuthorizationRequest } from '../authorization-request.js';
import { ApplicationOutcome } from './application-outcome.js';
import { BrowserSessions } from './browser-sessions.js';

/** A sign-in that an application asked for: the browser keeps it as the person's session here, and the request goes on. */
@Injectable()
export class ApplicationSignIn {
  constructor(
    private readonly browserSessions: BrowserSessions,
    private readonly sessions: Sessions,
    private readonly outcome: ApplicationOutcome,
  ) {}

  /** @throws OAuthError for the application */
  async signedIn(
    asked: AuthorizationRequest,
    sessionId: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    await this.browserSessions.replace(sessionId, request, reply);
    const session = await this.sessions.findAlive(sessionId);
    if (session === undefined) throw new OAuthError('access_denied', 'The session has ended already; sign in again');
    await this.outcome.proceed(asked, session, request, reply);
  }
}
