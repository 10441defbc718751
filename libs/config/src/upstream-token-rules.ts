/** How long an access token lives where the provider's answer does not say. */
export type ExpiryStrategy =
  | { readonly kind: 'never' }
  | { readonly kind: 'fixed'; readonly seconds: number }
  /** The `exp` of the access token, where that is a JWT. */
  | { readonly kind: 'jwt_exp' }
  /** Asking the provider (RFC 7662). */
  | { readonly kind: 'introspect' }
  /** Nobody knows: the token is refreshed when somebody reports that the provider refused it. */
  | { readonly kind: 'on_401' };

/**
 * What a provider means by an error code of its own, or by a code of RFC 6749 §5.2 that it uses otherwise.
 * `descriptionHas`: only when `error_description` (or the provider's name for it) contains this, in any case.
 */
export interface UpstreamErrorRule {
  readonly code: string;
  readonly descriptionHas?: string;
  readonly kind: 'dead' | 'misconfigured' | 'transient';
}

/**
 * How a token is given back. `rfc7009`: form with `token` and client authentication; `rfc7009_json`: the same as JSON;
 * `bearer_post` and `bearer_delete`: the access token in the Authorization header ends itself; `github`: DELETE with
 * Basic and the access token in JSON.
 */
export type RevocationStyle = 'rfc7009' | 'rfc7009_json' | 'bearer_post' | 'bearer_delete' | 'github';

/** What one provider does in its own way about the tokens that we keep. Paths are dotted names into an answer. */
export interface UpstreamTokenRules {
  readonly tokenRequest: 'form' | 'json';
  /** Headers of requests to the token endpoint beside the usual; `{client_secret}` stands for that. */
  readonly tokenHeaders: Readonly<Record<string, string>>;
  /** Sent beside the standard parameters of a code exchange. */
  readonly exchangeParameters: Readonly<Record<string, string>>;
  /** undefined: the token endpoint, as RFC 6749 §6 has it. */
  readonly refreshUrl: string | undefined;
  /** Sent beside the standard parameters of a refresh. */
  readonly refreshParameters: Readonly<Record<string, string>>;
  /** `repeat`: a refresh names the granted scope again; without it this provider would narrow or refuse. */
  readonly refreshScope: 'omit' | 'repeat';
  /** What becomes of a refresh token that is sent twice. */
  readonly rotation: 'single_use' | 'grace' | 'reusable';
  readonly expiry: ExpiryStrategy;
  readonly expiresInUnit: 'seconds' | 'milliseconds';
  /** Between the scopes of an authorization request and of an answer. */
  readonly scopeSeparator: string;
  /** Where in an answer the tokens may be; the first that holds an `access_token` counts. `''`: the answer itself. */
  readonly tokenPaths: readonly string[];
  /** The word before the token in an Authorization header, where the answer's `token_type` is not that word. */
  readonly tokenType: string | undefined;
  /** Where the answer to the code exchange says whose account this is. */
  readonly subjectPath: string | undefined;
  /** What to keep beside the tokens: our name to the path in the answer. Never secret. */
  readonly metadataPaths: Readonly<Record<string, string>>;
  /** Parameters of the authorization response to keep beside the tokens. */
  readonly callbackMetadata: readonly string[];
  readonly errors: readonly UpstreamErrorRule[];
  readonly revocationStyle: RevocationStyle;
  /** undefined: what discovery says (`oidc`), else the provider has no way to give tokens back. */
  readonly revocationUrl: string | undefined;
  /** RFC 7662; undefined: what discovery says (`oidc`), else none. */
  readonly introspectionUrl: string | undefined;
  /** Requests under way at once, and a second, to the token endpoint of this provider. */
  readonly maxConcurrency: number;
  readonly maxPerSecond: number;
  /** Seconds before its end at which a token counts as ended for callers; undefined: by the vault's own rule. */
  readonly refreshMarginSeconds: number | undefined;
  /** The provider forgets refresh tokens that rest longer; undefined: it does not, or does not say. */
  readonly maxIdleSeconds: number | undefined;
}
