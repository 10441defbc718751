import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuditLog } from '@app/audit';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import { requestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import {
  failed,
  IdentityProviders,
  quoteFound,
  SAML_VERIFIER,
  SamlLogoutMessages,
  SamlLogouts,
  SamlSessions,
  type IdpDescription,
  type SamlSession,
  type SamlVerifier,
  type Verdict,
} from '@app/saml';
import { BrowserBinding } from '@app/sign-in';
import type { PostLogoutTarget, UpstreamLogout } from '@app/tokens';
import type { IncomingLogout } from './incoming-logout.js';
import { endOfLogout, sendMessage } from './logout-answers.js';
import { LogoutTransactions, type LogoutTransaction } from './logout-transactions.js';
import { RefusedLogouts } from './refused-logouts.js';

interface Peer {
  readonly provider: SamlProviderConfig;
  readonly idp: IdpDescription;
}

/**
 * A logout that began with us (D52): the session has ended already, and the browser walks ticket → LogoutRequest → IdP →
 * LogoutResponse → outcome. Each step leaves a stored transaction, so any instance may take the next.
 */
@Injectable()
export class OurLogout implements UpstreamLogout {
  private readonly logger = new Logger(OurLogout.name);
  private readonly browsers: BrowserBinding;

  constructor(
    private readonly identityProviders: IdentityProviders,
    private readonly logouts: SamlLogouts,
    private readonly messages: SamlLogoutMessages,
    private readonly samlSessions: SamlSessions,
    private readonly transactions: LogoutTransactions,
    private readonly refused: RefusedLogouts,
    private readonly audit: AuditLog,
    @Inject(SAML_VERIFIER) private readonly verifier: SamlVerifier,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.browsers = new BrowserBinding(config.publicUrl);
  }

  async begin(sessionId: string, target: PostLogoutTarget | undefined): Promise<string | undefined> {
    const session = await this.samlSessions.of(sessionId);
    if (session === undefined || this.peerOf(session) === undefined) return undefined;
    const ticket = await this.transactions.issueTicket({ sessionId, target });
    return `${this.config.publicUrl}/saml/logout?ticket=${ticket}`;
  }

  /**
   * Takes the ticket and sends the browser to the identity provider, by the binding that it offers.
   * @throws OAuthError `invalid_request` for a ticket that is unknown, used or too old
   */
  async depart(ticket: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const begun = await this.transactions.takeTicket(ticket);
    const session = begun === undefined ? undefined : await this.samlSessions.of(begun.sessionId);
    if (begun === undefined || session === undefined)
      throw new OAuthError('invalid_request', 'This sign-out is unknown, done or too old; you may close this window');
    const peer = this.peerOf(session);
    const relayState = this.transactions.newRelayState();
    const made = peer === undefined ? undefined : this.messages.request(peer, session, relayState);
    // Its metadata or our configuration changed within the two minutes.
    if (made === undefined) return endOfLogout('not-asked', this.nameOf(session.providerId), begun.target, reply);
    await this.transactions.save(made.requestId, {
      ...begun,
      providerId: session.providerId,
      idpEntityId: session.idpEntityId,
      relayState,
      browser: this.browsers.bind(request, reply),
    });
    await sendMessage(made.message, 'nobody', request, reply);
  }

  /**
   * The identity provider's answer. Over POST the browser's cookie is not with it (D10), so for either binding the
   * outcome waits for the browser at an address of ours.
   * @throws OAuthError for a message that is not accepted; VerifierBusy, StoreUnavailable
   */
  async arrive(incoming: IncomingLogout, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const context = requestContext(request);
    const hint = await this.verifier.peek(incoming.message);
    const refuse = (providerId: string | undefined, verdicts: readonly Verdict[]) =>
      this.refused.record({ kind: 'logout_response', providerId, verdicts }, context);
    if (!hint.ok) throw await refuse(undefined, hint.verdicts);
    const { inResponseTo = '' } = hint.facts;
    const transaction = await this.transactions.find(inResponseTo);
    if (transaction === undefined) throw await refuse(undefined, [unknownRequest(inResponseTo)]);
    const { providerId, sessionId } = transaction;
    const peer = this.peerOf(transaction);
    if (peer === undefined) throw await refuse(providerId, [goneProvider(transaction)]);
    if (incoming.relayState !== undefined && incoming.relayState !== transaction.relayState)
      throw await refuse(providerId, [
        failed('in-response-to', 'RelayState and InResponseTo of one request', 'of two'),
      ]);
    const { provider } = peer;
    const now = this.clock();
    const read = await this.logouts.readResponse({ provider, message: incoming.message, inResponseTo, now });
    if (!read.ok) throw await refuse(providerId, read.verdicts);
    if (!(await this.transactions.close(inResponseTo))) throw await refuse(providerId, [answeredTwice(inResponseTo)]);
    const { outcome, statusCodes, statusMessage } = read.response;
    if (outcome !== 'complete')
      this.logger.warn({
        message: 'A logout at the identity provider was not complete',
        provider: providerId,
        statusCodes: statusCodes.map(quoteFound),
        statusMessage: quoteFound(statusMessage),
      });
    this.audit.recordApart(
      { kind: 'saml.logout', providerId, initiator: 'us', sessions: [sessionId], outcome },
      context,
    );
    const key = await this.transactions.issueOutcome({ transaction, outcome });
    await reply
      .header('Cache-Control', 'no-store')
      .redirect(`${this.config.publicUrl}/saml/logout?result=${key}`, request.method === 'POST' ? 303 : 302);
  }

  /**
   * Tells the browser that began the logout how it ended.
   * @throws OAuthError `invalid_request` for an outcome that is unknown or of another browser
   */
  async complete(key: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const found = await this.transactions.takeOutcome(key);
    if (found === undefined || !this.browsers.matches(request, found.transaction.browser))
      throw new OAuthError('invalid_request', 'This sign-out is unknown, done, too old or of another browser');
    const { transaction, outcome } = found;
    await endOfLogout(outcome, this.nameOf(transaction.providerId), transaction.target, reply);
  }

  /** The provider of a session, where it is enabled (R11), still the same entity, and has a logout. */
  private peerOf({ providerId, idpEntityId }: Pick<SamlSession, 'providerId' | 'idpEntityId'>): Peer | undefined {
    const provider = this.identityProviders.find(providerId);
    const idp = this.identityProviders.describe(providerId);
    if (provider === undefined || idp === undefined || idp.entityId !== idpEntityId) return undefined;
    return this.messages.isOffered(idp) ? { provider, idp } : undefined;
  }

  private nameOf(providerId: string): string {
    return this.identityProviders.find(providerId)?.name ?? 'The identity provider';
  }
}

function unknownRequest(inResponseTo: string): Verdict {
  return failed('in-response-to', 'a LogoutRequest of ours that waits for its answer', quoteFound(inResponseTo));
}

function answeredTwice(inResponseTo: string): Verdict {
  return failed('replay', 'one answer to a LogoutRequest', `another to ${quoteFound(inResponseTo)}`);
}

function goneProvider({ providerId, idpEntityId }: LogoutTransaction): Verdict {
  return failed(
    'provider',
    `the provider ${providerId} with ${quoteFound(idpEntityId)}`,
    'disabled, or another entity',
  );
}
