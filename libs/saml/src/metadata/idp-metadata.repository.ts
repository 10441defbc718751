import { Injectable } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { Database, SamlIdpMetadataEntity } from '@app/database';
import type { EntityManager } from 'typeorm';
import type { MetadataChange } from './metadata-change.js';

/** A row of `saml_idp_metadata`. */
export type StoredMetadata = Readonly<SamlIdpMetadataEntity>;

/** What instances look at every minute: a row without its documents. */
export type MetadataState = Omit<StoredMetadata, 'document' | 'heldDocument'>;

/** A document that was read and is to be kept. */
export interface FetchedMetadata {
  readonly providerId: string;
  readonly source: string;
  readonly entityId: string;
  readonly document: string;
  readonly fetchedAt: Date;
  readonly refreshAt: Date;
  readonly validUntil: Date | null;
}

const NOT_HELD = { heldDocument: null, heldReason: null, heldAt: null } as const;
const NO_ERROR = { lastError: null, lastErrorAt: null } as const;

/**
 * The last good metadata of each provider. Writers name the revision that they decided upon, and write nothing when it is
 * no longer the one: then they must look again.
 */
@Injectable()
export class IdpMetadataRepository {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  find(providerId: string): Promise<StoredMetadata | null> {
    return this.table().findOneBy({ providerId });
  }

  /** Of every provider that ever had metadata. */
  states(): Promise<MetadataState[]> {
    return this.database.query<MetadataState>(
      `SELECT provider_id AS "providerId", source, entity_id AS "entityId", fetched_at AS "fetchedAt",
              refresh_at AS "refreshAt", valid_until AS "validUntil", revision, held_reason AS "heldReason",
              held_at AS "heldAt", last_error AS "lastError", last_error_at AS "lastErrorAt"
       FROM saml_idp_metadata`,
    );
  }

  /** The first document of a source, in place of another source's. False: that source has one already. */
  async begin(fetched: FetchedMetadata): Promise<boolean> {
    const rows = await this.database.query(
      `INSERT INTO saml_idp_metadata AS m
         (provider_id, source, entity_id, document, fetched_at, refresh_at, valid_until)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (provider_id) DO UPDATE
         SET source = EXCLUDED.source, entity_id = EXCLUDED.entity_id, document = EXCLUDED.document,
             fetched_at = EXCLUDED.fetched_at, refresh_at = EXCLUDED.refresh_at, valid_until = EXCLUDED.valid_until,
             revision = m.revision + 1, held_document = NULL, held_reason = NULL, held_at = NULL,
             last_error = NULL, last_error_at = NULL
         WHERE m.source <> EXCLUDED.source
       RETURNING provider_id`,
      [
        fetched.providerId,
        fetched.source,
        fetched.entityId,
        fetched.document,
        fetched.fetchedAt,
        fetched.refreshAt,
        fetched.validUntil,
      ],
    );
    return rows.length > 0;
  }

  /** The document is the same as before, letter for letter. */
  confirm(revision: number, { providerId, fetchedAt, refreshAt }: FetchedMetadata): Promise<boolean> {
    return this.update(this.table(), providerId, revision, { fetchedAt, refreshAt, ...NOT_HELD, ...NO_ERROR });
  }

  /** Puts a document in force; audited where it matters. */
  apply(revision: number, fetched: FetchedMetadata, change: MetadataChange): Promise<boolean> {
    return this.enforce(revision, fetched, change, 'saml.metadata_changed');
  }

  /** Puts in force what an administrator looked at. */
  accept(revision: number, fetched: FetchedMetadata, change: MetadataChange): Promise<boolean> {
    return this.enforce(revision, fetched, change, 'saml.metadata_accepted');
  }

  /** Keeps what must not take effect by itself. `news`: it was not held already, whichever instance comes first. */
  async hold(
    revision: number,
    fetched: FetchedMetadata,
    change: MetadataChange,
  ): Promise<'news' | 'known' | 'overtaken'> {
    const { providerId, document, fetchedAt, refreshAt } = fetched;
    return this.database.transaction(async (manager) => {
      const table = manager.getRepository(SamlIdpMetadataEntity);
      const row = await table.findOne({ where: { providerId, revision }, lock: { mode: 'pessimistic_write' } });
      if (row === null) return 'overtaken';
      const known = row.heldReason === change.reason;
      await table.update(
        { providerId },
        {
          refreshAt,
          heldDocument: document,
          heldReason: change.reason,
          ...(known ? {} : { heldAt: fetchedAt }),
          ...NO_ERROR,
        },
      );
      if (known) return 'known';
      await this.record(manager, 'saml.metadata_held', providerId, change);
      return 'news';
    });
  }

  /** That fetching failed, for operators; the last good document stays. */
  async fail(providerId: string, source: string, lastError: string, lastErrorAt: Date): Promise<void> {
    await this.table().update({ providerId, source }, { lastError, lastErrorAt });
  }

  /** Which of these are due and ours to fetch: of several instances that ask, one gets each, for as long as `leaseMs`. */
  async claimDue(sources: ReadonlyMap<string, string>, now: Date, leaseMs: number): Promise<string[]> {
    const rows = await this.database.query<{ provider_id: string }>(
      `UPDATE saml_idp_metadata SET refresh_at = $4
       WHERE refresh_at <= $3 AND (provider_id, source) IN (SELECT * FROM unnest($1::text[], $2::text[]))
       RETURNING provider_id`,
      [[...sources.keys()], [...sources.values()], now, new Date(now.getTime() + leaseMs)],
    );
    return rows.map((row) => row.provider_id);
  }

  private async enforce(
    revision: number,
    fetched: FetchedMetadata,
    change: MetadataChange,
    kind: 'saml.metadata_accepted' | 'saml.metadata_changed',
  ): Promise<boolean> {
    const { providerId, source: _, ...values } = fetched;
    return this.database.transaction(async (manager) => {
      const row = { ...values, revision: revision + 1, ...NOT_HELD, ...NO_ERROR };
      const table = manager.getRepository(SamlIdpMetadataEntity);
      if (!(await this.update(table, providerId, revision, row))) return false;
      if (change.kind !== 'same') await this.record(manager, kind, providerId, change);
      return true;
    });
  }

  private async update(
    table: ReturnType<IdpMetadataRepository['table']>,
    providerId: string,
    revision: number,
    values: Partial<SamlIdpMetadataEntity>,
  ): Promise<boolean> {
    return (await table.update({ providerId, revision }, values)).affected === 1;
  }

  private async record(
    manager: EntityManager,
    kind: 'saml.metadata_held' | 'saml.metadata_accepted' | 'saml.metadata_changed',
    providerId: string,
    { reason, added, removed }: MetadataChange,
  ): Promise<void> {
    await this.audit.record(manager, { kind, providerId, reason, added, removed });
  }

  private table() {
    return this.database.dataSource.getRepository(SamlIdpMetadataEntity);
  }
}
