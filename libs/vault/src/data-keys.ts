import { randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { SecretBox } from '@app/keys';

/** A key of one organization, opened. */
export interface DataKey {
  readonly id: string;
  readonly organizationId: string;
  readonly key: Buffer;
}

interface DataKeyRow {
  readonly id: string;
  readonly organization_id: string;
  readonly sealed_key: string;
}

const KEY_BYTES = 32;
/** One organization's keys are few; this bounds a server with very many organizations. */
const CAPACITY = 50_000;

/** The additional data that binds a sealed data key to its row. */
export function dataKeyPlace(id: string, organizationId: string): string {
  return `data_keys:${organizationId}:${id}`;
}

/**
 * The keys that seal upstream tokens: one in use for each organization, sealed with a master key (envelope encryption).
 * So another master key means sealing a few keys anew, not every token; and one organization's tokens can be made
 * unreadable by forgetting its keys.
 */
@Injectable()
export class DataKeys {
  private readonly byId = new Map<string, DataKey>();
  private readonly currentOf = new Map<string, DataKey>();
  private readonly loading = new Map<string, Promise<DataKey | undefined>>();

  constructor(
    private readonly database: Database,
    private readonly box: SecretBox,
  ) {}

  /** The key that seals for this organization; made when there is none. A retired one that is still remembered only opens longer. */
  async current(organizationId: string): Promise<DataKey> {
    const known = this.currentOf.get(organizationId);
    if (known !== undefined) return known;
    const found = await this.once(`current:${organizationId}`, () => this.findOrCreate(organizationId));
    if (found === undefined) throw new Error(`organization ${organizationId} got no data key`);
    return found;
  }

  /**
   * @throws Error when the key is not there, CannotOpen when its master key is not configured
   */
  async byIdOf(organizationId: string, id: string): Promise<DataKey> {
    const key = this.byId.get(id) ?? (await this.once(id, () => this.find(id)));
    // R27: a row that names another organization's key was tampered with.
    if (key === undefined || key.organizationId !== organizationId)
      throw new Error(`data key ${id} is not one of organization ${organizationId}`);
    return key;
  }

  /** The remembered key, without asking the database; for paths that must not wait. */
  remembered(id: string): DataKey | undefined {
    return this.byId.get(id);
  }

  /** Forgets which key seals, so that the next seal asks again; after keys were replaced. */
  forgetCurrent(): void {
    this.currentOf.clear();
  }

  /** Retires the key in use and makes another. What the old one sealed is opened with it until it is sealed anew. */
  async replace(organizationId: string): Promise<DataKey> {
    const fresh = this.make(organizationId);
    await this.database.transaction(async (manager) => {
      await manager.query(
        `UPDATE data_keys SET retired_at = app_now() WHERE organization_id = $1 AND retired_at IS NULL`,
        [organizationId],
      );
      await manager.query(
        `INSERT INTO data_keys (id, organization_id, sealed_key, master_key_id) VALUES ($1, $2, $3, $4)`,
        fresh.row,
      );
    });
    return this.remember(fresh.key, true);
  }

  private async findOrCreate(organizationId: string): Promise<DataKey> {
    const { key, row } = this.make(organizationId);
    // Another instance may be first: the index lets one in, and the second statement reads whose it was.
    await this.database.query(
      `INSERT INTO data_keys (id, organization_id, sealed_key, master_key_id) VALUES ($1, $2, $3, $4)
       ON CONFLICT (organization_id) WHERE retired_at IS NULL DO NOTHING`,
      row,
    );
    const [stored] = await this.database.query<DataKeyRow>(
      `SELECT id, organization_id, sealed_key FROM data_keys WHERE organization_id = $1 AND retired_at IS NULL`,
      [organizationId],
    );
    if (stored === undefined) throw new Error(`the data key of organization ${organizationId} was retired meanwhile`);
    return this.remember(stored.id === key.id ? key : this.opened(stored), true);
  }

  private async find(id: string): Promise<DataKey | undefined> {
    const [row] = await this.database.query<DataKeyRow>(
      `SELECT id, organization_id, sealed_key FROM data_keys WHERE id = $1`,
      [id],
    );
    return row === undefined ? undefined : this.remember(this.opened(row), false);
  }

  private make(organizationId: string): { key: DataKey; row: string[] } {
    const key = { id: randomUUID(), organizationId, key: randomBytes(KEY_BYTES) };
    const sealed = this.box.seal(key.key, dataKeyPlace(key.id, organizationId));
    return { key, row: [key.id, organizationId, sealed, SecretBox.keyIdOf(sealed)] };
  }

  private opened(row: DataKeyRow): DataKey {
    const key = this.box.open(row.sealed_key, dataKeyPlace(row.id, row.organization_id));
    return { id: row.id, organizationId: row.organization_id, key };
  }

  private remember(key: DataKey, current: boolean): DataKey {
    if (this.byId.size >= CAPACITY) {
      this.byId.clear();
      this.currentOf.clear();
    }
    this.byId.set(key.id, key);
    if (current) this.currentOf.set(key.organizationId, key);
    return key;
  }

  private once(what: string, load: () => Promise<DataKey | undefined>): Promise<DataKey | undefined> {
    let pending = this.loading.get(what);
    if (pending === undefined) {
      pending = load().finally(() => this.loading.delete(what));
      this.loading.set(what, pending);
    }
    return pending;
  }
}
