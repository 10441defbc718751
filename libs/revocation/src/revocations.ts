import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CLOCK, type Clock } from '@app/config';
import { Database } from '@app/database';
import { REVOCATION_MIRROR, type RevocationEntry, type RevocationMirror } from '@app/transient-store';
import type { EntityManager } from 'typeorm';
import { NOTHING, RecentRevocations } from './recent-revocations.js';
import { RevocationLog, type Revocation } from './revocation-log.js';

/** Names a revocation inside a transaction; it takes effect when the transaction commits. */
export type Revoke = (revocation: Revocation) => void;

/**
 * Revocation that no restart, flush or failover of any store takes back (D20). Postgres is the truth; Redis answers the
 * usual question in one round trip while its mirror is provably whole; every process follows the log once a second,
 * keeps the unexpired entries in memory and writes the ones it meets into the mirror, so the log is its own outbox.
 */
@Injectable()
export class Revocations implements OnApplicationBootstrap {
  private readonly logger = new Logger(Revocations.name);
  private readonly recent = new RecentRevocations();
  /** Seen but not yet confirmed by the mirror. */
  private readonly unmirrored = new Map<string, RevocationEntry>();
  private cursor: string | undefined;
  private following: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly log: RevocationLog,
    @Inject(REVOCATION_MIRROR) private readonly mirror: RevocationMirror,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.mirror.onUntrusted(() => void this.follow());
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.follow();
  }

  /**
   * Runs `work` in one transaction together with the revocations that it names, then makes them known here and in the
   * mirror, then returns: when the caller answers, the next request at any instance sees them.
   */
  async transaction<T>(work: (manager: EntityManager, revoke: Revoke) => Promise<T>): Promise<T> {
    const { result, entries } = await this.database.transaction(async (manager) => {
      const named: Revocation[] = [];
      const value = await work(manager, (revocation) => named.push(revocation));
      return { result: value, entries: named.length === 0 ? [] : await this.log.append(manager, named) };
    });
    if (entries.length > 0) await this.announce(entries);
    return result;
  }

  /**
   * Which of these subjects have a recorded generation above the claimed one; empty only when none has. What this
   * process has seen itself is answered at once, and then the others are not looked up. Otherwise one round trip to the
   * mirror, or without a trusted mirror one statement to Postgres.
   * @throws DatabaseUnavailable when neither can answer: the caller must refuse, never guess.
   */
  async check(claims: readonly Revocation[]): Promise<readonly string[]> {
    const seen = this.recent.stale(claims);
    if (seen.length > 0) return seen;
    const subjects = claims.map((claim) => claim.subject);
    const answer = await this.mirror.read(subjects);
    const generations = answer.trusted ? answer.generations : await this.log.generationsOf(subjects);
    let stale: string[] | undefined;
    for (let i = 0; i < claims.length; i++) {
      const claim = claims[i];
      const known = generations[i];
      if (claim !== undefined && known !== undefined && known > claim.generation) (stale ??= []).push(claim.subject);
    }
    return stale ?? NOTHING;
  }

  /** One turn of following the log. Turns never overlap; a failed one is tried again at the next. */
  @Interval('revocations-follow', 1_000)
  follow(): Promise<void> {
    this.following ??= this.turn().finally(() => {
      this.following = undefined;
    });
    return this.following;
  }

  @Interval('revocations-purge', 60_000)
  async purge(): Promise<void> {
    const nowMs = this.clock().getTime();
    this.recent.prune(nowMs);
    // Through an outage of Redis of any length, no more wait to be written than concern living tokens.
    for (const [subject, entry] of this.unmirrored) if (entry.expiresAtMs <= nowMs) this.unmirrored.delete(subject);
    await this.log.purge().catch((error: unknown) => this.logger.warn(`could not purge revocations: ${String(error)}`));
  }

  private async turn(): Promise<void> {
    try {
      const page = await this.log.since(this.cursor);
      for (const entry of page.entries) if (this.recent.add(entry)) this.unmirrored.set(entry.subject, entry);
      this.cursor = page.cursor;
      if (!this.mirror.health().trusted) {
        await this.mirror.rewarm(async () => (await this.log.since(undefined)).entries);
      }
      await this.writeUnmirrored();
    } catch (error) {
      this.logger.warn(
        `could not follow the revocation log: ${error instanceof Error ? error.message : 'unknown fault'}`,
      );
    }
  }

  private async announce(entries: readonly RevocationEntry[]): Promise<void> {
    for (const entry of entries) {
      this.recent.add(entry);
      this.unmirrored.set(entry.subject, entry);
    }
    await this.writeUnmirrored();
  }

  private async writeUnmirrored(): Promise<void> {
    if (this.unmirrored.size === 0) return;
    const entries = [...this.unmirrored.values()];
    if (!(await this.mirror.write(entries))) return;
    for (const entry of entries)
      if (this.unmirrored.get(entry.subject) === entry) this.unmirrored.delete(entry.subject);
  }
}
