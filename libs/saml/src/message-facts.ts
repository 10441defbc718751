/**
 * What a message says, read from bytes that a signature covered where it says so. Plain data: it crosses from the worker,
 * and the checks of its meaning are pure functions of it. Times stay text until they are checked.
 */

/** D46: every part that makes a NameID another one. */
export interface NameId {
  /** The format URI; undefined where the attribute is absent (then it is `unspecified`, core §2.2.2). */
  readonly format: string | undefined;
  readonly nameQualifier: string | undefined;
  readonly spNameQualifier: string | undefined;
  readonly value: string;
}

export interface SubjectConfirmation {
  readonly method: string | undefined;
  readonly recipient: string | undefined;
  readonly inResponseTo: string | undefined;
  readonly notBefore: string | undefined;
  readonly notOnOrAfter: string | undefined;
}

export interface Conditions {
  readonly notBefore: string | undefined;
  readonly notOnOrAfter: string | undefined;
  /** One list for each AudienceRestriction: all must match (core §2.5.1.4). */
  readonly audienceRestrictions: readonly (readonly string[])[];
  readonly oneTimeUse: boolean;
  /** Names of conditions that we do not know: an assertion with one is not valid (core §2.5.1.1). */
  readonly unknown: readonly string[];
}

export interface AuthnStatement {
  readonly authnInstant: string | undefined;
  readonly sessionIndex: string | undefined;
  readonly sessionNotOnOrAfter: string | undefined;
  readonly authnContextClassRef: string | undefined;
}

export interface Attribute {
  readonly name: string;
  readonly friendlyName: string | undefined;
  readonly nameFormat: string | undefined;
  /** Text of each AttributeValue; a NameID inside one gives its value (eduPersonTargetedID). */
  readonly values: readonly string[];
}

export interface AssertionFacts {
  readonly id: string;
  readonly version: string | undefined;
  readonly issueInstant: string | undefined;
  readonly issuer: string | undefined;
  /** Its own signature was there and good; otherwise the one of the response covers it. */
  readonly signed: boolean;
  readonly encrypted: boolean;
  readonly nameIds: readonly NameId[];
  readonly confirmations: readonly SubjectConfirmation[];
  readonly conditions: Conditions | undefined;
  readonly authnStatements: readonly AuthnStatement[];
  readonly attributes: readonly Attribute[];
}

export interface ResponseFacts {
  readonly id: string | undefined;
  readonly version: string | undefined;
  readonly issueInstant: string | undefined;
  readonly issuer: string | undefined;
  readonly destination: string | undefined;
  readonly inResponseTo: string | undefined;
  /** Top-level code first, then those inside it. */
  readonly statusCodes: readonly string[];
  readonly statusMessage: string | undefined;
  /** The response's own signature was there and good. Without it everything above is a stranger's word: it may only refuse. */
  readonly signed: boolean;
  /** Absent where the IdP refused. */
  readonly assertion: AssertionFacts | undefined;
}

export interface LogoutRequestFacts {
  readonly kind: 'LogoutRequest';
  readonly id: string;
  readonly version: string | undefined;
  readonly issueInstant: string | undefined;
  readonly issuer: string | undefined;
  readonly destination: string | undefined;
  readonly notOnOrAfter: string | undefined;
  readonly reason: string | undefined;
  readonly nameIds: readonly NameId[];
  readonly sessionIndexes: readonly string[];
}

export interface LogoutResponseFacts {
  readonly kind: 'LogoutResponse';
  readonly id: string;
  readonly version: string | undefined;
  readonly issueInstant: string | undefined;
  readonly issuer: string | undefined;
  readonly destination: string | undefined;
  readonly inResponseTo: string | undefined;
  readonly statusCodes: readonly string[];
  readonly statusMessage: string | undefined;
}

export type LogoutFacts = LogoutRequestFacts | LogoutResponseFacts;
