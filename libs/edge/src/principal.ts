/** What every verified access token says, already parsed: nobody below the guard looks into a token again. */
interface BearerFacts {
  /** `jti`. */
  readonly tokenId: string;
  /** `client_id`. */
  readonly clientId: string;
  readonly organizationId: string;
  readonly scopes: readonly string[];
  /** `exp`, seconds since the epoch. */
  readonly expiresAt: number;
}

/** A person in a session. */
export interface UserPrincipal extends BearerFacts {
  readonly kind: 'user';
  /** `sub`: our stable user id. */
  readonly userId: string;
  /** `sid`. */
  readonly sessionId: string;
  /** `idp`: the provider that this session came from. */
  readonly providerId: string;
  /** Whose session it is: one of our first-party clients', or a registered application's, which may little (D30). */
  readonly party: 'first' | 'application';
}

/** A machine with a token of the client credentials grant. */
export interface MachinePrincipal extends BearerFacts {
  readonly kind: 'machine';
  /** The person who created the credential. */
  readonly ownerId: string;
}

export type Principal = UserPrincipal | MachinePrincipal;
