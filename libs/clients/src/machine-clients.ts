import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '@app/config';
import { Database } from '@app/database';
import type { Revocation } from '@app/revocation';
import { ClientMemory } from './client-memory.js';
import { machineRevocationClaims, type MachineClient } from './machine-client.js';

/** A machine client with what proves it. */
export interface StoredMachine {
  readonly client: MachineClient;
  readonly secretHash: Buffer;
  readonly revocationClaims: readonly Revocation[];
}

interface MachineRow {
  readonly id: string;
  readonly client_id: string;
  readonly secret_hash: Buffer;
  readonly owner_id: string;
  readonly organization_id: string;
  readonly scopes: string[];
  readonly generation: number;
  readonly expires_at: Date | null;
  readonly owner_generation: number;
  readonly organization_generation: number;
}

/** D21; nothing else can be in the table. */
const MACHINE_CLIENT_ID = /^tmi_cc_[A-Za-z0-9_-]{22}$/;

/** Says whether this can be the `client_id` of a machine; an application never has one of this form. */
export function isMachineClientId(clientId: string): boolean {
  return MACHINE_CLIENT_ID.test(clientId);
}

/** Usable client credentials, remembered ({@link ClientMemory}) as deletion and disabled owners allow (D20, D21). */
@Injectable()
export class MachineClients {
  private readonly memory: ClientMemory<StoredMachine>;

  constructor(
    private readonly database: Database,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.memory = new ClientMemory((clientId) => this.read(clientId), clock);
  }

  /** What is remembered of this id; `'unknown'` for a remembered absence, undefined when Postgres must be asked. */
  recall(clientId: string): StoredMachine | 'unknown' | undefined {
    return isMachineClientId(clientId) ? this.memory.recall(clientId) : 'unknown';
  }

  /** Asks Postgres, once for all who ask at the same time. Undefined: unknown, deleted, or its owner is disabled (R23). */
  load(clientId: string): Promise<StoredMachine | undefined> {
    return this.memory.load(clientId);
  }

  forget(clientId: string): void {
    this.memory.forget(clientId);
  }

  private async read(clientId: string): Promise<StoredMachine | undefined> {
    const [row] = await this.database.queryNamed<MachineRow>(
      'machine-client',
      `SELECT c.id, c.client_id, c.secret_hash, c.owner_id, c.organization_id, c.scopes, c.generation, c.expires_at,
              u.generation AS owner_generation, o.generation AS organization_generation
       FROM client_credentials c
       JOIN users u ON u.id = c.owner_id AND u.disabled_at IS NULL
       JOIN organizations o ON o.id = c.organization_id
       WHERE c.client_id = $1 AND c.deleted_at IS NULL`,
      [clientId],
    );
    return row === undefined ? undefined : storedMachineOf(row);
  }
}

function storedMachineOf(row: MachineRow): StoredMachine {
  const client: MachineClient = {
    credentialId: row.id,
    clientId: row.client_id,
    ownerId: row.owner_id,
    organizationId: row.organization_id,
    scopes: row.scopes,
    expiresAt: row.expires_at ?? undefined,
    generation: row.generation,
    ownerGeneration: row.owner_generation,
    organizationGeneration: row.organization_generation,
  };
  return { client, secretHash: row.secret_hash, revocationClaims: machineRevocationClaims(client) };
}
