import { setTimeout as pause } from 'node:timers/promises';
import { TwoServersAndWorker, type Use } from './two-servers-and-worker.js';

/** Seconds. */
const TOKEN_LIFE = 60;
/** Of the connections, at each sample and server. */
const ASKED_FOR = 2;
/** Seconds: what a token has left when it falls due, so that requests and schedules want the same refreshes. */
const RACING_TTL = 35;

export interface FreshnessResult {
  readonly passed: boolean;
  readonly line: string;
}

interface Row {
  readonly expired: number;
  readonly dead: number;
  readonly least_seconds: number;
  readonly overdue_seconds: number;
}

/** Whether any of many short-lived tokens is ever found expired under two servers and a worker. Nothing is killed here. */
export async function longFreshness({
  minutes,
  connections,
}: {
  readonly minutes: number;
  readonly connections: number;
}): Promise<FreshnessResult> {
  const gatehouse = await TwoServersAndWorker.start(TOKEN_LIFE);
  try {
    const ids = await gatehouse.connect(connections);
    const watch = new FreshnessWatch(gatehouse, ids);
    // Wall time on purpose: it is the ten minutes of a user.
    const begun = Date.now();
    for (let second = 1; second <= minutes * 60; second += 1) {
      await pause(Math.max(0, begun + second * 1000 - Date.now()));
      await watch.sample();
      watch.ask(second);
      if (second % 60 === 0 && second < minutes * 60) process.stdout.write(`${(await watch.result()).line}\n`);
    }
    await watch.answered();
    const result = await watch.result();
    process.stdout.write(`${result.line}\n`);
    const complaints = gatehouse.complaints();
    for (const complaint of complaints.slice(-20)) process.stdout.write(`${complaint}\n`);
    if (complaints.length > 20) process.stdout.write(`and ${complaints.length - 20} warnings before these\n`);
    return result;
  } finally {
    await gatehouse.stop();
  }
}

/** What was seen so far. */
class FreshnessWatch {
  private samples = 0;
  private expired = 0;
  private dead = 0;
  private least = TOKEN_LIFE;
  private overdue = 0;
  private readonly uses: Record<Use, number> = { served: 0, expired: 0, refused_upstream: 0, not_served: 0 };
  private readonly asking = new Set<Promise<void>>();

  constructor(
    private readonly gatehouse: TwoServersAndWorker,
    private readonly ids: readonly string[],
  ) {}

  async sample(): Promise<void> {
    const [now] = await this.gatehouse.query<Row>(
      `SELECT count(*) FILTER (WHERE expires_at <= app_now())::int AS expired,
              count(*) FILTER (WHERE status = 'needs_reauth')::int AS dead,
              extract(epoch FROM min(expires_at) - app_now())::float8 AS least_seconds,
              extract(epoch FROM app_now() - min(next_refresh_at))::float8 AS overdue_seconds
       FROM connections`,
    );
    if (now === undefined) throw new Error('nothing was sampled');
    this.samples += 1;
    this.expired += now.expired;
    this.dead = now.dead;
    this.least = Math.min(this.least, now.least_seconds);
    this.overdue = Math.max(this.overdue, now.overdue_seconds);
  }

  /** Begins to use some tokens, other ones each second; half of those who ask want more life than the schedule leaves. */
  ask(second: number): void {
    this.gatehouse.servers.forEach((server, place) => {
      for (let n = 0; n < ASKED_FOR; n += 1) {
        const id = this.ids[((second * 2 + place) * ASKED_FOR + n) % this.ids.length];
        if (id === undefined) continue;
        const asking = this.gatehouse.use(id, server, n % 2 === 0 ? undefined : RACING_TTL).then((use) => {
          this.uses[use] += 1;
          this.asking.delete(asking);
        });
        this.asking.add(asking);
      }
    });
  }

  /** Until everybody who asked has his answer. */
  async answered(): Promise<void> {
    await Promise.all(this.asking);
  }

  async result(): Promise<FreshnessResult> {
    const { refresh, families_revoked: revokedFor } = await this.gatehouse.upstream.stats();
    const { servers, worker } = await this.gatehouse.shares();
    const { served, expired, refused_upstream: refused, not_served: unserved } = this.uses;
    const duplicates = refresh.replayed + refresh.duplicate_grants;
    const revoked = Object.values(revokedFor).reduce((sum, n) => sum + n, 0);
    const line =
      `fresh ${Math.round((this.samples / 60) * 10) / 10} min: ${this.ids.length} connections of ${TOKEN_LIFE} s under ` +
      `2 servers and a worker, refreshes ${refresh.granted} (servers ${servers.join(' and ')}, worker ${worker}), ` +
      `expired at a sampled moment ${this.expired} (${this.samples} samples, least life left ` +
      `${this.least.toFixed(1)} s, most overdue ${this.overdue.toFixed(1)} s), tokens asked for and used ${served} ` +
      `(expired ${expired}, refused by the provider ${refused}, not served ${unserved}), ` +
      `duplicate grants ${duplicates}, families revoked by us ${revoked}, dead ${this.dead}`;
    const wrong = this.expired + expired + refused + unserved + duplicates + revoked + this.dead;
    // Where one of the three never refreshes, nothing was shown of three.
    return { passed: wrong === 0 && [...servers, worker].every((share) => share > 0), line };
  }
}
