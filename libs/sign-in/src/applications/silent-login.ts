import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Applications, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';
import { SilentSessions } from '@app/tokens';
import { sendToClient } from '../client-answer.js';
import type { AuthorizationParameters, AuthorizationRequest } from '../authorization-request.js';
import { ApplicationOutcome } from './application-outcome.js';
import { applicationRequest, applicationTarget } from './application-request.js';
import { BrowserSessions } from './browser-sessions.js';

/**
 * An application's request that a person who is signed in and has consented notices nothing of, which is nearly every one
 * (docs/decisions/0022). Conservative: what it does not answer may still need nobody to be asked.
 */
@Injectable()
export class SilentLogin {
  constructor(
    private readonly applications: Applications,
    private readonly browserSessions: BrowserSessions,
    private readonly sessions: SilentSessions,
    private readonly outcome: ApplicationOutcome,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /** Says whether it answered; if not, nothing has happened, and nothing that it looked at is known to be current. */
  async answer(parameters: AuthorizationParameters, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const application = this.applicationOf(parameters);
    if (application === undefined) return false;
    const cookieHash = this.browserSessions.cookieHash(request);
    const asked = cookieHash === undefined ? undefined : this.read(parameters, application);
    if (cookieHash === undefined || asked === undefined) return false;
    const { scopes, idp: providerId } = asked;
    const sessionId = await this.sessions.begin({ cookieHash, application, scopes, providerId });
    if (sessionId === undefined) return false;
    await sendToClient(asked.delivery, await this.outcome.codeFor(asked, sessionId), reply);
    return true;
  }

  /** None where more is to be looked at than the one statement does: when he signed in, who he is, what was pushed. */
  private applicationOf(parameters: AuthorizationParameters): Application | undefined {
    const { client_id: clientId, prompt, max_age: maxAge, id_token_hint: hint, request_uri: pushed } = parameters;
    const isPlain = (prompt === undefined || prompt === 'none') && (maxAge ?? hint ?? pushed) === undefined;
    return clientId !== undefined && isPlain ? this.applications.recall(clientId) : undefined;
  }

  /** A fault that what is remembered shows may be none any more: it is told after the application was looked at anew. */
  private read(parameters: AuthorizationParameters, application: Application): AuthorizationRequest | undefined {
    try {
      return applicationRequest(parameters, application, applicationTarget(parameters, application), this.config);
    } catch (error) {
      if (error instanceof OAuthError) return undefined;
      throw error;
    }
  }
}
