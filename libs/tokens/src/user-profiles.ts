import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock, GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Directory, type UserProfile } from '@app/directory';
import type { Revocation } from '@app/revocation';

/** How many people's profiles a process remembers. */
const CAPACITY = 10_000;
const SUBJECT_PREFIX = 'profile:';

interface Remembered {
  readonly generation: number;
  /** Milliseconds since the epoch; see {@link UserProfiles}. */
  readonly until: number;
  /** By provider: the groups are those of the provider that the session came from. */
  readonly byProvider: Map<string, UserProfile>;
}

/**
 * Profiles as the directory last told them, kept until the directory says that they changed: a change is a revocation
 * of `profile:{user id}`, seen in the same round trip that asks whether the token is revoked. Never longer than an access
 * token lives: revocations are kept for little more than that (D20), and a change that was recorded and forgotten while
 * nobody asked here would leave the old groups standing for good.
 */
@Injectable()
export class UserProfiles {
  private readonly remembered = new Map<string, Remembered>();

  private readonly lifetimeMs: number;

  constructor(
    private readonly directory: Directory,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.lifetimeMs = config.lifetimes.accessTokenSeconds * 1000;
  }

  /** The profile for a session of this provider; undefined when the user is gone. */
  async find(userId: string, providerId: string): Promise<UserProfile | undefined> {
    const askedAt = this.clock().getTime();
    const known = this.recall(userId, askedAt)?.byProvider.get(providerId);
    if (known !== undefined) return known;
    const profile = await this.directory.profile(userId, providerId);
    if (profile === undefined) return undefined;
    this.remember(providerId, profile, askedAt + this.lifetimeMs);
    return profile;
  }

  /** The question whether what is remembered of this user is current; undefined when nothing is. */
  freshnessClaim(userId: string): Revocation | undefined {
    const known = this.recall(userId, this.clock().getTime());
    return known === undefined ? undefined : { subject: SUBJECT_PREFIX + userId, generation: known.generation };
  }

  /** Forgets the profile that a stale subject names. Answers false for a subject of another kind. */
  forget(subject: string): boolean {
    if (!subject.startsWith(SUBJECT_PREFIX)) return false;
    this.remembered.delete(subject.slice(SUBJECT_PREFIX.length));
    return true;
  }

  private recall(userId: string, nowMs: number): Remembered | undefined {
    const known = this.remembered.get(userId);
    if (known === undefined || known.until > nowMs) return known;
    this.remembered.delete(userId);
    return undefined;
  }

  private remember(providerId: string, profile: UserProfile, until: number): void {
    const known = this.remembered.get(profile.id);
    if (known !== undefined && known.generation === profile.profileGeneration) {
      known.byProvider.set(providerId, profile);
      return;
    }
    if (known === undefined && this.remembered.size >= CAPACITY) {
      const [oldest] = this.remembered.keys();
      if (oldest !== undefined) this.remembered.delete(oldest);
    }
    this.remembered.set(profile.id, {
      generation: profile.profileGeneration,
      until,
      byProvider: new Map([[providerId, profile]]),
    });
  }
}
