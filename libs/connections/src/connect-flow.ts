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
import { UpstreamTokenEndpoints, type ConnectedTokens, type UpstreamTokenTraits } from '@app/upstream-tokens';
import { OtherAccount, Vault } from '@app/vault';
import { sendConnected, sendNotConnected } from './connect-outcome.js';
import { agreementOf, sendConnectPage } from './connect-page.js';
import { ConnectTickets, STATE_PREFIX, type ConnectOrder, type ConnectTransaction } from './connect-tickets.js';
import { unknownConnection } from './delivery-answer.js';
import { OwnConnections } from './own-connections.js';

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
    private readonly own: OwnConnections,
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
    if (!(await this.isStillWanted(order, request, reply))) return;
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
    if (!(await this.isStillWanted(order, request, reply))) return;
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
      connectionId = await this.keepOrGiveBack(order, grant, request);
    } catch (error) {
      const refusal = loginRefusal(error);
      if (refusal === undefined) throw error;
      return this.refuse(order, refusal, request, reply);
    }
    await sendConnected(reply, order, connectionId);
  }

  /** Says whether to go on; otherwise the refusal is already on its way (D34). */
  private async isStillWanted(order: ConnectOrder, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    try {
      await this.own.assertStillMay(order.by, order.connectionId);
      return true;
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      await this.refuse(order, error, request, reply);
      return false;
    }
  }

  private async refuse(
    order: ConnectOrder,
    refusal: OAuthError,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { code, logDetail } = refusal;
    const entry = { requestId: request.id, provider: order.providerId, error: code, detail: logDetail };
    this.logger.warn({ message: 'An account was not connected', ...entry });
    await sendNotConnected(reply, order, refusal);
  }

  /**
   * Tokens that may not be kept are given back, so that no grant lives on that nobody sees. Not after a fault of ours:
   * then it is not known whether they were kept.
   */
  private async keepOrGiveBack(order: ConnectOrder, grant: ConnectedTokens, request: FastifyRequest): Promise<string> {
    try {
      await this.own.assertStillMay(order.by, order.connectionId);
      return await this.keep(order, grant, request);
    } catch (error) {
      if (error instanceof OAuthError) {
        const outcome = await this.endpoints.revoke(order.providerId, grant);
        const entry = { requestId: request.id, provider: order.providerId, outcome };
        this.logger.log({ message: 'Tokens that nobody may keep were given back', ...entry });
      }
      throw error;
    }
  }

  private async keep(
    order: ConnectOrder,
    { subject, ...tokens }: ConnectedTokens,
    request: FastifyRequest,
  ): Promise<string> {
    const { providerId, connectionId } = order;
    const { organizationId, userId, actor } = order.by;
    const context = requestContext(request);
    if (connectionId === undefined) {
      const input = { organizationId, providerId, userId, origin: 'consent', label: undefined } as const;
      return (await this.vault.create({ ...input, subject, tokens, actor }, context)).id;
    }
    const grant = { tokens, subject, actor };
    const again = await this.vault.reconnect(organizationId, connectionId, grant, context).catch(refuseOtherAccount);
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

/** R17: whoever gets the link of a connection must not put an account of his own in its place. */
function refuseOtherAccount(error: unknown): never {
  if (!(error instanceof OtherAccount)) throw error;
  throw new OAuthError(
    'account_conflict',
    'This is another account than the one that was connected; connect that one again, or make a new connection',
    { cause: error },
  );
}

function notOpen(): OAuthError {
  return new OAuthError('invalid_request', 'This link is used, unknown or too old; ask for another one');
}
