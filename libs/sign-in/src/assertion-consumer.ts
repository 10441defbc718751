import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock, type SamlProviderConfig } from '@app/config';
import type { RequestContext } from '@app/edge';
import { OAuthError, temporarilyUnavailable } from '@app/oauth2';
import {
  failed,
  IdentityProviders,
  quoteFound,
  SAML_VERIFIER,
  SamlResponses,
  VerifierBusy,
  type AcceptedResponse,
  type SamlVerifier,
  type Verdict,
} from '@app/saml';
import { refusalOf, SamlRefusals } from './saml-refusals.js';
import { SamlTransactions, type SamlTransaction } from './saml-transactions.js';

/** What a browser posted to the assertion consumer service, untouched. */
export interface PostedResponse {
  readonly samlResponse: string;
  readonly relayState: string | undefined;
}

/**
 * The assertion consumer service (profiles §4.1.4). The post comes from another site, so the browser's cookie is not
 * there: what it finds waits under a ticket for the browser to come back by GET (D10).
 */
@Injectable()
export class AssertionConsumer {
  constructor(
    private readonly providers: IdentityProviders,
    private readonly responses: SamlResponses,
    @Inject(SAML_VERIFIER) private readonly verifier: SamlVerifier,
    private readonly transactions: SamlTransactions,
    private readonly refusals: SamlRefusals,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Answers the ticket of what it found: an identity or a refusal for a login of ours, or a reason to begin one.
   * @throws OAuthError for what belongs to no login, and 503 when nobody has time to verify
   */
  async consume(posted: PostedResponse, context: RequestContext): Promise<string> {
    const { relayState } = posted;
    const transaction = relayState === undefined ? undefined : await this.transactions.take(relayState);
    if (relayState === undefined || transaction === undefined) return this.unsolicited(posted, context);
    try {
      return await this.solicited(transaction, posted.samlResponse, context);
    } catch (error) {
      if (!(error instanceof VerifierBusy)) throw error;
      // Nothing was decided: the same post may come again.
      await this.transactions.putBack(relayState, transaction, this.clock());
      throw busy(error);
    }
  }

  /** RelayState named a login of ours: the answer must be of its provider and to its request (D23). */
  private async solicited(transaction: SamlTransaction, samlResponse: string, context: RequestContext) {
    const { providerId } = transaction;
    const reference = context.requestId;
    const accepted = await this.accept(transaction, samlResponse);
    if (accepted.ok) {
      const { identity } = accepted;
      return this.transactions.issueTicket({ kind: 'identity', transaction, identity, reference });
    }
    const { verdicts } = accepted;
    await this.refusals.report({ providerId, verdicts, reference }, context);
    const refusal = refusalOf(verdicts, reference);
    return this.transactions.issueTicket({ kind: 'refused', transaction, refusal, reference });
  }

  private async accept(transaction: SamlTransaction, samlResponse: string): Promise<AcceptedResponse> {
    const { providerId, requestId, begunAtMs, forced, contextClasses, request } = transaction;
    const provider = this.providers.find(providerId);
    const fault = this.changed(transaction, provider);
    if (provider === undefined || fault !== undefined)
      return { ok: false, verdicts: [fault ?? failed('provider', 'an enabled provider', `"${providerId}"`)] };
    const accepted = await this.responses.accept({
      provider,
      samlResponse,
      inResponseTo: requestId,
      now: this.clock(),
      maxAuthAgeSeconds: request.maxAge,
      forceAuthnSince: forced === 'forced' ? new Date(begunAtMs) : undefined,
      contextClasses,
    });
    // The metadata may have changed meanwhile, but whom we asked has not.
    if (accepted.ok && accepted.identity.issuer !== transaction.idpEntityId) {
      const { idpEntityId } = transaction;
      const verdict = failed('assertion-issuer', quoteFound(idpEntityId), quoteFound(accepted.identity.issuer));
      return { ok: false, verdicts: [...accepted.verdicts, verdict] };
    }
    return accepted;
  }

  /** R11: a provider that was switched off, or became another one, since the login began. */
  private changed(transaction: SamlTransaction, provider: SamlProviderConfig | undefined): Verdict | undefined {
    if (provider === undefined)
      return failed('provider', `an enabled provider "${transaction.providerId}"`, 'none: it is disabled or gone');
    if (provider.entityId === transaction.entityId) return undefined;
    return failed('provider', `entity_id ${quoteFound(transaction.entityId)}`, quoteFound(provider.entityId));
  }

  /** No login of ours: a reason to begin one where the provider allows it, and never more (D36). */
  private async unsolicited({ samlResponse, relayState }: PostedResponse, context: RequestContext): Promise<string> {
    const reference = context.requestId;
    try {
      const found = await this.findSender(samlResponse);
      if ('providerId' in found)
        return await this.transactions.issueTicket({
          kind: 'unsolicited',
          providerId: found.providerId,
          relayState,
          reference,
        });
      await this.refusals.report({ providerId: found.suspect, verdicts: found.verdicts, reference }, context);
      throw unsolicitedRefusal(found.verdicts, reference);
    } catch (error) {
      throw error instanceof VerifierBusy ? busy(error) : error;
    }
  }

  private async findSender(
    samlResponse: string,
  ): Promise<
    { readonly providerId: string } | { readonly suspect: string | undefined; readonly verdicts: readonly Verdict[] }
  > {
    const peeked = await this.verifier.peek({ samlResponse });
    if (!peeked.ok) return { suspect: undefined, verdicts: peeked.verdicts };
    const { issuer, inResponseTo } = peeked.facts;
    const senders = issuer === undefined ? [] : this.providers.byIssuer(issuer);
    const suspect = senders[0]?.id;
    if (inResponseTo !== undefined) {
      const expected = 'RelayState of a sign-in that waits for this answer';
      return { suspect, verdicts: [failed('in-response-to', expected, `none, with ${quoteFound(inResponseTo)}`)] };
    }
    if (suspect === undefined)
      return { suspect, verdicts: [failed('provider', 'Issuer of a configured provider', quoteFound(issuer))] };
    const allowed = senders.filter((provider) => provider.allowIdpInitiated);
    let verdicts: readonly Verdict[] = [
      failed('unsolicited', 'a provider with allow_idp_initiated', `"${suspect}" without it`),
    ];
    for (const provider of allowed) {
      const now = this.clock();
      const accepted = await this.responses.accept({ provider, samlResponse, inResponseTo: undefined, now });
      if (accepted.ok) return { providerId: provider.id };
      // Of several with one Issuer (D23) the one that got furthest is most likely the one that was meant.
      if (passes(accepted.verdicts) >= passes(verdicts)) verdicts = accepted.verdicts;
    }
    return { suspect, verdicts };
  }
}

function passes(verdicts: readonly Verdict[]): number {
  return verdicts.filter(({ ok }) => ok).length;
}

/** Nobody asked for it, so whoever sent it made the mistake, and nothing behind us did: 400. */
function unsolicitedRefusal(verdicts: readonly Verdict[], reference: string): OAuthError {
  const description =
    verdicts.at(-1)?.check === 'in-response-to'
      ? 'This sign-in is unknown, finished or too old; start again'
      : `This sign-in was refused; reference ${reference}`;
  return new OAuthError('invalid_request', description, { details: { reference } });
}

function busy(cause: VerifierBusy): OAuthError {
  return temporarilyUnavailable('Verifying sign-ins', cause);
}
