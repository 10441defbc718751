import { createHash } from 'node:crypto';
import type { TransientStore } from '@app/transient-store';
import { passed, quoteFound, failed, type Verdict } from '../verdict.js';

/** A message that must work once, at whichever instance it arrives. */
export interface OneTimeMessage {
  readonly kind: 'assertion' | 'logout-request';
  readonly providerId: string;
  /** Its ID as the IdP made it: unique at that IdP (core §1.3.4), and of any length, so only its hash is kept. */
  readonly id: string;
}

/**
 * Marks an id as used; the verdict fails for everybody but the first (R10, R14).
 *
 * @param until when the message ends by itself. It is remembered for two skews more: ours, by which it is accepted late,
 *   and that of an instance whose clock is behind the one that remembers it.
 * @throws StoreUnavailable whoever cannot remember must refuse
 */
export async function useOnce(
  store: TransientStore,
  message: OneTimeMessage,
  until: Date,
  { now, skewSeconds }: { readonly now: Date; readonly skewSeconds: number },
): Promise<Verdict> {
  const ttlMs = Math.max(1, Math.ceil(until.getTime() - now.getTime() + 2 * skewSeconds * 1000));
  const first = await store.setIfAbsent(keyOf(message), '1', ttlMs);
  const expected = `a ${message.kind} that was not used before`;
  const found = `ID ${quoteFound(message.id)}`;
  return first ? passed('replay', expected, found) : failed('replay', expected, `${found}, which was used`);
}

/** Undoes {@link useOnce} where what the message asked for could not be done, so that it may be tried again. */
export async function forgetUse(store: TransientStore, message: OneTimeMessage): Promise<void> {
  await store.delete(keyOf(message));
}

function keyOf({ kind, providerId, id }: OneTimeMessage): string {
  return `saml-once:${kind}:${providerId}:${createHash('sha256').update(id).digest('base64url')}`;
}
