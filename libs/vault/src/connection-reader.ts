import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { Gather } from './gather.js';
import {
  CONNECTION_COLUMNS,
  sealedConnectionOf,
  shown,
  type ConnectionRow,
  type ConnectionStatus,
  type SealedConnection,
  type StoredConnection,
} from './stored-connection.js';

interface Wanted {
  readonly organizationId: string;
  readonly id: string;
}

export interface ConnectionFilter {
  readonly providerId?: string | undefined;
  readonly userId?: string | undefined;
  readonly status?: ConnectionStatus | undefined;
}

/** The last connection of the page before: where the next page begins. */
export interface PageEnd {
  readonly createdAt: Date;
  readonly id: string;
}

export const READ = `
  SELECT ${CONNECTION_COLUMNS}, CASE WHEN b.open_until > app_now() THEN b.open_until END AS rests_until
  FROM unnest($1::uuid[], $2::text[]) AS w (organization_id, id)
  JOIN connections c ON c.id = w.id AND c.organization_id = w.organization_id
  LEFT JOIN provider_breakers b ON b.provider_id = c.provider_id
  WHERE c.deleted_at IS NULL`;

const LIST = `
  SELECT ${CONNECTION_COLUMNS}, CASE WHEN b.open_until > app_now() THEN b.open_until END AS rests_until
  FROM connections c LEFT JOIN provider_breakers b ON b.provider_id = c.provider_id
  WHERE c.organization_id = $1 AND c.deleted_at IS NULL
    AND ($2::timestamptz IS NULL OR (c.created_at, c.id) > ($2, $3))
    AND ($4::text IS NULL OR c.provider_id = $4) AND ($5::text IS NULL OR c.status = $5)
    AND ($6::uuid IS NULL OR c.user_id = $6)
  ORDER BY c.created_at, c.id LIMIT $7`;

/** Reads connections, always inside one organization (R27). */
@Injectable()
export class ConnectionReader {
  private readonly reads = new Gather<Wanted, SealedConnection | undefined>((batch) => this.read(batch));
  /** Reads that have not begun: who asks for the same meanwhile needs no other. */
  private readonly waiting = new Map<string, Promise<SealedConnection | undefined>>();

  constructor(private readonly database: Database) {}

  /**
   * Undefined: unknown, deleted, or another organization's. Many that ask together share a statement, and a thousand
   * callers of one connection one row: what they get was read after they had asked.
   */
  find(organizationId: string, id: string): Promise<SealedConnection | undefined> {
    const key = keyOf(organizationId, id);
    let read = this.waiting.get(key);
    if (read === undefined) {
      read = this.reads.submit({ organizationId, id });
      this.waiting.set(key, read);
    }
    return read;
  }

  /** Oldest first, one page. */
  async list(
    organizationId: string,
    filter: ConnectionFilter,
    limit: number,
    after: PageEnd | undefined,
  ): Promise<StoredConnection[]> {
    const rows = await this.database.query<ConnectionRow>(LIST, [
      organizationId,
      after?.createdAt ?? null,
      after?.id ?? null,
      filter.providerId ?? null,
      filter.status ?? null,
      filter.userId ?? null,
      limit,
    ]);
    return rows.map((row) => shown(sealedConnectionOf(row)));
  }

  private async read(batch: readonly Wanted[]): Promise<(SealedConnection | undefined)[]> {
    const keys = batch.map(({ organizationId, id }) => keyOf(organizationId, id));
    for (const key of keys) this.waiting.delete(key);
    const rows = await this.database.queryNamed<ConnectionRow>('vault-read', READ, [
      batch.map(({ organizationId }) => organizationId),
      batch.map(({ id }) => id),
    ]);
    const byKey = new Map(rows.map((row) => [keyOf(row.organization_id, row.id), sealedConnectionOf(row)]));
    return keys.map((key) => byKey.get(key));
  }
}

function keyOf(organizationId: string, id: string): string {
  return `${organizationId}|${id}`;
}
