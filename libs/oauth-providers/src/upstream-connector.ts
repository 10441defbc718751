/** A person as one upstream provider vouches for them. Knows nothing of our users; checked and capped (R28). */
export interface ExternalIdentity {
  /** Id of the provider record in our configuration (D55). */
  readonly provider: string;
  /** With `provider` and `subject` the key of the person (D17): the issuer that asserted the subject. */
  readonly issuer: string;
  readonly subject: string;
  /** undefined: the provider gave none that is usable; sign-in applies D54. */
  readonly email: string | undefined;
  readonly emailVerified: boolean;
  readonly name: string | undefined;
  readonly groups: readonly string[];
  /** Epoch seconds of the authentication at the provider. */
  readonly authTime: number | undefined;
  readonly acr: string | undefined;
  readonly amr: readonly string[] | undefined;
}

/** What the token endpoint answered; `expiresIn` in seconds. Secrets: seal them or drop them, never log them. */
export interface UpstreamTokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly tokenType: string;
  readonly scope?: string;
  readonly expiresIn?: number;
  readonly idToken?: string;
}

/**
 * What a connector needs in order to complete what it began: JSON-serialisable, opaque to its keeper (the login
 * transaction), never shown, and good for one callback only.
 */
export interface UpstreamTransaction {
  readonly [key: string]: string | number | undefined;
}

/** How to begin. `state` and `redirectUri` are ours; the rest is passed upstream as the client asked (D32). */
export interface BeginRequest {
  readonly state: string;
  readonly redirectUri: string;
  readonly loginHint?: string;
  readonly prompt?: string;
  /** Seconds; `complete` then refuses an older or unstated authentication time. */
  readonly maxAge?: number;
  readonly acrValues?: string;
  readonly uiLocales?: string;
}

/** Either the browser must go to `url`, or the identity is known at once (the `test` provider, D10). */
export type Begun =
  | { readonly kind: 'redirect'; readonly url: string; readonly transaction: UpstreamTransaction }
  | { readonly kind: 'identity'; readonly identity: ExternalIdentity };

export interface Completed {
  readonly identity: ExternalIdentity;
  readonly tokens: UpstreamTokens;
}

/** `pending`: nothing tried yet; `degraded`: the last try failed, `detail` says how (for operators, no secrets). */
export interface ConnectorStatus {
  readonly state: 'ready' | 'degraded' | 'pending';
  readonly detail?: string;
}

/** How to speak to one upstream provider. All methods throw UpstreamError and nothing else about the upstream. */
export interface UpstreamConnector {
  readonly type: 'oidc' | 'oauth2' | 'test';
  /** RFC 9207: the provider promises `iss` on every response, so a missing one is refused. False until known. */
  readonly sendsIss: boolean;
  begin(request: BeginRequest): Promise<Begun>;
  /** `callback` is the query (or form) that came back; `redirectUri` the one given to `begin`. */
  complete(callback: URLSearchParams, transaction: UpstreamTransaction, redirectUri: string): Promise<Completed>;
  /** New tokens for a refresh token; absent where the provider has none. `invalid_grant` means the token is dead. */
  refresh?(refreshToken: string): Promise<UpstreamTokens>;
  status(): ConnectorStatus;
  /** Begins background work, if there is any; never waits and never throws. */
  start?(): void;
  stop?(): void;
}
