import { Inject, Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import type { RequestContext } from '@app/edge';
import { Revocations } from '@app/revocation';
import {
  failed,
  IdentityProviders,
  quoteFound,
  SAML_VERIFIER,
  SamlLogoutMessages,
  SamlLogouts,
  SamlSessions,
  type AcceptedLogoutRequest,
  type OutgoingMessage,
  type SamlVerifier,
  type Verdict,
} from '@app/saml';
import { SAML_TICKET_LIFETIME_MS } from '@app/sign-in';
import { Sessions } from '@app/tokens';
import type { IncomingLogout } from './incoming-logout.js';
import { RefusedLogouts } from './refused-logouts.js';

interface Accepted {
  readonly provider: SamlProviderConfig;
  readonly request: AcceptedLogoutRequest;
}

/** How a LogoutRequest went, and what goes back. */
export interface CarriedOutLogout {
  readonly outcome: 'complete' | 'partial';
  /** Undefined where the identity provider named no address for it. */
  readonly answer: OutgoingMessage | undefined;
  /** Why not everything ended. */
  readonly fault: unknown;
}

/** A logout that began at the identity provider (D25, core §3.7.3.1). */
@Injectable()
export class IdpLogout {
  private readonly logger = new Logger(IdpLogout.name);

  constructor(
    private readonly identityProviders: IdentityProviders,
    private readonly logouts: SamlLogouts,
    private readonly messages: SamlLogoutMessages,
    private readonly samlSessions: SamlSessions,
    private readonly sessions: Sessions,
    private readonly revocations: Revocations,
    private readonly refused: RefusedLogouts,
    private readonly audit: AuditLog,
    @Inject(SAML_VERIFIER) private readonly verifier: SamlVerifier,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Ends what a LogoutRequest names and makes the answer to it. Whether there was anybody to log out cannot be seen from
   * the answer (R15).
   * @throws OAuthError for a message that is not accepted; VerifierBusy, StoreUnavailable. Nothing has ended then.
   */
  async carryOut(incoming: IncomingLogout, context: RequestContext): Promise<CarriedOutLogout> {
    const accepted = await this.accept(incoming, context);
    let [addressee] = accepted;
    let fault: unknown;
    try {
      addressee = (await this.endSessions(accepted, context)) ?? addressee;
    } catch (error) {
      fault = error;
      this.logger.error({ message: 'A SAML logout could not be carried out', ...context, err: error });
      this.recordFailure(accepted, context);
      await this.letBeSentAgain(accepted);
    }
    const outcome = fault === undefined ? 'complete' : 'partial';
    return { outcome, fault, answer: this.answer(addressee, incoming, outcome) };
  }

  /** Tries the Issuer's providers, each with its own keys and no others (D23); disabled ones are not among them (R11). */
  private async accept(incoming: IncomingLogout, context: RequestContext): Promise<readonly [Accepted, ...Accepted[]]> {
    const hint = await this.verifier.peek(incoming.message);
    if (!hint.ok) throw await this.refuse(undefined, hint.verdicts, context);
    const { issuer } = hint.facts;
    const candidates = issuer === undefined ? [] : this.identityProviders.byIssuer(issuer);
    const accepted: Accepted[] = [];
    let verdicts: readonly Verdict[] = [failed('provider', 'the entityID of an identity provider', quoteFound(issuer))];
    try {
      for (const provider of candidates) {
        const read = await this.logouts.readRequest({ provider, message: incoming.message, now: this.clock() });
        if (read.ok) accepted.push({ provider, request: read.request });
        else verdicts = read.verdicts;
      }
    } catch (error) {
      await this.letBeSentAgain(accepted);
      throw error;
    }
    const [first, ...others] = accepted;
    if (first === undefined) throw await this.refuse(candidates[0]?.id, verdicts, context);
    return [first, ...others];
  }

  private refuse(providerId: string | undefined, verdicts: readonly Verdict[], context: RequestContext) {
    return this.refused.record({ kind: 'logout_request', providerId, verdicts }, context);
  }

  /**
   * All of it or nothing, with the mark for assertions that arrive later, known at every instance when it returns.
   * Answers which provider had somebody to log out: of several with one issuer, that one was meant.
   */
  private async endSessions(accepted: readonly Accepted[], context: RequestContext): Promise<Accepted | undefined> {
    return this.revocations.transaction(async (manager, revoke) => {
      let addressee: Accepted | undefined;
      for (const one of accepted) {
        const sessions: string[] = [];
        for (const sessionId of await this.samlSessions.recordLogout(manager, this.markOf(one))) {
          const ending = await this.sessions.endWithin(manager, revoke, sessionId, 'saml_logout', context);
          if (ending === 'ended') sessions.push(sessionId);
        }
        if (sessions.length > 0) addressee ??= one;
        const { id: providerId } = one.provider;
        const event = { kind: 'saml.logout', providerId, initiator: 'idp', sessions, outcome: 'complete' } as const;
        await this.audit.record(manager, event, context);
      }
      return addressee;
    });
  }

  /** Apart, because the rows of the transaction were rolled back with it; that it ended nothing is a fact, too. */
  private recordFailure(accepted: readonly Accepted[], context: RequestContext): void {
    for (const { provider } of accepted) {
      const { id: providerId } = provider;
      this.audit.recordApart(
        { kind: 'saml.logout', providerId, initiator: 'idp', sessions: [], outcome: 'failed' },
        context,
      );
    }
  }

  /**
   * The IdP's clock may be behind ours, and an assertion is good for as much longer: so is its end (D40). An assertion that
   * was found good before the logout may still wait for its browser: the mark outlives its ticket, whatever NotOnOrAfter says.
   */
  private markOf({ provider, request }: Accepted) {
    const { issuer: idpEntityId, nameId, sessionIndexes, issuedAt } = request;
    const lastTicketMs = this.clock().getTime() + SAML_TICKET_LIFETIME_MS;
    const untilMs = Math.max(request.until.getTime(), lastTicketMs) + this.config.saml.clockSkewSeconds * 1000;
    const until = new Date(untilMs);
    return { providerId: provider.id, idpEntityId, nameId, sessionIndexes, issuedAt, until };
  }

  /** A logout that failed here must stay possible; that it cannot be recorded either is no reason to say nothing. */
  private async letBeSentAgain(accepted: readonly Accepted[]): Promise<void> {
    for (const { provider, request } of accepted)
      await this.logouts
        .forgetRequest(provider, request.id)
        .catch((error: unknown) => this.logger.warn(`a LogoutRequest stays used up: ${String(error)}`));
  }

  private answer(
    { provider, request }: Accepted,
    { message, relayState }: IncomingLogout,
    outcome: 'complete' | 'partial',
  ): OutgoingMessage | undefined {
    const idp = this.identityProviders.describe(provider.id);
    if (idp === undefined) return undefined;
    const answered = { requestId: request.id, binding: message.binding, relayState, outcome };
    return this.messages.response({ provider, idp }, answered);
  }
}
