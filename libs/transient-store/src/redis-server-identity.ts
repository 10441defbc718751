/**
 * Everything about a Redis server that must not have changed since the mirror was filled (D20), written into the marker.
 * `runId` changes with each start of the process and tells one server from another. The replication id changes with
 * each promotion, so a former primary that comes back with a replica's data is not mistaken for what it was. The count
 * of evicted keys catches an eviction policy that was on for a while between two looks.
 */
export interface ServerIdentity {
  readonly runId: string;
  readonly history: string;
}

export type ServerDescription =
  | { readonly usable: true; readonly identity: ServerIdentity }
  | { readonly usable: false; readonly reason: string; readonly replica: boolean };

/** Reads the text of INFO: who the server is, or why nothing that it lacks may be believed to be absent. */
export function describeServer(info: string): ServerDescription {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const runId = field('run_id');
  const policy = field('maxmemory_policy');
  if (field('role') === 'slave')
    return { usable: false, replica: true, reason: 'this Redis is a replica: REDIS_URL must lead to the primary' };
  if (runId === undefined || runId === '')
    return {
      usable: false,
      replica: false,
      reason: 'INFO shows no run_id: allow the user of REDIS_URL the command INFO',
    };
  if (policy !== 'noeviction')
    return { usable: false, replica: false, reason: `maxmemory-policy is ${policy ?? 'unknown'}: set noeviction` };
  const history = `${field('master_replid') ?? ''}.${field('evicted_keys') ?? ''}`;
  return { usable: true, identity: { runId, history } };
}

/** The marker that a re-warm with this nonce leaves: `run_id:nonce:history`. */
export function markerOf(identity: ServerIdentity, nonce: string): string {
  return `${identity.runId}:${nonce}:${identity.history}`;
}

/** Whether a re-warm of this very server, with this very past, left the marker. */
export function isMarkerOf(identity: ServerIdentity, marker: string | null | undefined): boolean {
  return (
    typeof marker === 'string' && marker.startsWith(`${identity.runId}:`) && marker.endsWith(`:${identity.history}`)
  );
}

export function sameIdentity(one: ServerIdentity, other: ServerIdentity): boolean {
  return one.runId === other.runId && one.history === other.history;
}
