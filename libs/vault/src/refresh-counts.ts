import { Injectable } from '@nestjs/common';
import type { RefreshAnswer } from '@app/upstream-tokens';
import type { DeadReason } from './failure-policy.js';

/** Upper bounds, in seconds. */
export const LATENESS_BUCKETS = [1, 5, 15, 60, 300, 900, 1800, 3600] as const;

/** Since the start of the process, of one provider. */
export interface ProviderCounts {
  readonly answers: Readonly<Record<RefreshAnswer['kind'], number>>;
  readonly upstreamSeconds: number;
  readonly committed: number;
  readonly discarded: number;
  readonly died: Readonly<Record<DeadReason, number>>;
  /** One more than {@link LATENESS_BUCKETS}: the last is whatever was later. Only what was due is in it. */
  readonly lateness: readonly number[];
  readonly latenessSeconds: number;
}

interface Counting extends ProviderCounts {
  readonly answers: Record<RefreshAnswer['kind'], number>;
  readonly died: Record<DeadReason, number>;
  readonly lateness: number[];
  upstreamSeconds: number;
  committed: number;
  discarded: number;
  latenessSeconds: number;
}

/** What the metrics say about refreshes of this process; numbers only, nothing personal. */
@Injectable()
export class RefreshCounts {
  private readonly of = new Map<string, Counting>();

  answered(providerId: string, kind: RefreshAnswer['kind'], tookMs: number): void {
    const counts = this.at(providerId);
    counts.answers[kind] += 1;
    counts.upstreamSeconds += tookMs / 1000;
  }

  committed(providerId: string, latenessMs: number | undefined): void {
    const counts = this.at(providerId);
    counts.committed += 1;
    if (latenessMs === undefined || latenessMs < 0) return;
    const seconds = latenessMs / 1000;
    const bucket = LATENESS_BUCKETS.findIndex((bound) => seconds <= bound);
    const index = bucket === -1 ? LATENESS_BUCKETS.length : bucket;
    counts.lateness[index] = (counts.lateness[index] ?? 0) + 1;
    counts.latenessSeconds += seconds;
  }

  discarded(providerId: string): void {
    this.at(providerId).discarded += 1;
  }

  died(providerId: string, reason: DeadReason): void {
    this.at(providerId).died[reason] += 1;
  }

  all(): ReadonlyMap<string, ProviderCounts> {
    return this.of;
  }

  private at(providerId: string): Counting {
    let counts = this.of.get(providerId);
    if (counts === undefined) {
      counts = {
        answers: { refreshed: 0, transient: 0, throttled: 0, ambiguous: 0, dead: 0, misconfigured: 0 },
        upstreamSeconds: 0,
        committed: 0,
        discarded: 0,
        died: { revoked: 0, rotation_lost: 0, expired_idle: 0, provider_unusable: 0 },
        lateness: Array.from({ length: LATENESS_BUCKETS.length + 1 }, () => 0),
        latenessSeconds: 0,
      };
      this.of.set(providerId, counts);
    }
    return counts;
  }
}
