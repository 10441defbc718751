import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Application } from '@app/clients';
import { CLOCK, type Clock, GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';
import { IdTokenHints, type SessionFacts } from '@app/tokens';
import { sendToClient } from '../client-answer.js';
import type { AuthorizationParameters, AuthorizationRequest } from '../authorization-request.js';
import { BrowserBinding } from '../browser-binding.js';
import { loginRefusal } from '../login-errors.js';
import { LoginFlow } from '../login-flow.js';
import { PushedRequests } from '../pushed/pushed-requests.js';
import { ApplicationOutcome, prompts } from './application-outcome.js';
import { applicationRequest, applicationTarget, type ApplicationTarget } from './application-request.js';
import { BrowserSessions } from './browser-sessions.js';

/**
 * An application's authorization request (OIDC Core §3.1.2): answered from the person's session here where that will do,
 * else from a sign-in upstream that makes one.
 */
@Injectable()
export class ApplicationLogins {
  private readonly logger = new Logger(ApplicationLogins.name);
  private readonly browsers: BrowserBinding;

  constructor(
    private readonly flow: LoginFlow,
    private readonly browserSessions: BrowserSessions,
    private readonly outcome: ApplicationOutcome,
    private readonly hints: IdTokenHints,
    private readonly pushedRequests: PushedRequests,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.browsers = new BrowserBinding(config.publicUrl);
  }

  /** @throws OAuthError for the person at the browser, until the target is known; then the application is told (D34) */
  async begin(
    sent: AuthorizationParameters,
    application: Application,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const browser = () => this.browsers.bind(request, reply);
    const { pushed, parameters } = await this.pushedRequests.resolve(sent, application.clientId, browser);
    const target = applicationTarget(parameters, application);
    try {
      const asked = { ...applicationRequest(parameters, application, target, this.config), pushed };
      await this.go(asked, application, await this.expectedUser(parameters), request, reply);
    } catch (error) {
      const refusal = loginRefusal(error);
      if (refusal === undefined) throw error;
      await this.refuse(target, refusal, request, reply);
    }
  }

  private async go(
    asked: AuthorizationRequest,
    application: Application,
    expected: string | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const session = await this.browserSessions.find(request);
    const isExpected = expected === undefined || session?.userId === expected;
    if (session !== undefined && isExpected && this.serves(session, asked, application))
      return this.outcome.proceed(asked, session, request, reply);
    // OIDC Core §3.1.2.1: nobody may be asked anything.
    if (prompts(asked).includes('none')) throw new OAuthError('login_required', 'The person must sign in first');
    await this.flow.begin(asked, request, reply);
  }

  /** Whom `id_token_hint` names (OIDC Core §3.1.2.1). @throws OAuthError for the application */
  private async expectedUser({ id_token_hint: hint }: AuthorizationParameters): Promise<string | undefined> {
    if (hint === undefined) return undefined;
    const read = await this.hints.read(hint);
    if (read === undefined) throw new OAuthError('invalid_request', 'id_token_hint is not an ID token of this server');
    return read.userId;
  }

  /** Whether the person need not sign in again (OIDC Core §3.1.2.1 prompt, max_age). */
  private serves(session: SessionFacts, asked: AuthorizationRequest, application: Application): boolean {
    const asksAnew = prompts(asked).some((value) => value === 'login' || value === 'select_account');
    if (asksAnew || session.organizationId !== application.organizationId) return false;
    if (asked.idp !== undefined && asked.idp !== session.providerId) return false;
    const age = this.clock().getTime() / 1000 - session.authTime;
    return asked.maxAge === undefined || (asked.maxAge > 0 && age <= asked.maxAge);
  }

  private async refuse(
    { delivery, state }: ApplicationTarget,
    { code, description, logDetail }: OAuthError,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { publicUrl } = this.config;
    this.logger.log({ message: 'An application was refused', requestId: request.id, error: code, detail: logDetail });
    const answer = { error: code, error_description: description, state, iss: publicUrl };
    await sendToClient({ ...delivery, codeChallenge: undefined }, answer, reply);
  }
}
