import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { identityOf, type SamlIdentity } from './identity/saml-identity.js';
import type { AssertionFacts } from './message-facts.js';
import { IdentityProviders } from './metadata/identity-providers.js';
import { SAML_VERIFIER, type SamlVerifier } from './saml-verifier.js';
import { SamlKeys } from './sp/saml-keys.js';
import { parseInstant } from './validation/instant.js';
import { useOnce } from './validation/one-time-id.js';
import { checkResponse, type ResponseExpectation } from './validation/response-checks.js';
import { firstFailure, type Verdict } from './verdict.js';
import { verifyWithFreshKeys } from './verify-with-fresh-keys.js';

/** A response that arrived at the ACS, and what it must answer. */
export interface ArrivedResponse {
  /** Whose answer it must be: the provider of our request, or one with the Issuer of an unsolicited response (D23). */
  readonly provider: SamlProviderConfig;
  /** The form field `SAMLResponse`, untouched. */
  readonly samlResponse: string;
  /** The id of our request; undefined: the response must be unsolicited. */
  readonly inResponseTo: string | undefined;
  readonly now: Date;
  /** Oldest authentication that is accepted (`max_age`). */
  readonly maxAuthAgeSeconds?: number | undefined;
  /** When a request with ForceAuthn was made: the authentication must be younger. */
  readonly forceAuthnSince?: Date | undefined;
  /** Authentication context classes that this login asked for: checked beside the configured ones, never instead (D32). */
  readonly contextClasses?: readonly string[] | undefined;
}

export type AcceptedResponse =
  | { readonly ok: true; readonly identity: SamlIdentity; readonly verdicts: readonly Verdict[] }
  | { readonly ok: false; readonly verdicts: readonly Verdict[] };

/** From the bytes of a response to an identity: the one way there, whoever began the login (R12). */
@Injectable()
export class SamlResponses {
  private readonly acsUrl: string;

  constructor(
    private readonly identityProviders: IdentityProviders,
    private readonly keys: SamlKeys,
    @Inject(SAML_VERIFIER) private readonly verifier: SamlVerifier,
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.acsUrl = `${config.publicUrl}/saml/acs`;
  }

  /**
   * Verifies (D26), checks the meaning (R9), reads the identity, and last uses up the assertion (R10), so that a refused
   * one is not used up. Verdicts are of all that was looked at; the first that is not ok tells why it was refused.
   *
   * @throws VerifierBusy, StoreUnavailable: 503, and nobody is signed in
   */
  async accept(arrived: ArrivedResponse): Promise<AcceptedResponse> {
    const { provider, now, samlResponse } = arrived;
    const verified = await verifyWithFreshKeys(
      this.identityProviders,
      provider,
      samlResponse,
      ({ signingCertificates }) =>
        this.verifier.verifyResponse({
          samlResponse,
          engine: this.config.saml.verifier,
          certificates: signingCertificates,
          decryptionKeys: this.keys.decryptionKeys(),
          legacyEncryption: provider.legacyEncryption,
        }),
    );
    if (!verified.ok) return verified;
    const { facts, idp } = verified;
    const verdicts = [...verified.verdicts, ...checkResponse(facts, this.expect(arrived, idp.entityId))];
    const { assertion } = facts;
    if (assertion === undefined || firstFailure(verdicts) !== undefined) return { ok: false, verdicts };

    const reading = identityOf(assertion, provider);
    verdicts.push(...reading.verdicts);
    if (reading.identity === undefined) return { ok: false, verdicts };

    const once = await useOnce(
      this.store,
      { kind: 'assertion', providerId: provider.id, id: assertion.id },
      endOf(assertion, now),
      { now, skewSeconds: this.config.saml.clockSkewSeconds },
    );
    verdicts.push(once);
    return once.ok ? { ok: true, identity: reading.identity, verdicts } : { ok: false, verdicts };
  }

  private expect(arrived: ArrivedResponse, idpEntityId: string): ResponseExpectation {
    const { provider, now, inResponseTo, maxAuthAgeSeconds, forceAuthnSince, contextClasses } = arrived;
    return {
      now,
      skewSeconds: this.config.saml.clockSkewSeconds,
      maxMessageAgeSeconds: this.config.saml.maxMessageAgeSeconds,
      idpEntityId,
      entityId: provider.entityId,
      acsUrl: this.acsUrl,
      inResponseTo,
      wantAssertionsSigned: provider.wantAssertionsSigned,
      wantEncryptedAssertions: provider.wantEncryptedAssertions,
      subjectAttributes: provider.attributes.subject,
      maxAuthAgeSeconds,
      forceAuthnSince,
      requestedAuthnContext: provider.requestedAuthnContext,
      contextClasses,
    };
  }
}

/** The latest NotOnOrAfter of the assertion: then it ends by itself. */
function endOf({ conditions, confirmations }: AssertionFacts, now: Date): Date {
  const ends = [conditions?.notOnOrAfter, ...confirmations.map(({ notOnOrAfter }) => notOnOrAfter)];
  const times = ends.map((end) => parseInstant(end)?.getTime() ?? now.getTime());
  return new Date(Math.max(...times));
}
