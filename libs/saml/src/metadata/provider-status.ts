import type { IdpDescription } from './idp-description.js';
import type { MetadataState } from './idp-metadata.repository.js';

/** How a SAML provider is, for operators. */
export interface SamlProviderStatus {
  readonly id: string;
  /** `pending`: its first metadata is on the way. `degraded`: look at `detail`; logins may work on. */
  readonly state: 'pending' | 'ready' | 'degraded';
  readonly detail?: string;
  /** Whether a login can begin now. */
  readonly usable: boolean;
  readonly idpEntityId?: string;
  readonly fetchedAt?: Date;
  readonly validUntil?: string;
  readonly held?: { readonly reason: string; readonly at: Date };
}

interface Known {
  readonly id: string;
  readonly idp: IdpDescription | undefined;
  readonly state: MetadataState | undefined;
  readonly failure: string | undefined;
  readonly conflict: string | undefined;
  readonly life: 'valid' | 'grace' | 'over' | undefined;
}

export function statusOf(known: Known): SamlProviderStatus {
  const { id, idp, state } = known;
  const faults = faultsOf(known);
  const held = state?.heldReason === null || state?.heldReason === undefined ? undefined : state;
  return {
    id,
    state: faults.length > 0 ? 'degraded' : idp === undefined ? 'pending' : 'ready',
    ...(faults.length > 0 ? { detail: faults.join('; ') } : {}),
    usable: idp !== undefined && known.conflict === undefined && known.life !== 'over',
    ...(idp === undefined ? {} : { idpEntityId: idp.entityId }),
    ...(idp?.validUntil === undefined ? {} : { validUntil: idp.validUntil }),
    ...(state === undefined ? {} : { fetchedAt: state.fetchedAt }),
    ...(held?.heldAt ? { held: { reason: held.heldReason ?? '', at: held.heldAt } } : {}),
  };
}

function faultsOf({ id, idp, state, failure, conflict, life }: Known): string[] {
  const faults: string[] = [];
  if (conflict !== undefined) faults.push(conflict);
  if (life === 'over') {
    faults.push(`its metadata expired at ${idp?.validUntil}, logins are refused: the IdP must publish a new document`);
  }
  if (life === 'grace') {
    faults.push(`its metadata expired at ${idp?.validUntil} and serves for one more day: it could not be renewed`);
  }
  if (state?.heldReason) {
    faults.push(`new metadata is held: ${state.heldReason}; accept it with "gatehouse saml:metadata ${id} --accept"`);
  }
  const error = failure ?? state?.lastError;
  if (error) faults.push(`the last refresh failed: ${error}`);
  return faults;
}
