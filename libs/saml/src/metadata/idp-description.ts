export type SamlBinding = 'redirect' | 'post';

export interface SamlEndpoint {
  readonly binding: SamlBinding;
  readonly location: string;
  /** Where answers go, if elsewhere (metadata §2.2.2). */
  readonly responseLocation: string | undefined;
}

/** One IDPSSODescriptor, as far as we use it. Plain data: it crosses from the worker. */
export interface IdpDescription {
  readonly entityId: string;
  /** Base64 of DER, without white space; a KeyDescriptor without `use` is here and below (R8). */
  readonly signingCertificates: readonly string[];
  readonly encryptionCertificates: readonly string[];
  /** In the document's order; only Redirect and POST, the bindings that we speak. */
  readonly singleSignOn: readonly SamlEndpoint[];
  readonly singleLogout: readonly SamlEndpoint[];
  readonly wantAuthnRequestsSigned: boolean;
  readonly nameIdFormats: readonly string[];
  /** ISO 8601: the earliest `validUntil` of the entity and what contains it. */
  readonly validUntil: string | undefined;
  /** The shortest `cacheDuration` of the entity and what contains it. */
  readonly cacheSeconds: number | undefined;
  /** Why it must not be used, for operators. Others of the same document may be fine. */
  readonly unusable?: string;
}
