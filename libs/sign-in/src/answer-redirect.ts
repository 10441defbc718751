import type { FastifyReply } from 'fastify';
import type { Delivery } from './authorization-request.js';

/** What a client is told, by parameter; undefined ones are left out. */
export type ClientAnswer = Readonly<Record<string, string | number | undefined>>;

/** Where a client's answer goes. RFC 6749 §4.1.2: the target's own query is kept. */
export function answerAddress(delivery: Delivery, parameters: ClientAnswer): string {
  if (!('target' in delivery)) throw new Error('there is no target to answer to');
  const answer = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) answer.set(name, String(value));
  const { kind, target } = delivery;
  if (kind === 'fragment') return `${target}#${answer.toString()}`;
  return `${target}${target.includes('?') ? '&' : '?'}${answer.toString()}`;
}

/** Sends the browser to the client with its answer; 303 after a POST (D38). */
export async function redirectToClient(
  delivery: Delivery,
  parameters: ClientAnswer,
  reply: FastifyReply,
): Promise<void> {
  const address = answerAddress(delivery, parameters);
  await reply.header('Cache-Control', 'no-store').redirect(address, reply.request.method === 'POST' ? 303 : 302);
}
