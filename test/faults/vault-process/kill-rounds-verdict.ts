import type { Connected, ConnectionState, CrashWorld } from './crash-world.js';
import type { VaultProcess } from './vault-process.js';

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

/** The database itself remembers who made each intent. To be called when the tables are there. */
export async function recordIntents(world: CrashWorld): Promise<void> {
  await world.query(`CREATE TABLE crash_intents (connection_id text, epoch bigint, pid int)`);
  await world.query(`
    CREATE FUNCTION crash_intent() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO crash_intents VALUES (new.id, new.intent_epoch, split_part(new.lease_owner, ':', 2)::int);
      RETURN NULL;
    END $$`);
  await world.query(`
    CREATE TRIGGER crash_intent AFTER UPDATE ON connections FOR EACH ROW
    WHEN (new.intent_epoch IS NOT NULL AND new.intent_epoch IS DISTINCT FROM old.intent_epoch)
    EXECUTE FUNCTION crash_intent()`);
}

/** Compares rows, ledger and what callers were told; a new process tries every connection that is said to be well. */
export async function judge(stage: Stage): Promise<KillRoundsReport> {
  const { world, connections, lives, killed } = stage;
  const prober = await world.process();
  const told = newestTold(lives);
  const lost: string[] = [];
  let rotationLost = 0;
  let refreshes = 0;
  let familiesRevoked = 0;
  let replays = 0;
  for (const [provider, connected] of connections) {
    for (const connection of connected) {
      const state = await world.state(connection.id);
      if (await isExplained(stage, connection.id, state)) {
        rotationLost += 1;
        continue;
      }
      if ((told.get(connection.id) ?? 0n) > state.generation) {
        lost.push(`${provider} ${connection.id}: a caller was told generation ${told.get(connection.id)}`);
        continue;
      }
      const fault = await faultOf(world, prober, provider, connection, state);
      if (fault === undefined) continue;
      // The last ones killed may have left intents that nobody had come upon before the prober.
      if (await isExplained(stage, connection.id, await world.state(connection.id))) rotationLost += 1;
      else lost.push(`${provider} ${connection.id} ${JSON.stringify(state)}: ${fault}`);
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

/**
 * D60: dead in the one way that may be, where the process of the open intent was killed and had nothing in its spool.
 */
async function isExplained(
  { world, killed }: Stage,
  id: string,
  { status, status_reason: reason, intent_epoch: epoch }: ConnectionState,
): Promise<boolean> {
  if (status !== 'needs_reauth' || reason !== 'rotation_lost') return false;
  const [intent] = await world.query<{ pid: number }>(
    `SELECT pid FROM crash_intents WHERE connection_id = $1 AND epoch = $2`,
    [id, epoch],
  );
  const life = killed.find(({ pid }) => pid === intent?.pid);
  return life !== undefined && life.passed().get(id) !== 'spooled';
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
