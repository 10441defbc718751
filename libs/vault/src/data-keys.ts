import { randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { CLOCK, type Clock } from '@app/config';
import { Database, isDatabaseUnavailable } from '@app/database';
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

const HOUR_MS = 3_600_000;
/** A key that was read as the one in use seals without another look for so long, after {@link DataKeys.prepare}. */
const SEALS_FOR_MS = 2 * HOUR_MS;

interface CurrentKey {
  readonly key: DataKey;
  readonly readAtMs: number;
}

/** The additional data that binds a sealed data key to its row. */
export function dataKeyPlace(id: string, organizationId: string): string {
  return `data_keys:${organizationId}:${id}`;
}

/**
 * The keys that seal upstream tokens: one in use for each organization, sealed with a master key (envelope encryption).
 * So another master key means sealing a few keys anew, not every token; and one organization's tokens can be made
 * unreadable by forgetting its keys.
 *
 * Which key is in use is remembered and read anew after an hour. Until then another process may have replaced it: what a
 * retired key seals opens like everything else, and is sealed anew by the next housekeeping. A retired key is removed a
 * day later, when nothing can seal with it any more; and a row that named a removed one would be refused by the foreign
 * key, never be stored unreadable.
 */
@Injectable()
export class DataKeys {
  private readonly byId = new Map<string, DataKey>();
  private readonly currentOf = new Map<string, CurrentKey>();
  private readonly loading = new Map<string, Promise<DataKey | undefined>>();

  constructor(
    private readonly database: Database,
    private readonly box: SecretBox,
    @Optional() @Inject(CLOCK) private readonly clock: Clock = () => new Date(),
  ) {}

  /**
   * The key in use of this organization, at most an hour old news; made when there is none.
   * @throws DatabaseUnavailable where it is not remembered at all
   */
  async current(organizationId: string): Promise<DataKey> {
    const known = this.youngerThan(organizationId, HOUR_MS);
    if (known !== undefined) return known;
    try {
      const found = await this.once(`current:${organizationId}`, () => this.findOrCreate(organizationId));
      if (found === undefined) throw new Error(`organization ${organizationId} got no data key`);
      return found;
    } catch (error) {
      const remembered = this.currentOf.get(organizationId);
      // While there is no database nobody removes keys either.
      if (remembered === undefined || !isDatabaseUnavailable(error)) throw error;
      return remembered.key;
    }
  }

  /** The key to seal with, at once where {@link current} was asked within the last hour: an answer must not wait. */
  async sealing(organizationId: string): Promise<DataKey> {
    return this.youngerThan(organizationId, SEALS_FOR_MS) ?? (await this.current(organizationId));
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

  /**
   * Retires the key in use, if it is still this one, and makes another. What the old one sealed is opened with it until
   * it is sealed anew. Undefined: somebody else has replaced it.
   */
  async replace(organizationId: string, dataKeyId: string): Promise<DataKey | undefined> {
    const fresh = this.make(organizationId);
    const replaced = await this.database.transaction(async (manager) => {
      const [, retired]: [unknown[], number] = await manager.query(
        `UPDATE data_keys SET retired_at = app_now() WHERE id = $1 AND organization_id = $2 AND retired_at IS NULL`,
        [dataKeyId, organizationId],
      );
      if (retired === 0) return false;
      await manager.query(
        `INSERT INTO data_keys (id, organization_id, sealed_key, master_key_id) VALUES ($1, $2, $3, $4)`,
        fresh.row,
      );
      return true;
    });
    return replaced ? this.remember(fresh.key, true) : undefined;
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

  /** A clock that was set back makes everything old, which only costs a look. */
  private youngerThan(organizationId: string, ms: number): DataKey | undefined {
    const known = this.currentOf.get(organizationId);
    if (known === undefined) return undefined;
    const age = this.clock().getTime() - known.readAtMs;
    return age >= 0 && age < ms ? known.key : undefined;
  }

  private remember(key: DataKey, current: boolean): DataKey {
    if (this.byId.size >= CAPACITY) {
      this.byId.clear();
      this.currentOf.clear();
    }
    this.byId.set(key.id, key);
    if (current) this.currentOf.set(key.organizationId, { key, readAtMs: this.clock().getTime() });
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
