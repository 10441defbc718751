import type { FaultCollector } from './configuration-error.js';
import type { WebhookDeliveryConfig, WebhookEndpoint } from './gatehouse-config.js';
import { entriesOf } from './provider-rules.js';
import { upstreamUrlFault } from './urls.js';
import { webhookEventKinds, type WebhookDeliverySettings, type WebhookSettings } from './webhooks.schema.js';

/** What the rules about webhooks depend on beside the webhooks themselves. */
export interface WebhookPlace {
  /** `outbound.allow_private` */
  readonly allowPrivate: boolean;
  /** The organizations that exist because the file names them elsewhere. */
  readonly organizations: ReadonlySet<string>;
}

/** The rules that compare webhooks with each other or with other settings; they read the list as written. */
export function checkWebhooks(webhooks: unknown, place: WebhookPlace, faults: FaultCollector): void {
  const ids = new Set<string>();
  for (const [index, { id, url, organization }] of entriesOf(webhooks).entries()) {
    if (typeof id === 'string' && ids.has(id)) {
      faults.add(`webhooks[${index}].id`, 'is the id of another webhook; choose another one');
    }
    if (typeof id === 'string') ids.add(id);
    const fault =
      typeof url === 'string' && url !== '' ? upstreamUrlFault(url, { loopbackHttp: place.allowPrivate }) : undefined;
    if (fault !== undefined) faults.add(`webhooks[${index}].url`, fault);
    // A slip here would be a webhook that stays silent for good.
    if (typeof organization === 'string' && organization !== '' && !place.organizations.has(organization)) {
      faults.add(
        `webhooks[${index}].organization`,
        'is not an organization of this file; list it under organizations, or correct the name',
      );
    }
  }
}

/** `organization: default` exists without being named anywhere (D28). */
export function namedOrganizations(
  ...lists: readonly (readonly { readonly name?: unknown; readonly organization?: unknown }[])[]
): ReadonlySet<string> {
  const names = lists.flat().map(({ name, organization }) => organization ?? name);
  return new Set(['default', ...names.filter((name) => typeof name === 'string')]);
}

/** The endpoint as the rooms read it. */
export function toWebhookEndpoint(settings: WebhookSettings): WebhookEndpoint {
  return {
    id: settings.id,
    url: settings.url,
    secrets: settings.secrets,
    organization: settings.organization,
    events: settings.events ?? webhookEventKinds,
  };
}

export function toWebhookDelivery(settings: WebhookDeliverySettings): WebhookDeliveryConfig {
  return {
    timeoutMs: settings.timeout_ms,
    concurrency: settings.concurrency,
    concurrencyPerEndpoint: settings.concurrency_per_endpoint,
    firstRetryMs: settings.first_retry_seconds * 1000,
    maxRetryMs: settings.max_retry_seconds * 1000,
    giveUpMs: settings.give_up_seconds * 1000,
    keepDeliveredMs: settings.keep_delivered_seconds * 1000,
    keepFailedMs: settings.keep_failed_seconds * 1000,
  };
}
