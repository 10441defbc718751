import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, noStore, Public, RateClass, readBody, readQuery, requestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { IdTokenHints, Sessions, type IdTokenHint } from '@app/tokens';
import { z } from 'zod';
import { BrowserSessions } from '../applications/browser-sessions.js';
import { refusingHere } from '../login-errors.js';
import { assertOwnForm } from '../own-form.js';
import { escapeHtml, sendPage } from '../page.js';
import { LogoutQuestions } from './logout-questions.js';
import { PostLogoutTargets, targetAddress, type PostLogoutTarget } from './post-logout-target.js';
import { sendSignedOut } from './signed-out-page.js';

const LogoutSchema = z.object({
  id_token_hint: z.string().max(16_384).optional().describe('The last ID token; with it nobody is asked'),
  client_id: z.string().max(2000).optional(),
  post_logout_redirect_uri: z.string().max(2000).optional().describe('A registered one; needs one of the above'),
  state: z.string().max(2048).optional(),
  logout_hint: z.string().max(320).optional(),
  ui_locales: z.string().max(200).optional(),
});
const AnswerSchema = z.object({ ticket: z.string().max(100), decision: z.enum(['sign_out', 'stay']) });

/** Of the page that says why it did not work. */
const TITLE = 'Signing out did not work';

const CONTRACT = {
  tag: 'OAuth',
  access: 'public',
  responses: {
    200: { description: 'A page: the question, or that it is done' },
    302: { description: 'To post_logout_redirect_uri' },
  },
  errors: [400, 429, 500, 503],
} as const;

/**
 * OpenID Connect RP-Initiated Logout 1.0: ends the person's session here and what every application got out of it. Who
 * shows no ID token of the session, or one of another, is asked: any site may send a browser here (§6).
 */
@Controller('oauth2/logout')
@Public()
@RateClass('interactive')
export class RpLogoutController {
  constructor(
    private readonly hints: IdTokenHints,
    private readonly targets: PostLogoutTargets,
    private readonly questions: LogoutQuestions,
    private readonly browserSessions: BrowserSessions,
    private readonly sessions: Sessions,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  @Get()
  @ApiContract({ ...CONTRACT, summary: 'Sign the person out (RP-Initiated Logout)', query: LogoutSchema })
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.begin(() => readQuery(LogoutSchema, request), request, reply);
  }

  @Post()
  @ApiContract({
    ...CONTRACT,
    summary: 'Sign the person out (RP-Initiated Logout)',
    body: LogoutSchema,
    bodyTypes: ['application/x-www-form-urlencoded'],
  })
  async post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.begin(() => readBody(LogoutSchema, request), request, reply);
  }

  @Post('answer')
  @ApiContract({
    ...CONTRACT,
    summary: 'The person says whether to sign out',
    body: AnswerSchema,
    bodyTypes: ['application/x-www-form-urlencoded'],
  })
  async answer(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await refusingHere(
      request,
      reply,
      async () => {
        assertOwnForm(request, this.config.publicUrl);
        const { ticket, decision } = readBody(AnswerSchema, request);
        const question = await this.questions.take(ticket);
        const session = await this.browserSessions.find(request);
        // The cookie is SameSite=Lax: a form of another site comes without it, and without it nothing ends.
        if (question === undefined || session?.sessionId !== question.sessionId)
          throw new OAuthError('invalid_request', 'This question is unknown, answered or too old, or not for you');
        if (decision === 'stay') return sendPage(reply, 200, 'You stay signed in', '<p>You may close this window.</p>');
        await this.end(session.sessionId, question.target, request, reply);
      },
      TITLE,
    );
  }

  private async begin(
    read: () => z.infer<typeof LogoutSchema>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    await refusingHere(
      request,
      reply,
      async () => {
        noStore(reply);
        const { id_token_hint: text, client_id: clientId, post_logout_redirect_uri: uri, state } = read();
        const hint = text === undefined ? undefined : await this.hintOf(text, clientId);
        if (uri !== undefined) await this.targets.assertAllowed(uri, clientId ?? hint?.clientId);
        const target = uri === undefined ? undefined : { uri, state };
        const session = await this.browserSessions.find(request);
        if (session !== undefined && session.sessionId !== hint?.sid)
          return this.ask({ sessionId: session.sessionId, target }, session.name ?? session.email, reply);
        await this.end(hint?.sid, target, request, reply);
      },
      TITLE,
    );
  }

  private async hintOf(text: string, clientId: string | undefined): Promise<IdTokenHint> {
    const hint = await this.hints.read(text);
    if (hint === undefined) throw new OAuthError('invalid_request', 'id_token_hint is not an ID token of this server');
    if (clientId !== undefined && clientId !== hint.clientId)
      throw new OAuthError('invalid_request', 'client_id is not the client that id_token_hint was issued to');
    return hint;
  }

  /** Ends what there is, and leads on: by redirect where the browser has nobody else to tell and sent no form. */
  private async end(
    sid: string | undefined,
    target: PostLogoutTarget | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const frontChannel = sid === undefined ? [] : await this.sessions.frontChannelTargets(sid);
    if (sid !== undefined) {
      await this.sessions.end(sid, 'logout', requestContext(request));
      this.browserSessions.forget(reply);
    }
    const next = target === undefined ? undefined : targetAddress(target);
    if (next !== undefined && frontChannel.length === 0 && request.method === 'GET') await reply.redirect(next, 302);
    else await sendSignedOut(reply, { frontChannel, issuer: this.config.publicUrl, sid, next });
  }

  private async ask(
    question: { readonly sessionId: string; readonly target: PostLogoutTarget | undefined },
    person: string,
    reply: FastifyReply,
  ): Promise<void> {
    const ticket = await this.questions.save(question);
    await sendPage(
      reply,
      200,
      'Sign out?',
      `<p>You are signed in as <strong>${escapeHtml(person)}</strong>. Signing out ends it for every application that ` +
        `you use through this server.</p><form method="post" action="/oauth2/logout/answer">` +
        `<input type="hidden" name="ticket" value="${escapeHtml(ticket)}">` +
        `<button name="decision" value="sign_out">Sign out</button> ` +
        `<button name="decision" value="stay" class="plain">Stay signed in</button></form>`,
      { forms: 'here', script: "'none'" },
    );
  }
}
