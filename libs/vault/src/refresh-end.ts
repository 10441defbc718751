import type { DeadReason } from './failure-policy.js';

/** How one refresh ended, for whoever waited for it. */
export type RefreshEnd =
  | {
      readonly kind: 'refreshed';
      readonly generation: bigint;
      readonly accessToken: string;
      readonly tokenType: string;
      readonly scope: string | undefined;
      readonly expiresAt: Date | undefined;
    }
  /** The token in force may be good still; `retryInMs` says when it is tried again. */
  | { readonly kind: 'failed'; readonly code: string; readonly retryInMs: number | undefined }
  | { readonly kind: 'dead'; readonly reason: DeadReason; readonly code: string }
  /** Somebody else went on with the connection: look at it again. */
  | { readonly kind: 'superseded' };
