import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Applications, isPublic, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { noStore } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { AuthorizationCodes, Sessions, type SessionFacts } from '@app/tokens';
import { sendToClient, type ClientAnswer } from '../client-answer.js';
import type { AuthorizationRequest } from '../authorization-request.js';
import { BrowserBinding } from '../browser-binding.js';
import { PushedRequests } from '../pushed/pushed-requests.js';
import { ConsentRequests } from './consent-requests.js';
import { Consents } from './consents.js';

/**
 * The last steps of an application's request, from the person's session here: may it (organization, consent), then a
 * session of its own and a code (D32, D49). Everything is read anew, because anything may have been switched off.
 */
@Injectable()
export class ApplicationOutcome {
  private readonly browsers: BrowserBinding;

  constructor(
    private readonly applications: Applications,
    private readonly consents: Consents,
    private readonly consentRequests: ConsentRequests,
    private readonly sessions: Sessions,
    private readonly codes: AuthorizationCodes,
    private readonly pushedRequests: PushedRequests,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.browsers = new BrowserBinding(config.publicUrl);
  }

  /** Asks for consent where it is needed, else answers with a code. @throws OAuthError for the application */
  async proceed(
    asked: AuthorizationRequest,
    session: SessionFacts,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const application = await this.admit(asked, session);
    if (!(await this.mustAsk(asked, session, application)))
      return sendToClient(asked.delivery, await this.answer(asked, session), reply);
    if (prompts(asked).includes('none'))
      throw new OAuthError('consent_required', 'The person must be asked for consent first');
    const browser = this.browsers.bind(request, reply);
    const ticket = await this.consentRequests.save({ asked, sessionId: session.sessionId, browser });
    noStore(reply);
    await reply.redirect(`${this.config.publicUrl}/oauth2/consent?ticket=${ticket}`, 303);
  }

  /**
   * A code for a session that the application gets now.
   * @throws OAuthError `access_denied` where the person's session or the application is gone
   */
  async answer(asked: AuthorizationRequest, { sessionId: parentId }: SessionFacts): Promise<ClientAnswer> {
    if (asked.pushed !== undefined) await this.pushedRequests.finish(asked.pushed);
    const sessionId = await this.sessions.beginForApplication(parentId, asked.clientId);
    if (sessionId === undefined) throw new OAuthError('access_denied', 'The session has ended already; sign in again');
    return this.codeFor(asked, sessionId);
  }

  /** A code for a session that the application has. */
  async codeFor(asked: AuthorizationRequest, sessionId: string): Promise<ClientAnswer> {
    if (asked.delivery.kind !== 'code') throw new Error('applications are answered with codes alone');
    const code = await this.codes.issue({
      sessionId,
      clientId: asked.clientId,
      redirectUri: asked.namedTarget,
      codeChallenge: asked.delivery.codeChallenge,
      scopes: asked.scopes,
      nonce: asked.nonce,
      resource: asked.resource,
      party: 'application',
      dpopJkt: asked.dpopJkt,
    });
    return { code, state: asked.state, iss: this.config.publicUrl };
  }

  /** The application, where it may have this person (R11, R27). @throws OAuthError `access_denied` */
  async admit(asked: AuthorizationRequest, session: SessionFacts): Promise<Application> {
    const application = await this.applications.find(asked.clientId);
    if (application === undefined) throw new OAuthError('access_denied', 'This application is switched off');
    if (application.organizationId !== session.organizationId)
      throw new OAuthError('access_denied', 'This application belongs to another organization than your sign-in');
    return application;
  }

  /** D49; a public application may be anybody who knows its name (RFC 8252 §8.6). */
  private async mustAsk(
    asked: AuthorizationRequest,
    session: SessionFacts,
    application: Application,
  ): Promise<boolean> {
    // RFC 8628 §5.4: only the person can see that the device is his.
    if (asked.delivery.kind === 'device') return true;
    if (application.consent === 'skip') return false;
    if (isPublic(application) || prompts(asked).includes('consent')) return true;
    return !(await this.consents.covers(session.userId, application, asked.scopes));
  }
}

/** The values of `prompt` (OIDC Core §3.1.2.1). */
export function prompts({ prompt }: AuthorizationRequest): readonly string[] {
  return prompt?.split(' ') ?? [];
}
