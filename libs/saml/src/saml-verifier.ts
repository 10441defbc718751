import type { LogoutFacts, ResponseFacts } from './message-facts.js';
import type { IdpDescription } from './metadata/idp-description.js';
import type { Verdict } from './verdict.js';

/** Injection token of the {@link SamlVerifier}. */
export const SAML_VERIFIER = Symbol('SamlVerifier');

/** A response as it came over the POST binding, and the keys that may vouch for it. Plain data: it crosses to a worker. */
export interface ResponseJob {
  /** The form field `SAMLResponse`, untouched. */
  readonly samlResponse: string;
  readonly engine: 'strict' | 'node-saml';
  /** The IdP's signing certificates, base64 of DER, without PEM lines; never empty (R8). */
  readonly certificates: readonly string[];
  /** Our private keys, PKCS #8 PEM, newest first. */
  readonly decryptionKeys: readonly string[];
  /** D53. */
  readonly legacyEncryption: boolean;
}

/** A logout message as it came: the parameters of the POST binding, or the raw query of the Redirect binding. */
export interface LogoutJob {
  readonly message:
    | { readonly binding: 'post'; readonly parameter: 'SAMLRequest' | 'SAMLResponse'; readonly value: string }
    /** Everything after the `?`, byte for byte: the signature is over these very bytes (bindings §3.4.4.1). */
    | { readonly binding: 'redirect'; readonly query: string };
  readonly certificates: readonly string[];
  readonly decryptionKeys: readonly string[];
}

/** Facts are there exactly when every verdict is ok. Verdicts stop at the first that is not. */
export type Verified<Facts> =
  | { readonly ok: true; readonly facts: Facts; readonly verdicts: readonly Verdict[] }
  | { readonly ok: false; readonly verdicts: readonly Verdict[] };

/** Parts of a message that nobody vouched for: to find the provider by, never to believe. */
export interface MessageHint {
  readonly issuer: string | undefined;
  readonly inResponseTo: string | undefined;
}

/**
 * Shape, encryption and signatures of messages: what they say is read only from what a signature covered (D26, R1). Their
 * meaning (audience, times, replay) is checked elsewhere, by pure functions.
 * Every method throws {@link VerifierBusy} when no worker can take the work, and never for what a message holds.
 */
export interface SamlVerifier {
  verifyResponse(job: ResponseJob): Promise<Verified<ResponseFacts>>;
  verifyLogout(job: LogoutJob): Promise<Verified<LogoutFacts>>;
  /** The Issuer of a message (response, or logout by either binding) before it is verified: to choose whose keys to try. */
  peek(message: { readonly samlResponse: string } | LogoutJob['message']): Promise<Verified<MessageHint>>;
  /** Every identity provider that a metadata document describes. The document is not authenticated here. */
  readMetadata(xml: string): Promise<Verified<readonly IdpDescription[]>>;
}

/** All workers are busy and the queue is full, or the work took too long. The caller answers 503. */
export class VerifierBusy extends Error {
  override readonly name = 'VerifierBusy';
}
