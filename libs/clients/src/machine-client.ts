import type { Revocation } from '@app/revocation';

/** A client credential that may be used, with the generations that its tokens are issued at (D20). */
export interface MachineClient {
  readonly credentialId: string;
  readonly clientId: string;
  readonly ownerId: string;
  readonly organizationId: string;
  /** Granted by an administrator (D56). */
  readonly scopes: readonly string[];
  /** No token outlives it (D21). */
  readonly expiresAt: Date | undefined;
  readonly generation: number;
  readonly ownerGeneration: number;
  readonly organizationGeneration: number;
}

/** The question whether what is remembered of this client still counts. */
export function machineRevocationClaims(machine: MachineClient): readonly Revocation[] {
  return [
    { subject: `client:${machine.clientId}`, generation: machine.generation },
    { subject: `user:${machine.ownerId}`, generation: machine.ownerGeneration },
    { subject: `organization:${machine.organizationId}`, generation: machine.organizationGeneration },
  ];
}
