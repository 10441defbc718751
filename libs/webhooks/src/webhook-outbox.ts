import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig, type WebhookEndpoint } from '@app/config';
import { Database } from '@app/database';
import type { EntityManager } from 'typeorm';
import type { OutboxRow, VaultEvent } from './vault-event.js';

/**
 * Where other rooms leave their events: in the transaction of what they tell of, for whoever is configured to hear.
 *
 * A statement of another room writes them itself, in a CTE, from one parameter `JSON.stringify(rows)`:
 * `INSERT INTO outbox_events (columns) SELECT values('e') FROM jsonb_to_recordset($n::jsonb) AS e (recordset)`
 */
@Injectable()
export class WebhookOutbox implements OnModuleInit {
  static readonly columns =
    'event_id, organization_id, endpoint_id, connection_id, kind, payload, created_at, next_attempt_at';
  static readonly recordset =
    'event_id uuid, organization_id uuid, endpoint_id text, connection_id text, kind text, payload jsonb';

  /** What {@link WebhookOutbox.columns} get from a record of {@link WebhookOutbox.recordset}; the time is D59's. */
  static values(alias: string): string {
    const fields = ['event_id', 'organization_id', 'endpoint_id', 'connection_id', 'kind', 'payload'];
    return [...fields.map((field) => `${alias}.${field}`), 'app_now()', 'app_now()'].join(', ');
  }

  /** By id of the organization; filled before the first event can happen. */
  private endpoints: ReadonlyMap<string, readonly WebhookEndpoint[]> = new Map();

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  async onModuleInit(): Promise<void> {
    if (this.config.webhooks.length === 0) return;
    const ids = await this.organizationIds(this.config.webhooks.map(({ organization }) => organization));
    const endpoints = new Map<string, WebhookEndpoint[]>();
    for (const endpoint of this.config.webhooks) {
      const id = ids.get(endpoint.organization);
      if (id === undefined) throw new Error(`organization "${endpoint.organization}" was not stored`);
      endpoints.set(id, [...(endpoints.get(id) ?? []), endpoint]);
    }
    this.endpoints = endpoints;
  }

  /** The endpoints of an organization, and of no other (R27). */
  endpointsOf(organizationId: string): readonly WebhookEndpoint[] {
    return this.endpoints.get(organizationId) ?? [];
  }

  /** Every endpoint with the id of its organization. */
  all(): readonly (readonly [organizationId: string, endpoint: WebhookEndpoint])[] {
    return [...this.endpoints].flatMap(([id, endpoints]) => endpoints.map((endpoint) => [id, endpoint] as const));
  }

  /** One row for each endpoint that wants this event of this organization; none for most. */
  rowsFor(event: VaultEvent): readonly OutboxRow[] {
    const wanting = this.endpointsOf(event.organizationId).filter(({ events }) => events.includes(event.kind));
    if (wanting.length === 0) return [];
    const event_id = randomUUID();
    const payload = payloadOf(event);
    return wanting.map(({ id }) => ({
      event_id,
      organization_id: event.organizationId,
      endpoint_id: id,
      connection_id: event.connectionId,
      kind: event.kind,
      payload,
    }));
  }

  /** Puts rows into the outbox within the caller's transaction. */
  async record(manager: EntityManager, rows: readonly OutboxRow[]): Promise<void> {
    if (rows.length > 0) await manager.query(INSERT, [JSON.stringify(rows)]);
  }

  /** Organizations exist by being named in the configuration (D62), whichever room comes first. */
  private async organizationIds(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const wanted = [...new Set(names)];
    return this.database.transaction(async (manager) => {
      const made: { id: string; name: string }[] = await manager.query(
        `INSERT INTO organizations (id, name) SELECT * FROM unnest($1::uuid[], $2::text[]) AS o (id, name)
         WHERE NOT EXISTS (SELECT 1 FROM organizations x WHERE x.name = o.name)
         ON CONFLICT (name) DO NOTHING RETURNING id, name`,
        [wanted.map(() => randomUUID()), wanted],
      );
      await this.audit.recordAll(
        manager,
        made.map(({ id, name }) => ({ kind: 'organization.created', organizationId: id, name })),
      );
      const rows: { id: string; name: string }[] = await manager.query(
        `SELECT id, name FROM organizations WHERE name = ANY ($1::text[])`,
        [wanted],
      );
      return new Map(rows.map(({ id, name }) => [name, id]));
    });
  }
}

const INSERT = `
  INSERT INTO outbox_events (${WebhookOutbox.columns})
  SELECT ${WebhookOutbox.values('e')} FROM jsonb_to_recordset($1::jsonb) AS e (${WebhookOutbox.recordset})`;

/** More than a word or a time is nothing that an event should tell. */
const LONGEST_VALUE = 256;

/** The room's own three facts win over keys of the same name. */
function payloadOf(event: VaultEvent): OutboxRow['payload'] {
  const given = Object.entries(event.data).filter(
    (entry): entry is [string, string | number] => entry[1] !== undefined,
  );
  return {
    ...Object.fromEntries(
      given.map(([key, value]) => [key, typeof value === 'string' ? value.slice(0, LONGEST_VALUE) : value]),
    ),
    connection_id: event.connectionId,
    organization_id: event.organizationId,
    provider_id: event.providerId,
  };
}
