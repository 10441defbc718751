import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { requestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { ProviderRegistry, type Completed, type Provider } from '@app/oauth-providers';
import { sessionClient, upstreamPrompt, type AuthorizationRequest } from './authorization-request.js';
import { BrowserBinding } from './browser-binding.js';
import { OutcomeDelivery } from './delivery.js';
import { loginRefusal, logRefusal, refuseHere } from './login-errors.js';
import { LoginTransactions, type LoginTransaction } from './login-transactions.js';
import { sendPage, wantsHtml } from './page.js';
import { ProviderChoice } from './provider-choice.js';
import { SamlLogins } from './saml-logins.js';
import type { ProvenIdentity } from './proven-identity.js';
import { SignIn } from './sign-in.js';
import { SignInTokenKeeper } from './sign-in-tokens.js';
import { assertReturned, callbackUrl, queryOf, returningProvider, unknownErrand } from './upstream-return.js';

/**
 * A login from the authorization request to its outcome. The steps never call each other: beginning leaves a stored
 * transaction and sends the browser away; coming back takes it. So any instance may do either.
 */
@Injectable()
export class LoginFlow {
  private readonly logger = new Logger(LoginFlow.name);
  private readonly browsers: BrowserBinding;

  constructor(
    private readonly providers: ProviderRegistry,
    private readonly choice: ProviderChoice,
    private readonly samlLogins: SamlLogins,
    private readonly transactions: LoginTransactions,
    private readonly signIn: SignIn,
    private readonly delivery: OutcomeDelivery,
    private readonly tokenKeeper: SignInTokenKeeper,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.browsers = new BrowserBinding(config.publicUrl);
  }

  /** Sends the browser upstream; the `test` provider answers at once (D10, D22). */
  async begin(asked: AuthorizationRequest, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const chosen = this.choice.choose(asked);
    if (chosen === undefined) return this.choose(asked, request, reply);
    if (chosen.protocol === 'saml') return this.samlLogins.begin(chosen.provider, asked, request, reply);
    const { provider } = chosen;
    const state = this.transactions.newState();
    const upstreamRedirectUri = callbackUrl(this.config.publicUrl, returningProvider(provider));
    const prompt = upstreamPrompt(asked);
    const begun = await provider.connector.begin({
      state,
      redirectUri: upstreamRedirectUri,
      ...(asked.loginHint === undefined ? {} : { loginHint: asked.loginHint }),
      ...(prompt === undefined ? {} : { prompt }),
      ...(asked.maxAge === undefined ? {} : { maxAge: asked.maxAge }),
      ...(asked.acrValues === undefined ? {} : { acrValues: asked.acrValues }),
      ...(asked.uiLocales === undefined ? {} : { uiLocales: asked.uiLocales }),
    });
    if (begun.kind === 'identity') return this.finish(asked, begun.identity, request, reply);
    await this.transactions.save(state, {
      providerId: provider.config.id,
      upstreamRedirectUri,
      upstream: begun.transaction,
      browser: this.browsers.bind(request, reply),
      request: asked,
    });
    const afterPost = request.method === 'POST';
    await reply.header('Cache-Control', 'no-store').redirect(begun.url, afterPost ? 303 : 302);
  }

  /**
   * The browser comes back from upstream. Until state, provider and browser fit (R19, R20) there is nobody to tell but
   * who asked; afterwards every outcome goes to the client (D34).
   * @param own the provider named by the address, for those with a callback of their own (D35).
   */
  async complete(own: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const parameters = queryOf(request);
    const transaction = await this.transactions.take(parameters.get('state') ?? '');
    const provider = transaction === undefined ? undefined : this.providers.find(transaction.providerId);
    if (transaction === undefined || provider === undefined) throw unknownErrand('sign-in');
    const arrival = { publicUrl: this.config.publicUrl, own, browsers: this.browsers, request };
    assertReturned('sign-in', transaction, returningProvider(provider), arrival);
    await this.redeem(provider, transaction, parameters, request, reply);
  }

  private async redeem(
    provider: Provider,
    transaction: LoginTransaction,
    parameters: URLSearchParams,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    try {
      const { upstream, upstreamRedirectUri } = transaction;
      const completed = await provider.connector.complete(parameters, upstream, upstreamRedirectUri);
      await this.finish(transaction.request, completed.identity, request, reply, { provider, completed });
    } catch (error) {
      const refusal = loginRefusal(error);
      if (refusal === undefined) throw error;
      logRefusal(this.logger, refusal, provider.config.id, request.id);
      // A conflict of accounts is something for the person to read, not for the client to handle (D17).
      if (refusal.code === 'account_conflict') return refuseHere(refusal, request, reply);
      await this.delivery.fail(transaction.request, refusal, reply);
    }
  }

  private async finish(
    asked: AuthorizationRequest,
    identity: ProvenIdentity,
    request: FastifyRequest,
    reply: FastifyReply,
    brought?: { readonly provider: Provider; readonly completed: Completed },
  ): Promise<void> {
    const context = requestContext(request);
    const sessionId = await this.signIn.complete(identity, sessionClient(asked, this.config), context);
    if (brought !== undefined) await this.tokenKeeper.keep(brought.provider, brought.completed, sessionId, context);
    await this.delivery.succeed(asked, sessionId, request, reply);
  }

  private async choose(asked: AuthorizationRequest, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    // OIDC Core §3.1.2.1: with prompt=none nobody may be asked anything.
    if (asked.prompt === 'none')
      throw new OAuthError('interaction_required', 'There is more than one provider: name one with idp');
    if (!wantsHtml(request) || request.method !== 'GET')
      throw new OAuthError(
        'invalid_request',
        'idp is required: there is more than one provider; see /oauth2/providers and /saml/providers',
      );
    const links = this.choice.links(asked.organization, (id) => {
      const query = queryOf(request);
      query.set('idp', id);
      return `${this.config.publicUrl}/oauth2/authorize?${query.toString()}`;
    });
    await sendPage(reply, 200, 'Sign in with', links);
  }
}
