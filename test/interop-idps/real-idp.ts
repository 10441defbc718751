import type { Page } from './person.js';

/** What an IdP is to do for one of our entities, beyond what our metadata document says. */
export interface PartnerOptions {
  /** Refuse AuthnRequests that carry no valid signature. */
  readonly signedRequests?: boolean;
  readonly encryptedAssertions?: boolean;
  /** Sign the response but not the assertion in it. */
  readonly responseOnly?: boolean;
  /** Sign with RSA-SHA1, as old installations do. */
  readonly sha1?: boolean;
  /** How its own LogoutRequests travel; Redirect unless told otherwise. */
  readonly logoutBinding?: 'post';
}

export interface Partner {
  /** Our metadata document, as served. */
  readonly metadata: string;
  readonly options: PartnerOptions;
}

/** An identity provider of somebody else's making that runs beside the suite. */
export interface RealIdp {
  readonly name: string;
  readonly entityId: string;
  readonly metadataUrl: string;
  /** The person whom it knows. */
  readonly user: {
    readonly username: string;
    readonly password: string;
    readonly mail: string;
    readonly groups: readonly string[];
  };
  /** From now on it knows these entities, and no others. */
  trust(partners: readonly Partner[]): Promise<void>;
  /** Where its portal starts a login that we did not ask for. */
  portalLogin(spEntityId: string, relayState?: string): URL;
  /** Where a person logs out of it and of everything that it signed him in to. */
  portalLogout(): URL;
  /** Says the IdP itself, at the end of a portal logout, that each of these entities confirmed it? */
  confirmsLogout(page: Page, spEntityIds: readonly string[]): boolean;
  /** The next key is published beside the one that signs. */
  announceNextKey(): Promise<void>;
  /** The announced key signs; the old one stays published. */
  signWithNextKey(): Promise<void>;
  /** Another key signs and is published, and nothing of the old ones is. */
  replaceKey(): Promise<void>;
  /** Base64 DER of the certificate whose key signs now. */
  signingCertificate(): string;
  log(): string;
  stop(): Promise<void>;
}
