import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import { OAuthError, temporarilyUnavailable } from '@app/oauth2';
import {
  IdentityProviders,
  narrowedClasses,
  NoSingleSignOnEndpoint,
  SamlAuthnRequests,
  type AuthnRequestOrder,
  type BegunAuthnRequest,
} from '@app/saml';
import type { AuthorizationRequest } from './authorization-request.js';
import { sendAutoPost } from './auto-post.js';
import { BrowserBinding } from './browser-binding.js';
import { SamlTransactions } from './saml-transactions.js';

/** Class references are URIs (core §2.7.2.2): printable ASCII without blanks, so nothing in one is markup's or a log's. */
const CLASS_REFERENCE = /^[\x21-\x7e]{1,500}$/;

/** The first half of a login by SAML: the browser goes to the IdP with a request of ours (core §3.4.1). */
@Injectable()
export class SamlLogins {
  private readonly logger = new Logger('Saml');
  private readonly browsers: BrowserBinding;

  constructor(
    private readonly providers: IdentityProviders,
    private readonly requests: SamlAuthnRequests,
    private readonly transactions: SamlTransactions,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.browsers = new BrowserBinding(config.publicUrl);
  }

  /**
   * Sends the browser to the IdP, by redirect or by a form that sends itself.
   * @throws OAuthError 400 where it names only classes that the provider does not accept, 503 while its metadata was never
   *   fetched, 502 where that offers no usable address
   */
  async begin(
    provider: SamlProviderConfig,
    asked: AuthorizationRequest,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const contextClasses = classesOf(asked.acrValues, provider);
    const idp = await this.providers.whenLoaded(provider.id);
    if (idp === undefined) throw temporarilyUnavailable('The identity provider');
    const relayState = this.transactions.newRelayState();
    const interaction = interactionOf(asked);
    const begunAtMs = this.clock().getTime();
    const begun = await this.authnRequest({ provider, idp, relayState, interaction, contextClasses });
    await this.transactions.save(relayState, {
      providerId: provider.id,
      idpEntityId: idp.entityId,
      entityId: provider.entityId,
      requestId: begun.requestId,
      begunAtMs,
      forced: provider.forceAuthn || asksAnew(asked) ? 'forced' : 'as-needed',
      contextClasses,
      browser: this.browsers.bind(request, reply),
      request: asked,
    });
    await send(begun, provider, request, reply);
  }

  private async authnRequest(order: AuthnRequestOrder): Promise<BegunAuthnRequest> {
    try {
      return await this.requests.begin(order);
    } catch (error) {
      if (!(error instanceof NoSingleSignOnEndpoint)) throw error;
      this.logger.warn({ message: error.message, provider: order.provider.id });
      throw new OAuthError('server_error', 'This identity provider is not set up completely', {
        status: 502,
        cause: error,
      });
    }
  }
}

async function send(
  begun: BegunAuthnRequest,
  provider: SamlProviderConfig,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (begun.kind === 'post') {
    const { destination, fields } = begun;
    return sendAutoPost(reply, { title: `Signing in with ${provider.name}`, destination, fields });
  }
  await reply.header('Cache-Control', 'no-store').redirect(begun.url, request.method === 'POST' ? 303 : 302);
}

/** OIDC Core §3.1.2.1: `login` is an authentication anew. */
function asksAnew({ prompt }: AuthorizationRequest): boolean {
  return prompt?.split(' ').includes('login') === true;
}

/** D32: SAML has no max_age, so the IdP is asked to authenticate anew, and AuthnInstant is checked in the answer. */
function interactionOf(asked: AuthorizationRequest): AuthnRequestOrder['interaction'] {
  if (asked.prompt === 'none') return 'forbidden';
  return asksAnew(asked) || asked.maxAge !== undefined ? 'forced' : 'as-needed';
}

/** D32: refused here rather than by the answer, when the person would have authenticated for nothing. */
function classesOf(acrValues: string | undefined, provider: SamlProviderConfig): readonly string[] {
  const classes = (acrValues ?? '').split(' ').filter((value) => value !== '');
  if (!classes.every((value) => CLASS_REFERENCE.test(value)))
    throw new OAuthError('invalid_request', 'acr_values must be authentication context class URIs');
  const narrowed = narrowedClasses(provider, classes);
  if (narrowed === undefined)
    throw new OAuthError('invalid_request', 'acr_values names no authentication context that this provider accepts', {
      logDetail: `provider "${provider.id}" accepts only what its requested_authn_context says`,
    });
  return narrowed;
}
