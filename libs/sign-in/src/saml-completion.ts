import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { requestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { failed, IdentityProviders, type Verdict } from '@app/saml';
import { sessionClient } from './authorization-request.js';
import { BrowserBinding } from './browser-binding.js';
import { OutcomeDelivery } from './delivery.js';
import { loginRefusal, logRefusal, referenceOf, refuseHere } from './login-errors.js';
import { idpInitiatedRequest } from './saml-login-request.js';
import { SamlLogins } from './saml-logins.js';
import { asError, SamlRefusals } from './saml-refusals.js';
import { SamlTransactions, type SamlOutcome } from './saml-transactions.js';
import { LoggedOutUpstream, SignIn } from './sign-in.js';

type Identified = Extract<SamlOutcome, { kind: 'identity' }>;
type Unsolicited = Extract<SamlOutcome, { kind: 'unsolicited' }>;

/** The last step of a login by SAML, in the browser that began it: the only one that makes a session (D10, R12). */
@Injectable()
export class SamlCompletion {
  private readonly logger = new Logger('Saml');
  private readonly browsers: BrowserBinding;

  constructor(
    private readonly providers: IdentityProviders,
    private readonly transactions: SamlTransactions,
    private readonly logins: SamlLogins,
    private readonly refusals: SamlRefusals,
    private readonly signIn: SignIn,
    private readonly delivery: OutcomeDelivery,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.browsers = new BrowserBinding(config.publicUrl);
  }

  /** Takes what the ticket stands for and answers the client (D34). @throws OAuthError where no client may be told. */
  async complete(ticket: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const outcome = await this.transactions.takeOutcome(ticket);
    if (outcome === undefined)
      throw new OAuthError('invalid_request', 'This sign-in is unknown, finished or too old; start again');
    if (outcome.kind === 'unsolicited') return this.beginAsked(outcome, request, reply);
    const { transaction, reference } = outcome;
    if (!this.browsers.matches(request, transaction.browser)) {
      const verdict = failed('browser', 'the browser that began the sign-in', 'another one');
      await this.report(transaction.providerId, verdict, reference, request);
      throw new OAuthError('invalid_request', 'This sign-in was begun in another browser; start again in this one', {
        details: { reference },
      });
    }
    try {
      if (outcome.kind === 'refused') throw asError(outcome.refusal, reference);
      const sessionId = await this.session(outcome, request);
      await this.delivery.succeed(transaction.request, sessionId, request, reply);
    } catch (error) {
      const refusal = loginRefusal(error);
      if (refusal === undefined) throw error;
      await this.refuse(outcome, refusal, request, reply);
    }
  }

  private async session({ transaction, identity, reference }: Identified, request: FastifyRequest): Promise<string> {
    // R11: it may have been switched off since the answer came.
    if (this.providers.find(transaction.providerId) === undefined)
      throw new OAuthError('access_denied', 'Sign-in with this provider is switched off', {
        details: { reference },
        logDetail: 'the provider was disabled after the answer had come',
      });
    const { nameId, sessionIndexes, authnInstant, sessionNotOnOrAfter } = identity;
    return this.signIn.complete(
      { ...identity, saml: { nameId, sessionIndexes, authnInstant, sessionNotOnOrAfter } },
      sessionClient(transaction.request, this.config),
      requestContext(request),
    );
  }

  private async refuse(
    outcome: Exclude<SamlOutcome, Unsolicited>,
    refusal: OAuthError,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    if (outcome.kind === 'identity') await this.tell(outcome, refusal, request);
    // A conflict of accounts is something for the person to read, not for the client to handle (D17).
    if (refusal.code === 'account_conflict') return refuseHere(refusal, request, reply);
    await this.delivery.fail(outcome.transaction.request, refusal, reply);
  }

  /** D36: an ordinary login, bound to this browser; silent because the person is signed in at the IdP. */
  private async beginAsked(
    { providerId, relayState, reference }: Unsolicited,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    const details = { reference };
    const provider = this.providers.find(providerId);
    if (provider?.allowIdpInitiated !== true)
      throw new OAuthError('access_denied', 'Sign-in cannot begin at this identity provider', { details });
    const asked = idpInitiatedRequest(provider, relayState, this.config);
    if (asked === undefined)
      throw new OAuthError('invalid_request', 'Open the application that you want to use; sign-in begins there', {
        details,
        logDetail: `provider "${providerId}" has no idp_initiated_callback, or tokens in the fragment are switched off`,
      });
    if (!(await this.transactions.firstUnsolicited(this.browsers.bind(request, reply))))
      throw new OAuthError(
        'invalid_request',
        'The identity provider sent you here twice within a minute; try again later',
        {
          details,
        },
      );
    await this.logins.begin(provider, asked, request, reply);
  }

  /** What was refused before has been told; what a logout or an account refused is told here. */
  private async tell({ transaction }: Identified, refusal: OAuthError, request: FastifyRequest): Promise<void> {
    const { providerId } = transaction;
    const reference = referenceOf(refusal, request);
    if (refusal.cause instanceof LoggedOutUpstream)
      return this.report(
        providerId,
        failed('logged-out', 'no logout after the authentication', 'one'),
        reference,
        request,
      );
    logRefusal(this.logger, refusal, providerId, reference);
  }

  private report(providerId: string, verdict: Verdict, reference: string, request: FastifyRequest): Promise<void> {
    return this.refusals.report({ providerId, verdicts: [verdict], reference }, requestContext(request));
  }
}
