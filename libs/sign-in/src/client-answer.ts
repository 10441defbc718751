import type { FastifyReply } from 'fastify';
import type { Delivery } from './authorization-request.js';
import { sendAutoPost } from './auto-post.js';
import { escapeHtml, sendPage } from './page.js';

/** What a client is told, by parameter; undefined ones are left out. */
export type ClientAnswer = Readonly<Record<string, string | number | undefined>>;

/** Where a client's answer goes. RFC 6749 §4.1.2: the target's own query is kept. */
function answerAddress(delivery: Delivery, parameters: ClientAnswer): string {
  if (!('target' in delivery)) throw new Error('there is no target to answer to');
  const answer = new URLSearchParams(fieldsOf(parameters));
  const { kind, target } = delivery;
  if (kind === 'fragment') return `${target}#${answer.toString()}`;
  return `${target}${target.includes('?') ? '&' : '?'}${answer.toString()}`;
}

/**
 * Sends the browser to the client with its answer: 303 after a POST (D38), or with a form that it sends on at once (OAuth
 * 2.0 Form Post Response Mode §2), where the client asked for that.
 */
export async function sendToClient(delivery: Delivery, parameters: ClientAnswer, reply: FastifyReply): Promise<void> {
  if (isPosted(delivery)) return post(delivery.target, parameters, reply);
  const address = answerAddress(delivery, parameters);
  await reply.header('Cache-Control', 'no-store').redirect(address, reply.request.method === 'POST' ? 303 : 302);
}

/**
 * The same where the browser has just sent a form of ours. A page instead of a redirect: browsers hold a form's policy
 * against every redirect behind it, and where an application goes on to is not ours to know (docs/decisions/0015).
 */
export async function sendOnToClient(delivery: Delivery, parameters: ClientAnswer, reply: FastifyReply): Promise<void> {
  if (isPosted(delivery)) return post(delivery.target, parameters, reply);
  const address = answerAddress(delivery, parameters);
  void reply.header('Refresh', `0; url=${address}`);
  await sendPage(reply, 200, 'One moment', `<p><a href="${escapeHtml(address)}">Go on to the application</a></p>`);
}

type PostedDelivery = Extract<Delivery, { readonly kind: 'code' }>;

function isPosted(delivery: Delivery): delivery is PostedDelivery {
  return delivery.kind === 'code' && delivery.mode === 'form_post';
}

function post(destination: string, parameters: ClientAnswer, reply: FastifyReply): Promise<void> {
  return sendAutoPost(reply, { title: 'One moment', destination, fields: fieldsOf(parameters) });
}

function fieldsOf(parameters: ClientAnswer): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
