/** Injection token of the {@link UpstreamLogout}; absent where nobody speaks a protocol that has logouts. */
export const UPSTREAM_LOGOUT = Symbol('UpstreamLogout');

/** Where a browser goes after it was signed out everywhere; checked already. */
export interface PostLogoutTarget {
  readonly uri: string;
  /** The client's own, given back as it was. */
  readonly state: string | undefined;
}

/**
 * Ending a session at the identity provider it came from, which only the person's browser can do (D52). The protocols
 * live in rooms that build on this one, so they fill this in.
 */
export interface UpstreamLogout {
  /**
   * The address that the browser must visit, good once and for a short time; undefined where the provider of the session
   * has no logout.
   */
  begin(sessionId: string, target: PostLogoutTarget | undefined): Promise<string | undefined>;
}
