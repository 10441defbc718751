import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { noStore, requestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import {
  assertReturned,
  BrowserBinding,
  CallbackHandlers,
  callbackUrl,
  loginRefusal,
  queryOf,
  refuseHere,
  unknownErrand,
} from '@app/sign-in';
import { UpstreamTokenEndpoints, type UpstreamTokenTraits } from '@app/upstream-tokens';
import { Vault } from '@app/vault';
import { sendConnected, sendNotConnected } from './connect-outcome.js';
import { agreementOf, sendConnectPage } from './connect-page.js';
import { ConnectTickets, STATE_PREFIX, type ConnectOrder, type ConnectTransaction } from './connect-tickets.js';
import { unknownConnection } from './delivery-answer.js';

/** What the person answered. */
export interface Agreement {
  readonly decision: 'continue' | 'cancel';
  readonly agreement: string;
}

/**
 * Connecting an account, from the page that asks to the connection (D47). The steps never call each other: each leaves
 * what the next one takes, so any instance may do any of them.
 */
@Injectable()
export class ConnectFlow implements OnModuleInit {
  private readonly logger = new Logger('Connections');
  private readonly browsers: BrowserBinding;

  constructor(
    private readonly tickets: ConnectTickets,
    private readonly endpoints: UpstreamTokenEndpoints,
    private readonly vault: Vault,
    private readonly callbacks: CallbackHandlers,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.browsers = new BrowserBinding(config.publicUrl);
  }

  onModuleInit(): void {
    this.callbacks.register(STATE_PREFIX, this);
  }

  /** The page of a ticket; gives the browser its cookie. @throws OAuthError for a ticket that is none */
  async ask(ticket: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const order = await this.tickets.find(ticket);
    if (order === undefined) throw notOpen();
    const provider = this.providerOf(order).name;
    const agreement = agreementOf(ticket, this.browsers.bind(request, reply));
    await sendConnectPage(reply, { ticket, order, provider, agreement });
  }

  /** Sends whoever agreed upstream. The ticket is used up only by that, or by a no. @throws OAuthError */
  async begin(ticket: string, said: Agreement, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const order = await this.tickets.find(ticket);
    if (order === undefined) throw notOpen();
    const browser = this.browsers.bind(request, reply);
    // A cookie that this very answer sets proves nothing, so a form from elsewhere never fits.
    if (said.agreement !== agreementOf(ticket, browser) || !this.browsers.matches(request, browser))
      throw new OAuthError(
        'invalid_request',
        'Open the link again and agree in the same browser, with cookies allowed',
      );
    if (said.decision === 'cancel') return this.cancel(ticket, order, reply);
    const upstreamRedirectUri = callbackUrl(this.config.publicUrl, this.returning(order));
    const { state, scopes, providerId } = order;
    const { url, transaction } = await this.endpoints.authorize(providerId, {
      state,
      redirectUri: upstreamRedirectUri,
      scopes,
    });
    if (!(await this.tickets.redeem(ticket))) throw notOpen();
    await this.tickets.save({ order, upstreamRedirectUri, upstream: transaction, browser });
    noStore(reply);
    await reply.redirect(url, 303);
  }

  /** The browser comes back from upstream. */
  async complete(own: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    await this.refusingHere(request, reply, async () => {
      const parameters = queryOf(request);
      const transaction = await this.tickets.take(parameters.get('state') ?? '');
      const traits = transaction === undefined ? undefined : this.endpoints.describe(transaction.order.providerId);
      if (transaction === undefined || traits === undefined) throw unknownErrand('connection');
      const { publicUrl } = this.config;
      const arrival = { publicUrl, own, browsers: this.browsers, request };
      assertReturned('connection', transaction, this.returning(transaction.order), arrival);
      await this.redeem(transaction, parameters, request, reply);
    });
  }

  /** Runs a step whose refusals go to whoever asked: a page for people, JSON for everybody else. */
  async refusingHere(request: FastifyRequest, reply: FastifyReply, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      const refusal = loginRefusal(error);
      if (refusal === undefined) throw error;
      await refuseHere(refusal, request, reply, 'The account was not connected');
    }
  }

  private async redeem(
    { order, upstream, upstreamRedirectUri }: ConnectTransaction,
    parameters: URLSearchParams,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    let connectionId: string;
    try {
      const grant = await this.endpoints.exchange(order.providerId, parameters, upstream, upstreamRedirectUri);
      connectionId = await this.keep(order, grant, request);
    } catch (error) {
      const refusal = loginRefusal(error);
      if (refusal === undefined) throw error;
      const { code, logDetail } = refusal;
      const entry = { requestId: request.id, provider: order.providerId, error: code, detail: logDetail };
      this.logger.warn({ message: 'An account was not connected', ...entry });
      return sendNotConnected(reply, order, refusal);
    }
    await sendConnected(reply, order, connectionId);
  }

  private async keep(
    order: ConnectOrder,
    { subject, ...tokens }: Awaited<ReturnType<UpstreamTokenEndpoints['exchange']>>,
    request: FastifyRequest,
  ): Promise<string> {
    const { organizationId, providerId, userId, connectionId, actor } = order;
    const context = requestContext(request);
    if (connectionId === undefined) {
      const input = { organizationId, providerId, userId, origin: 'consent', label: undefined } as const;
      return (await this.vault.create({ ...input, subject, tokens, actor }, context)).id;
    }
    const again = await this.vault.reconnect(organizationId, connectionId, { tokens, subject, actor }, context);
    if (again === undefined) throw unknownConnection();
    return again.id;
  }

  private async cancel(ticket: string, order: ConnectOrder, reply: FastifyReply): Promise<void> {
    if (!(await this.tickets.redeem(ticket))) throw notOpen();
    await sendNotConnected(reply, order, new OAuthError('access_denied', 'The person did not want to connect'));
  }

  private returning(order: ConnectOrder): { readonly id: string; readonly callback: 'shared' | 'own' } {
    return { id: order.providerId, callback: this.providerOf(order).callback };
  }

  private providerOf({ providerId }: ConnectOrder): UpstreamTokenTraits {
    const traits = this.endpoints.describe(providerId);
    if (traits === undefined) throw notOpen();
    return traits;
  }
}

function notOpen(): OAuthError {
  return new OAuthError('invalid_request', 'This link is used, unknown or too old; ask for another one');
}
