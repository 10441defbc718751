import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '@app/config';

/** How far the clocks of sender and receiver may be apart: a recorded request is of no use afterwards. */
const TOLERANCE_SECONDS = 300;

/** A webhook that must not be believed; the message says why, and nothing of a secret. */
export class WebhookRefused extends Error {
  override readonly name = 'WebhookRefused';
}

/** What arrived, once its signature is proved. */
export interface ReceivedWebhook {
  /** The same in every attempt: do nothing for an id that was handled already. */
  readonly id: string;
  readonly type: string;
  /** When it happened, ISO 8601. */
  readonly timestamp: string;
  readonly data: Readonly<Record<string, string | number>>;
}

/** The three headers of Standard Webhooks; each secret signs, so that receivers can change from one to the next. */
export function signedHeaders(
  secrets: readonly Secret<Buffer>[],
  id: string,
  at: Date,
  body: string,
): Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signatures = secrets.map((secret) => `v1,${macOf(secret.reveal(), id, timestamp, body).toString('base64')}`);
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

/**
 * The receiver's side, for tests and as a model.
 *
 * @param headers names in lower case, as Node gives them.
 * @param body the bytes that arrived, as text; JSON that was parsed and printed again has another signature.
 * @param secrets in the form `whsec_…`; any of them may have signed.
 * @throws WebhookRefused when a header is missing, the time is off, or no signature is right.
 */
export function verifyWebhook(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  body: string,
  secrets: readonly string[],
  now: Date,
): ReceivedWebhook {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => {
    const value = headers[name];
    if (typeof value !== 'string' || value === '') throw new WebhookRefused(`the header ${name} is missing`);
    return value;
  }) as [string, string, string];
  const offset = /^\d{1,12}$/.test(timestamp) ? Math.abs(now.getTime() / 1000 - Number(timestamp)) : Infinity;
  if (offset > TOLERANCE_SECONDS) throw new WebhookRefused('the webhook-timestamp is not of this moment');
  const offered = signatures
    .split(' ')
    .flatMap((one) => (one.startsWith('v1,') ? Buffer.from(one.slice(3), 'base64') : []));
  const isRight = secrets.some((secret) => {
    const wanted = macOf(Buffer.from(secret.replace(/^whsec_/, ''), 'base64'), id, timestamp, body);
    return offered.some((mac) => mac.length === wanted.length && timingSafeEqual(mac, wanted));
  });
  if (!isRight) throw new WebhookRefused('no signature of webhook-signature is right');
  return JSON.parse(body) as ReceivedWebhook;
}

const macOf = (key: Buffer, id: string, timestamp: string, body: string): Buffer =>
  createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
