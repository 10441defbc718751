import { z } from 'zod';
import { Secret } from './secret.js';
import { documented, section } from './setting-docs.js';
import { kinds, listOf, text, url, whole } from './setting-kinds.js';

/** What a webhook endpoint can ask to be told. */
export const webhookEventKinds = [
  'connection.needs_reauth',
  'connection.refresh_failed',
  'connection.recovered',
  'connection.expiring',
] as const;

const day = 86_400;
const secretFault =
  'must be whsec_ and then 24 to 64 random bytes as base64; make one with ' +
  `node -e "console.log('whsec_' + require('node:crypto').randomBytes(32).toString('base64'))"`;

/** The Standard Webhooks form. Canonical base64 alone, so that both sides surely read the same bytes. */
function keyOf(value: unknown): Secret<Buffer> | undefined {
  const encoded = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/.exec(typeof value === 'string' ? value : '')?.[1] ?? '';
  const key = Buffer.from(encoded, 'base64');
  return key.length >= 24 && key.length <= 64 && key.toString('base64') === encoded ? new Secret(key) : undefined;
}

/** One secret, or a list of them; a fault says which, and never quotes it. */
const webhookSecrets = z
  .unknown()
  .transform((value, context) => {
    const entries: unknown[] = Array.isArray(value) ? value : [value];
    if (entries.length === 0 || entries.length > 5) {
      context.addIssue({ code: 'custom', message: 'must be one secret, or a list of 1 to 5' });
      return z.NEVER;
    }
    const keys = entries.map(keyOf);
    for (const [index, key] of keys.entries()) {
      const path = Array.isArray(value) ? [index] : [];
      if (key === undefined) context.addIssue({ code: 'custom', path, message: secretFault });
    }
    return keys.filter((key) => key !== undefined);
  })
  .register(kinds, { text: 'secret text, or list of them' });

const endpointId = z
  .string('must be text')
  .regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/, 'must begin with a letter and have at most 64 of A-Z a-z 0-9 _ -')
  .register(kinds, { text: 'text' });

export const webhookSchema = section({
  id: documented(
    endpointId,
    'Names the endpoint in logs and metrics, and what waits for it: another id is another endpoint.',
  ),
  url: documented(
    url(),
    'Where events are sent by POST: https; http only on a loopback host with `outbound.allow_private`. Redirects are not followed.',
  ),
  secrets: documented(
    webhookSecrets,
    'Signs what is sent: `whsec_` and base64; write it as `${NAME}`. With several, each adds a signature, so that receivers can change over.',
  ),
  organization: documented(
    text(100).default('default'),
    'Whose events are sent, and nobody else’s: `default`, the `organization` of a provider, or one of `organizations`.',
  ),
  events: documented(
    listOf(z.enum(webhookEventKinds))
      .refine((events) => events.length > 0, 'must name an event; remove the key for all of them')
      .optional(),
    'Which events are sent.',
    'all',
  ),
});

/** `webhook_delivery`: the bounds keep a slip of the keyboard from flooding a receiver or forgetting events at once. */
export const webhookDeliverySection = section({
  timeout_ms: documented(whole(100, 30_000).default(10_000), 'Longest time for one attempt, in milliseconds.'),
  concurrency: documented(whole(1, 1000).default(32), 'Attempts under way at once, in one process.'),
  concurrency_per_endpoint: documented(
    whole(1, 1000).default(4),
    'Attempts under way at once for one endpoint, in one process.',
  ),
  first_retry_seconds: documented(
    whole(1, 3600).default(5),
    'Longest wait before the second attempt; it doubles with each one.',
  ),
  max_retry_seconds: documented(whole(1, day).default(21_600), 'Longest wait between two attempts.'),
  give_up_seconds: documented(whole(1, 30 * day).default(3 * day), 'How long an event is tried.'),
  keep_delivered_seconds: documented(
    whole(0, 365 * day).default(7 * day),
    'How long an event that was delivered stays in the table.',
  ),
  keep_failed_seconds: documented(
    whole(0, 365 * day).default(30 * day),
    'How long an event that was given up stays in the table.',
  ),
});

export type WebhookSettings = z.output<typeof webhookSchema>;
export type WebhookDeliverySettings = z.output<typeof webhookDeliverySection>;
