/**
 * webhooks: telling others what happened, surely and signed.
 *
 * Owns: the outbox into which other rooms put events with what they tell of, their delivery and its retries, the
 * signature, how long events are kept, what a receiver's answer means.
 * Does not own: which facts are events (vault), or dialling (outbound). No routes.
 */
export type { OutboxRow, VaultEvent } from './vault-event.js';
export { WebhookOutbox } from './webhook-outbox.js';
export { WebhookDelivery, type DeliveryCounts } from './webhook-delivery.js';
export { DeliveryLoop } from './delivery-loop.js';
export { retryDelayMs, type DeliveryOutcome } from './delivery-outcome.js';
export type { EndpointBacklog } from './outbox.repository.js';
export { verifyWebhook, WebhookRefused, type ReceivedWebhook } from './signature.js';
export { WebhooksModule } from './webhooks.module.js';
