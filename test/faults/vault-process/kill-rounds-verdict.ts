import type { FailPoint } from '@app/vault';
import type { Connected, ConnectionState, CrashWorld } from './crash-world.js';
import type { Passed, VaultProcess } from './vault-process.js';

/** What is left when the killing is over. */
export interface Stage {
  readonly world: CrashWorld;
  /** By provider. */
  readonly connections: ReadonlyMap<string, readonly Connected[]>;
  readonly lives: readonly VaultProcess[];
  readonly killed: readonly VaultProcess[];
}

export interface KillRoundsReport {
  readonly rounds: number;
  /** Grants that the upstream made for refresh tokens. */
  readonly refreshes: number;
  /** Connections that do not work though nothing explains it, one line each. */
  readonly lost: readonly string[];
  /** Refresh tokens that came a second time to a single-use provider. */
  readonly duplicateGrants: number;
  readonly familiesRevoked: number;
  /** Ended as D60 says: a process died between its intent and the spool. */
  readonly rotationLost: number;
  /** Requests repeated where that is allowed. */
  readonly replays: number;
}

/** Where a crash leaves the outcome unknown: the intent is there, the answer is not. */
const AMBIGUOUS: ReadonlySet<FailPoint | undefined> = new Set<FailPoint>(['intended', 'sent', 'answered']);

/** Compares rows, ledger and what callers were told; a new process tries every connection that is said to be well. */
export async function judge({ world, connections, lives, killed }: Stage): Promise<KillRoundsReport> {
  const prober = await world.process();
  const told = newestTold(lives);
  const diedAt = lastPoints(lives, killed);
  const lost: string[] = [];
  let rotationLost = 0;
  let refreshes = 0;
  let familiesRevoked = 0;
  let replays = 0;
  for (const [provider, connected] of connections) {
    for (const connection of connected) {
      const state = await world.state(connection.id);
      if (isExplained(state, diedAt.get(connection.id))) {
        rotationLost += 1;
        continue;
      }
      const fault =
        (told.get(connection.id) ?? 0n) > state.generation
          ? `a caller was told generation ${told.get(connection.id)}`
          : await faultOf(world, prober, provider, connection, state);
      if (fault !== undefined)
        lost.push(
          `${provider} ${connection.id} ${JSON.stringify(state)}, died at ${diedAt.get(connection.id)}: ${fault}`,
        );
    }
    const { refresh, families_revoked: revoked } = await world.realm(provider).stats();
    refreshes += refresh.granted;
    replays += refresh.replayed;
    familiesRevoked += Object.values(revoked).reduce((sum, n) => sum + n, 0);
  }
  const { refresh } = await world.realm('single-use').stats();
  return {
    rounds: killed.length,
    refreshes,
    lost,
    duplicateGrants: refresh.replayed + refresh.duplicate_grants + refresh.overlaps,
    familiesRevoked,
    rotationLost,
    replays: replays - refresh.replayed,
  };
}

/** The line that is to be quoted. */
export function killRoundsLine(report: Omit<KillRoundsReport, 'lost'> & { readonly lost: number }): string {
  return (
    `kill rounds ${report.rounds}: refreshes ${report.refreshes}, lost ${report.lost}, ` +
    `duplicate grants ${report.duplicateGrants}, families revoked by us ${report.familiesRevoked}, ` +
    `rotation_lost (explained) ${report.rotationLost}`
  );
}

/** D60: dead in the one way that may be, and its last request was under way when its process was killed. */
function isExplained({ status, status_reason: reason }: ConnectionState, diedAt: FailPoint | undefined): boolean {
  return status === 'needs_reauth' && reason === 'rotation_lost' && AMBIGUOUS.has(diedAt);
}

/** The token in force is the upstream's newest, and it can be refreshed. */
async function faultOf(
  world: CrashWorld,
  prober: VaultProcess,
  provider: string,
  { id, family }: Connected,
  before: ConnectionState,
): Promise<string | undefined> {
  const answer = await prober.call('token', id, 'new_generation');
  if (answer.kind !== 'token') return JSON.stringify(answer);
  if (answer.token.generation <= before.generation) return `generation ${answer.token.generation} again`;
  const { status, current } = await world.realm(provider).grants(family);
  if (status !== 'active') return `the upstream says ${status}`;
  return answer.token.accessToken === current.access_token ? undefined : 'the upstream has a newer token';
}

function newestTold(lives: readonly VaultProcess[]): Map<string, bigint> {
  const told = new Map<string, bigint>();
  for (const life of lives)
    for (const [id, generation] of life.told) if (generation > (told.get(id) ?? 0n)) told.set(id, generation);
  return told;
}

/**
 * Of each connection, the last point that any process had come to, where that process was killed there. A claim that was
 * not followed by anything asked nobody, and leaves what was before as it was.
 */
function lastPoints(lives: readonly VaultProcess[], killed: readonly VaultProcess[]): Map<string, FailPoint> {
  const last = new Map<string, Passed & { readonly killed: boolean }>();
  for (const life of lives) {
    for (const passed of life.passed()) {
      if (passed.point === 'claimed' || passed.at < (last.get(passed.connectionId)?.at ?? 0n)) continue;
      last.set(passed.connectionId, { ...passed, killed: killed.includes(life) });
    }
  }
  return new Map([...last].flatMap(([id, passed]) => (passed.killed ? [[id, passed.point]] : [])));
}
