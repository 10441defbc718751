import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '@app/config';
import { Database } from '@app/database';
import type { Revocation } from '@app/revocation';
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

interface Remembered {
  readonly stored: StoredMachine | undefined;
  readonly until: number;
}

/** D21; nothing else can be in the table. */
const MACHINE_CLIENT_ID = /^tmi_cc_[A-Za-z0-9_-]{22}$/;
const REMEMBERED_MS = 60_000;
/** Also of a client whose owner is disabled: short, so that enabling him is felt. */
const ABSENCE_REMEMBERED_MS = 5_000;
const CAPACITY = 10_000;

/**
 * Usable client credentials, remembered for a minute so that the warm path asks no SQL. What is remembered may be used
 * only after its revocation claims were found current: that, not the minute, is what makes deletion immediate (D20, D21).
 */
@Injectable()
export class MachineClients {
  private readonly remembered = new Map<string, Remembered>();
  private readonly loading = new Map<string, Promise<StoredMachine | undefined>>();

  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What is remembered of this id; `'unknown'` for a remembered absence, undefined when Postgres must be asked. */
  recall(clientId: string): StoredMachine | 'unknown' | undefined {
    if (!MACHINE_CLIENT_ID.test(clientId)) return 'unknown';
    const known = this.remembered.get(clientId);
    if (known === undefined) return undefined;
    if (known.until > this.clock().getTime()) return known.stored ?? 'unknown';
    this.remembered.delete(clientId);
    return undefined;
  }

  /** Asks Postgres, once for all who ask at the same time. Undefined: unknown, deleted, or its owner is disabled (R23). */
  load(clientId: string): Promise<StoredMachine | undefined> {
    let pending = this.loading.get(clientId);
    if (pending === undefined) {
      pending = this.read(clientId).finally(() => this.loading.delete(clientId));
      this.loading.set(clientId, pending);
    }
    return pending;
  }

  forget(clientId: string): void {
    this.remembered.delete(clientId);
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
    const stored = row === undefined ? undefined : storedMachineOf(row);
    this.remember(clientId, stored);
    return stored;
  }

  private remember(clientId: string, stored: StoredMachine | undefined): void {
    if (this.remembered.size >= CAPACITY && !this.remembered.has(clientId)) {
      const [oldest] = this.remembered.keys();
      if (oldest !== undefined) this.remembered.delete(oldest);
    }
    const lifetime = stored === undefined ? ABSENCE_REMEMBERED_MS : REMEMBERED_MS;
    this.remembered.set(clientId, { stored, until: this.clock().getTime() + lifetime });
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
