import type { UpstreamTokenSet } from './token-set.js';

interface Failed {
  /** For operators and the audit: an RFC 6749 code or a word of ours, never the upstream's text. At most 64 of `a-z_0-9`. */
  readonly code: string;
  /** For the log: may quote the upstream, cleaned; holds no token. */
  readonly detail: string;
  /** HTTP status, where an answer came. */
  readonly status: number | undefined;
}

/**
 * What one refresh request came to. Nothing is thrown for whatever an upstream or a network can do.
 *
 * - `refreshed`: new tokens.
 * - `transient`: not now; nothing was used up. `giveUp`: the failure may as well be for good (a 4xx without an error
 *   code, an answer that is no token), so trying ends after a day of it.
 * - `throttled`: not now, and not before `retryAfterSeconds` (429, 503; as the provider said, at most 3,600).
 * - `ambiguous`: the request was written and no answer read, so the token may or may not have been used up.
 * - `dead`: this grant is over (`invalid_grant` and its dialects).
 * - `misconfigured`: our own client is refused (`invalid_client`, `unauthorized_client`): every connection of the
 *   provider would get the same answer, and none of them is to blame.
 */
export type RefreshAnswer =
  | { readonly kind: 'refreshed'; readonly tokens: UpstreamTokenSet; readonly status: number }
  | ({ readonly kind: 'transient'; readonly giveUp: 'after_a_day' | 'never' } & Failed)
  | ({ readonly kind: 'throttled'; readonly retryAfterSeconds: number | undefined } & Failed)
  | ({ readonly kind: 'ambiguous' | 'dead' | 'misconfigured' } & Failed);
