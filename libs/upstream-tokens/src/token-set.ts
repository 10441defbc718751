/**
 * What a provider issued, with its own liberties already read away. Secrets: seal them or drop them, never log them.
 */
export interface UpstreamTokenSet {
  readonly accessToken: string;
  /** undefined in the answer to a refresh: the one that was sent stays good (RFC 6749 §6). */
  readonly refreshToken: string | undefined;
  /** As it is to be written before the token in an Authorization header; `Bearer` where the provider says nothing. */
  readonly tokenType: string;
  /** Space-separated as in RFC 6749 §3.3 whatever the provider separates with; undefined: as before. */
  readonly scope: string | undefined;
  /** Seconds that the access token lives from the answer on; undefined: never ends, or nobody knows. */
  readonly expiresInSeconds: number | undefined;
  /** Seconds that the refresh token lives, where the provider says so. */
  readonly refreshExpiresInSeconds: number | undefined;
  /** What callers need beside the token, e.g. Salesforce's `instance_url`. Never secret. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * What becomes of a refresh token that is sent twice (an answer that got lost):
 * `single_use`: the second use fails, and may end everything that came of the first; `grace`: accepted again for a
 * while; `reusable`: the same token serves for good.
 */
export type RefreshTokenReuse = 'single_use' | 'grace' | 'reusable';
