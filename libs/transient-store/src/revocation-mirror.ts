/** Injection token of the {@link RevocationMirror}. */
export const REVOCATION_MIRROR = Symbol('RevocationMirror');

/** "What of `subject` is older than `generation` is dead", worth keeping until `expiresAtMs` (epoch milliseconds). */
export interface RevocationEntry {
  /** Kind and id, e.g. `token:…`, `session:…`, `user:…`, `client:…`, `provider:…`, `organization:…`. */
  readonly subject: string;
  readonly generation: number;
  /** The end of the last token that the entry can concern, skew and margins included. */
  readonly expiresAtMs: number;
}

/** `generations` are in the order of the subjects asked; undefined: provably no entry. */
export type MirrorAnswer =
  { readonly trusted: true; readonly generations: readonly (number | undefined)[] } | { readonly trusted: false };

export interface MirrorHealth {
  readonly trusted: boolean;
  /** Why not, with the fix where there is one. */
  readonly reason?: string;
}

/**
 * A copy of the unexpired revocations that can be asked in one round trip, and that knows when it may be incomplete
 * (D20). An untrusted answer is not an error: the caller asks Postgres.
 */
export interface RevocationMirror {
  /** One round trip. Never throws: whatever goes wrong is `{ trusted: false }`. */
  read(subjects: readonly string[]): Promise<MirrorAnswer>;
  /**
   * Call it after the commit in Postgres. A generation only rises. False when any entry may be missing: write again.
   * @throws RangeError for a generation that is not a whole number from 0
   */
  write(entries: readonly RevocationEntry[]): Promise<boolean>;
  /**
   * Makes the mirror whole again: `snapshot` reads every unexpired entry from Postgres, after this method has left a
   * nonce in the mirror; only if the nonce outlives the copying is the mirror declared whole. False when it is not,
   * a failed snapshot included; a second call during the first shares its result.
   */
  rewarm(snapshot: () => Promise<readonly RevocationEntry[]>): Promise<boolean>;
  health(): MirrorHealth;
  /** Calls `handler` when a re-warm is needed and may help: at once if it is, then about once a second at most. */
  onUntrusted(handler: () => void): void;
}

/** For one process without Redis: nothing is mirrored, Postgres is always asked. */
export class UntrustedMirror implements RevocationMirror {
  async read(): Promise<MirrorAnswer> {
    return { trusted: false };
  }

  /** True: there is no copy that lacks the entry, so nothing is left to be written again. */
  async write(): Promise<boolean> {
    return true;
  }

  /** False without asking for the snapshot: there is nowhere to put it. */
  async rewarm(): Promise<boolean> {
    return false;
  }

  health(): MirrorHealth {
    return { trusted: false, reason: 'there is no Redis: revocations are read from Postgres' };
  }

  /** Never calls: no re-warm would help. */
  onUntrusted(): void {}
}
