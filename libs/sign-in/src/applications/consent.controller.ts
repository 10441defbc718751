import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, noStore, Public, RateClass, readBody, readQuery, requestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import type { SessionFacts } from '@app/tokens';
import { z } from 'zod';
import { sendOnToClient, type ClientAnswer } from '../client-answer.js';
import { BrowserBinding } from '../browser-binding.js';
import { DeviceDecisions } from '../device/device-decisions.js';
import { loginRefusal, refusingHere } from '../login-errors.js';
import { assertOwnForm } from '../own-form.js';
import { ApplicationOutcome } from './application-outcome.js';
import { BrowserSessions } from './browser-sessions.js';
import { sendConsentPage } from './consent-page.js';
import { ConsentRequests, type ConsentRequest } from './consent-requests.js';
import { Consents } from './consents.js';

const TicketSchema = z.object({ ticket: z.string().max(100) });
const DecisionSchema = TicketSchema.extend({ decision: z.enum(['allow', 'deny']) });

const CONTRACT = {
  tag: 'OAuth',
  access: 'public',
  errors: [400, 403, 429, 500, 503],
} as const;

/**
 * Asks a person whether an application may sign him in (D49): a page without script, for the browser that is signed in,
 * decided once. The cookies are `SameSite=Lax`, so no other site can send the form, nor can a neighbour (D38).
 */
@Controller('oauth2/consent')
@Public()
@RateClass('interactive')
export class ConsentController {
  private readonly browsers: BrowserBinding;

  constructor(
    private readonly requests: ConsentRequests,
    private readonly consents: Consents,
    private readonly browserSessions: BrowserSessions,
    private readonly outcome: ApplicationOutcome,
    private readonly devices: DeviceDecisions,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.browsers = new BrowserBinding(config.publicUrl);
  }

  @Get()
  @ApiContract({
    ...CONTRACT,
    summary: 'Ask the person for consent',
    query: TicketSchema,
    responses: { 200: { description: 'The page' } },
  })
  async show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await refusingHere(request, reply, async () => {
      const { ticket } = readQuery(TicketSchema, request);
      const { asked, session } = await this.mine(await this.requests.find(ticket), request);
      const application = await this.outcome.admit(asked, session);
      await sendConsentPage(reply, { ticket, application, session, asked });
    });
  }

  @Post()
  @ApiContract({
    ...CONTRACT,
    summary: 'The person allows or denies',
    body: DecisionSchema,
    bodyTypes: ['application/x-www-form-urlencoded'],
    responses: { 200: { description: 'A page that leads on to the application, or back to the device' } },
  })
  async decide(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await refusingHere(request, reply, async () => {
      assertOwnForm(request, this.config.publicUrl);
      const { ticket, decision } = readBody(DecisionSchema, request);
      // Looked at first: whoever is not the one who is asked cannot use it up.
      await this.mine(await this.requests.find(ticket), request);
      const { asked, session } = await this.mine(await this.requests.take(ticket), request);
      noStore(reply);
      if (asked.delivery.kind === 'device') return this.devices.decide(decision, asked, session, reply);
      const answer =
        decision === 'allow'
          ? await this.allow(asked, session, request)
          : this.refusal(asked, denied('the person refused'));
      await sendOnToClient(asked.delivery, answer, reply);
    });
  }

  private async allow(
    asked: ConsentRequest['asked'],
    session: SessionFacts,
    request: FastifyRequest,
  ): Promise<ClientAnswer> {
    try {
      const application = await this.outcome.admit(asked, session);
      await this.consents.grant(session.userId, application, asked.scopes, requestContext(request));
      return await this.outcome.answer(asked, session);
    } catch (error) {
      const refusal = loginRefusal(error);
      if (refusal === undefined) throw error;
      return this.refusal(asked, refusal);
    }
  }

  private refusal({ state }: ConsentRequest['asked'], { code, description }: OAuthError): ClientAnswer {
    return { error: code, error_description: description, state, iss: this.config.publicUrl };
  }

  /** What is asked of this browser and of the person who is signed in there, and of nobody else (R19, R20). */
  private async mine(
    consent: ConsentRequest | undefined,
    request: FastifyRequest,
  ): Promise<{ asked: ConsentRequest['asked']; session: SessionFacts }> {
    if (consent === undefined)
      throw new OAuthError(
        'invalid_request',
        'This question is unknown, answered or too old; start again at the application',
      );
    if (!this.browsers.matches(request, consent.browser))
      throw new OAuthError('invalid_request', 'This question was put to another browser; start again in this one');
    const session = await this.browserSessions.find(request);
    if (session?.sessionId !== consent.sessionId)
      throw new OAuthError(
        'invalid_request',
        'You have signed out, or signed in anew, since; start again at the application',
      );
    return { asked: consent.asked, session };
  }
}

function denied(logDetail: string): OAuthError {
  return new OAuthError('access_denied', 'The person did not allow it', { logDetail });
}
