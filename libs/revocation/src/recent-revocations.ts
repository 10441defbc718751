import type { RevocationEntry } from '@app/transient-store';
import type { Revocation } from './revocation-log.js';

/** The unexpired revocations that this process has seen, by subject; generations only rise. */
export class RecentRevocations {
  private readonly entries = new Map<string, RevocationEntry>();

  get size(): number {
    return this.entries.size;
  }

  /** Takes an entry in. Answers whether it told something new. */
  add(entry: RevocationEntry): boolean {
    const known = this.entries.get(entry.subject);
    if (known !== undefined && known.generation >= entry.generation && known.expiresAtMs >= entry.expiresAtMs)
      return false;
    this.entries.set(entry.subject, {
      subject: entry.subject,
      generation: Math.max(entry.generation, known?.generation ?? 0),
      expiresAtMs: Math.max(entry.expiresAtMs, known?.expiresAtMs ?? 0),
    });
    return true;
  }

  /** The subjects whose known generation is above the claimed one. Empty says only that nothing was seen here. */
  stale(claims: readonly Revocation[]): readonly string[] {
    let found: string[] | undefined;
    for (const claim of claims) {
      const known = this.entries.get(claim.subject);
      if (known !== undefined && known.generation > claim.generation) (found ??= []).push(claim.subject);
    }
    return found ?? NOTHING;
  }

  /** Forgets what expired before `nowMs`. */
  prune(nowMs: number): void {
    for (const [subject, entry] of this.entries) if (entry.expiresAtMs <= nowMs) this.entries.delete(subject);
  }
}

/** Shared, so that the answer "nothing is revoked" allocates nothing. */
export const NOTHING: readonly string[] = Object.freeze([]);
