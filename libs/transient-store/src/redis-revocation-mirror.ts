import { randomUUID } from 'node:crypto';
import type { RedisConnection } from './redis-connection.js';
import { describeServer, isMarkerOf, markerOf, sameIdentity, type ServerIdentity } from './redis-server-identity.js';
import type { MirrorAnswer, MirrorHealth, RevocationEntry, RevocationMirror } from './revocation-mirror.js';
import type { StoreLog } from './transient-store.js';

/** All keys share the hash slot of `gth:rev`, so one MGET reads marker and entries from one node. */
const MARKER = '{gth:rev}:marker';
const WARMING = '{gth:rev}:warming:';
const ENTRY = '{gth:rev}:of:';
/** CLUSTER KEYSLOT gth:rev */
export const MIRROR_SLOT = 10_806;

/** A re-warm that takes longer has failed. */
const WARMING_MS = 600_000;
const BATCH = 500;
const LOOK_EVERY_MS = 5_000;
const LOOK_AGAIN_MS = 1_000;

const UNTRUSTED: MirrorAnswer = Object.freeze({ trusted: false });

/** What is known about the server behind the connection, and under which connection it was learnt. */
type Standing =
  | { readonly kind: 'unknown'; readonly reason: string }
  | {
      readonly kind: 'known';
      readonly identity: ServerIdentity;
      readonly epoch: number;
      readonly owner: string;
      /** Whether the marker of this server was there when we last looked. */
      whole: boolean;
    };

export interface RedisMirrorOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: StoreLog;
}

/**
 * The mirror in Redis. It trusts what it reads only if the same MGET brought a marker that names the server this very
 * connection talks to; who that is, it asks anew after each reconnect, and every five seconds, because the eviction
 * policy or the role can change under a standing connection. What it cannot see at once is a proxy that swaps the
 * server behind a standing connection, or a primary cut off from its Sentinels: following Postgres covers those.
 */
export class RedisRevocationMirror implements RevocationMirror {
  private standing: Standing = { kind: 'unknown', reason: 'Redis was not reached yet' };
  private looking: Promise<void> | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private warming: Promise<boolean> | undefined;
  private readonly handlers: (() => void)[] = [];
  private readonly timer: NodeJS.Timeout;
  private reported: string | undefined;

  constructor(
    private readonly connection: RedisConnection,
    private readonly options: RedisMirrorOptions,
  ) {
    connection.onReady(() => void this.look());
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.timer.unref();
  }

  async read(subjects: readonly string[]): Promise<MirrorAnswer> {
    const { standing } = this;
    if (standing.kind !== 'known' || !this.isCurrent(standing)) {
      this.lookSoon();
      return UNTRUSTED;
    }
    const keys = [MARKER];
    for (const subject of subjects) keys.push(ENTRY + subject);
    let replies: (string | null)[];
    try {
      replies = await this.connection.run((redis) => redis.mget(keys));
    } catch {
      return UNTRUSTED;
    }
    // Between question and answer we may have learnt that this is another server, or not a trustworthy one.
    if (this.standing !== standing || !this.isCurrent(standing)) return UNTRUSTED;
    const wasWhole = standing.whole;
    standing.whole = isMarkerOf(standing.identity, replies[0]);
    if (!standing.whole) {
      if (wasWhole) void this.look();
      else this.lookSoon();
      return UNTRUSTED;
    }
    const generations: (number | undefined)[] = [];
    for (let i = 1; i < replies.length; i++) {
      const reply = replies[i];
      const generation = typeof reply === 'string' ? Number(reply) : undefined;
      if (generation !== undefined && !Number.isSafeInteger(generation)) return UNTRUSTED;
      generations.push(generation);
    }
    return { trusted: true, generations };
  }

  async write(entries: readonly RevocationEntry[]): Promise<boolean> {
    for (const { subject, generation } of entries) {
      if (!Number.isSafeInteger(generation) || generation < 0)
        throw new RangeError(`the generation of ${subject} must be a whole number from 0, not ${generation}`);
    }
    try {
      for (let start = 0; start < entries.length; start += BATCH) await this.raise(entries.slice(start, start + BATCH));
      return true;
    } catch {
      return false;
    }
  }

  rewarm(snapshot: () => Promise<readonly RevocationEntry[]>): Promise<boolean> {
    this.warming ??= this.warm(snapshot).finally(() => {
      this.warming = undefined;
    });
    return this.warming;
  }

  health(): MirrorHealth {
    const reason = this.fault();
    return reason === undefined ? { trusted: true } : { trusted: false, reason };
  }

  onUntrusted(handler: () => void): void {
    this.handlers.push(handler);
    if (this.needsWarming()) queueMicrotask(() => this.call(handler));
  }

  /** Asks the server who it is and whether its marker stands. Runs by itself; never throws. */
  look(): Promise<void> {
    this.looking ??= this.describe().finally(() => {
      this.looking = undefined;
      this.lookedAt = this.options.now();
      this.report();
      if (this.needsWarming()) for (const handler of this.handlers) this.call(handler);
    });
    return this.looking;
  }

  close(): void {
    clearInterval(this.timer);
    this.handlers.length = 0;
  }

  private async describe(): Promise<void> {
    const { epoch } = this.connection;
    const owner = this.connection.ownerOf(MIRROR_SLOT);
    try {
      const [info, marker] = await this.connection.run((redis) => redis.gthDescribe(MARKER));
      const server = describeServer(info);
      if (!server.usable) {
        this.standing = { kind: 'unknown', reason: server.reason };
        if (server.replica && !this.connection.isCluster) this.connection.reconnect();
        return;
      }
      const { identity } = server;
      const whole = isMarkerOf(identity, marker);
      const known = this.standing;
      if (
        known.kind === 'known' &&
        known.epoch === epoch &&
        known.owner === owner &&
        sameIdentity(known.identity, identity)
      )
        known.whole = whole;
      else this.standing = { kind: 'known', identity, epoch, owner, whole };
    } catch (error) {
      this.standing = { kind: 'unknown', reason: error instanceof Error ? error.message : 'unknown fault' };
    }
  }

  private async warm(snapshot: () => Promise<readonly RevocationEntry[]>): Promise<boolean> {
    await this.look();
    const { standing } = this;
    if (standing.kind !== 'known' || !this.isCurrent(standing)) return false;
    // A key for each re-warm: several instances may do it at once, and one must not undo the other's proof.
    const nonce = randomUUID();
    const warmingKey = WARMING + nonce;
    try {
      await this.connection.run((redis) => redis.set(warmingKey, nonce, 'PX', WARMING_MS));
      if (!(await this.write(await snapshot()))) return false;
      // The nonce proves that nothing was lost since, on this server; that it is this server, the epoch and the marker.
      if (!this.isCurrent(standing)) return false;
      const marker = markerOf(standing.identity, nonce);
      const sealed = await this.connection.run((redis) => redis.gthSeal(warmingKey, MARKER, nonce, marker));
      if (sealed !== 1 || this.standing !== standing || !this.isCurrent(standing)) return false;
      standing.whole = true;
      this.report();
      return true;
    } catch (error) {
      this.options.log(
        'warn',
        `the revocation mirror was not re-warmed: ${error instanceof Error ? error.message : 'unknown fault'}`,
      );
      return false;
    }
  }

  private async raise(entries: readonly RevocationEntry[]): Promise<void> {
    const now = this.options.now();
    const living = entries.filter((entry) => entry.expiresAtMs > now);
    if (living.length === 0) return;
    await this.connection.run((redis) =>
      Promise.all(
        living.map((entry) =>
          redis.gthRaise(ENTRY + entry.subject, entry.generation, Math.ceil(entry.expiresAtMs - now)),
        ),
      ),
    );
  }

  private isCurrent(standing: { readonly epoch: number; readonly owner: string }): boolean {
    const { connection } = this;
    return (
      connection.ready && standing.epoch === connection.epoch && standing.owner === connection.ownerOf(MIRROR_SLOT)
    );
  }

  private needsWarming(): boolean {
    const { standing } = this;
    return standing.kind === 'known' && !standing.whole && this.warming === undefined && this.isCurrent(standing);
  }

  private fault(): string | undefined {
    const { standing } = this;
    if (!this.connection.ready) return 'Redis cannot be reached';
    if (standing.kind === 'unknown') return standing.reason;
    if (!this.isCurrent(standing)) return 'Redis was reconnected and not asked yet who it is';
    return standing.whole ? undefined : 'the mirror waits to be filled from Postgres';
  }

  /** A look that reads ask for: at most one a second, however many reads find the mirror wanting. */
  private lookSoon(): void {
    if (this.connection.ready && this.options.now() - this.lookedAt >= LOOK_AGAIN_MS) void this.look();
  }

  /** Into the log when the answer changes; outages of the connection are its own to report. */
  private report(): void {
    const reason = this.fault();
    if (reason === this.reported || !this.connection.ready) return;
    if (reason === undefined) this.options.log('info', 'the revocation mirror in Redis is whole');
    else if (this.standing.kind === 'unknown')
      this.options.log('warn', `the revocation mirror is not trusted: ${reason}`);
    this.reported = reason;
  }

  private call(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      this.options.log('warn', `a handler of the revocation mirror failed: ${String(error)}`);
    }
  }
}
