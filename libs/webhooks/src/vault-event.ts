import type { WebhookEventKind } from '@app/config';

/**
 * What happened to a connection. `data` holds words, identifiers and times that its owner may read in plain text, never
 * a secret; keys in snake case, as receivers get them.
 */
export interface VaultEvent {
  readonly kind: WebhookEventKind;
  readonly connectionId: string;
  readonly organizationId: string;
  readonly providerId: string;
  readonly data: Readonly<Record<string, string | number | undefined>>;
}

/** One event for one endpoint, in the columns of the table; `JSON.stringify` of a list is a statement's parameter. */
export interface OutboxRow {
  readonly event_id: string;
  readonly organization_id: string;
  readonly endpoint_id: string;
  readonly connection_id: string;
  readonly kind: WebhookEventKind;
  readonly payload: Readonly<Record<string, string | number>>;
}
