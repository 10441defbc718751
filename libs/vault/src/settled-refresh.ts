/**
 * An upstream's answer, sealed and ready to be committed. It is plain data without a secret in the clear, so that it can
 * lie in the spool until the database is back.
 */
export interface SettledRefresh {
  readonly connectionId: string;
  readonly organizationId: string;
  readonly providerId: string;
  /** The generation that it replaces. */
  readonly generation: string;
  /** The lease under which its request was sent. */
  readonly epoch: string;
  readonly owner: string;
  readonly dataKeyId: string;
  readonly accessToken: Buffer;
  readonly refreshToken: Buffer;
  readonly tokenType: string;
  /** undefined: as before. */
  readonly scope: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch by this host's clock at which the answer's life began: only differences are used. */
  readonly issuedAtHostMs: number;
  readonly accessMs: number | undefined;
  readonly refreshMs: number | undefined;
  /** From the issue to the next refresh; undefined: none by itself. */
  readonly nextMs: number | undefined;
  readonly httpStatus: number;
  readonly fingerprint: Buffer;
}

/** What the row says after the commit. */
export interface Committed {
  readonly generation: bigint;
  readonly expiresAt: Date | undefined;
  /** False: our lease had ended, but nobody had used the token since, so the answer still counted. */
  readonly inTime: boolean;
  /** It ended a streak of failures, or a loss that was already told. */
  readonly recovered: boolean;
  /** Milliseconds between when it was due and its commit, where it was due. */
  readonly latenessMs: number | undefined;
}
