import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import type { LogoutFacts, NameId } from './message-facts.js';
import { IdentityProviders } from './metadata/identity-providers.js';
import { SAML_VERIFIER, type LogoutJob, type SamlVerifier } from './saml-verifier.js';
import { SamlKeys } from './sp/saml-keys.js';
import { parseInstant } from './validation/instant.js';
import {
  checkLogoutRequest,
  checkLogoutResponse,
  logoutOutcome,
  logoutRequestEnd,
  type LogoutExpectation,
} from './validation/logout-checks.js';
import { forgetUse, useOnce } from './validation/one-time-id.js';
import { failed, firstFailure, type Verdict } from './verdict.js';
import { verifyWithFreshKeys } from './verify-with-fresh-keys.js';

/** A logout message that arrived, and whose it claims to be. */
export interface ArrivedLogout {
  /** One with the message's Issuer; where there are several, each is asked in turn (D23). */
  readonly provider: SamlProviderConfig;
  readonly message: LogoutJob['message'];
  readonly now: Date;
}

/** A LogoutRequest that may be carried out. */
export interface AcceptedLogoutRequest {
  /** Of the message: what our answer names in InResponseTo, and what {@link SamlLogouts.forgetRequest} takes. */
  readonly id: string;
  readonly issuer: string;
  readonly nameId: NameId;
  /** None: every session of the person (D25). */
  readonly sessionIndexes: readonly string[];
  readonly reason: string | undefined;
  readonly issuedAt: Date;
  /** NotOnOrAfter; where there is none, when the message is too old. Until then it ends assertions that arrive later. */
  readonly until: Date;
}

/** What the IdP answered to our LogoutRequest. */
export interface AcceptedLogoutResponse {
  readonly issuer: string;
  readonly outcome: 'complete' | 'partial' | 'failed';
  readonly statusCodes: readonly string[];
  readonly statusMessage: string | undefined;
}

interface Refused {
  readonly ok: false;
  readonly verdicts: readonly Verdict[];
}

export type ReadLogoutRequest =
  { readonly ok: true; readonly request: AcceptedLogoutRequest; readonly verdicts: readonly Verdict[] } | Refused;

export type ReadLogoutResponse =
  { readonly ok: true; readonly response: AcceptedLogoutResponse; readonly verdicts: readonly Verdict[] } | Refused;

/** From the bytes of a logout message, of either binding, to what it asks or answers. Ends nothing itself. */
@Injectable()
export class SamlLogouts {
  private readonly sloUrl: string;

  constructor(
    private readonly identityProviders: IdentityProviders,
    private readonly keys: SamlKeys,
    @Inject(SAML_VERIFIER) private readonly verifier: SamlVerifier,
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.sloUrl = `${config.publicUrl}/saml/slo`;
  }

  /**
   * Verifies a LogoutRequest (R15), checks its meaning, and uses it up (R14).
   * @throws VerifierBusy, StoreUnavailable: 503, and nothing is ended
   */
  async readRequest(arrived: ArrivedLogout): Promise<ReadLogoutRequest> {
    const verified = await this.verify(arrived);
    if (!verified.ok) return verified;
    const { facts, idp } = verified;
    if (facts.kind !== 'LogoutRequest') return otherKind(verified.verdicts, 'LogoutRequest', facts);
    const { now, provider } = arrived;
    const verdicts = [...verified.verdicts, ...checkLogoutRequest(facts, this.expect(idp.entityId, now))];
    const [nameId] = facts.nameIds;
    if (nameId === undefined || firstFailure(verdicts) !== undefined) return { ok: false, verdicts };

    const until = logoutRequestEnd(facts, this.config.saml.maxMessageAgeSeconds, now);
    const message = { kind: 'logout-request', providerId: provider.id, id: facts.id } as const;
    const once = await useOnce(this.store, message, until, { now, skewSeconds: this.config.saml.clockSkewSeconds });
    verdicts.push(once);
    if (!once.ok) return { ok: false, verdicts };
    const { id, sessionIndexes, reason } = facts;
    const issuedAt = parseInstant(facts.issueInstant) ?? now;
    return {
      ok: true,
      verdicts,
      request: { id, issuer: idp.entityId, nameId, sessionIndexes, reason, issuedAt, until },
    };
  }

  /** Lets a LogoutRequest be sent again whose work failed here: a logout that was not carried out must stay possible. */
  async forgetRequest(provider: SamlProviderConfig, requestId: string): Promise<void> {
    await forgetUse(this.store, { kind: 'logout-request', providerId: provider.id, id: requestId });
  }

  /**
   * Verifies a LogoutResponse and that it answers the request with the id `inResponseTo`. That the request is answered
   * once is its keeper's to see to.
   * @throws VerifierBusy
   */
  async readResponse(arrived: ArrivedLogout & { readonly inResponseTo: string }): Promise<ReadLogoutResponse> {
    const verified = await this.verify(arrived);
    if (!verified.ok) return verified;
    const { facts, idp } = verified;
    if (facts.kind !== 'LogoutResponse') return otherKind(verified.verdicts, 'LogoutResponse', facts);
    const expected = { ...this.expect(idp.entityId, arrived.now), inResponseTo: arrived.inResponseTo };
    const verdicts = [...verified.verdicts, ...checkLogoutResponse(facts, expected)];
    if (firstFailure(verdicts) !== undefined) return { ok: false, verdicts };
    const { statusCodes, statusMessage } = facts;
    const response = { issuer: idp.entityId, outcome: logoutOutcome(facts), statusCodes, statusMessage };
    return { ok: true, response, verdicts };
  }

  private verify({ provider, message }: ArrivedLogout) {
    const posted = message.binding === 'post' ? message.value : undefined;
    return verifyWithFreshKeys(this.identityProviders, provider, posted, ({ signingCertificates }) =>
      this.verifier.verifyLogout({
        message,
        certificates: signingCertificates,
        decryptionKeys: this.keys.decryptionKeys(),
      }),
    );
  }

  private expect(idpEntityId: string, now: Date): LogoutExpectation {
    const { clockSkewSeconds, maxMessageAgeSeconds } = this.config.saml;
    return { now, skewSeconds: clockSkewSeconds, maxMessageAgeSeconds, idpEntityId, sloUrl: this.sloUrl };
  }
}

function otherKind(verdicts: readonly Verdict[], wanted: LogoutFacts['kind'], { kind }: LogoutFacts): Refused {
  return { ok: false, verdicts: [...verdicts, failed('root-element', wanted, kind)] };
}
