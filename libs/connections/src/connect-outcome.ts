import type { FastifyReply } from 'fastify';
import { noStore } from '@app/edge';
import type { OAuthError } from '@app/oauth2';
import type { ConnectOrder } from './connect-tickets.js';

/** Where the browser ends (D61): at the redirect_url of the order, which was checked when it was given, or as JSON. */
export async function sendConnected(reply: FastifyReply, order: ConnectOrder, connectionId: string): Promise<void> {
  const outcome = { status: 'success', connection_id: connectionId, state: order.state };
  noStore(reply);
  if (order.redirectUrl !== undefined) return redirect(reply, order.redirectUrl, outcome);
  await reply
    .status(200)
    .header('Cross-Origin-Resource-Policy', 'same-origin')
    .header('Content-Type', 'application/json')
    .send(JSON.stringify({ ...outcome, integration_id: order.providerId }));
}

/** To where success would have gone, with a code of ours and never a provider's text (D34); else thrown on. */
export async function sendNotConnected(reply: FastifyReply, order: ConnectOrder, refusal: OAuthError): Promise<void> {
  noStore(reply);
  if (order.redirectUrl === undefined) throw refusal;
  const { code, description } = refusal;
  await redirect(reply, order.redirectUrl, {
    status: 'error',
    error: code,
    error_description: description,
    ...(order.connectionId === undefined ? {} : { connection_id: order.connectionId }),
    state: order.state,
  });
}

/** The target's own query is kept. 303: the browser may have come by POST (D38). */
async function redirect(reply: FastifyReply, target: string, outcome: Readonly<Record<string, string>>): Promise<void> {
  const query = new URLSearchParams(outcome).toString();
  await reply.redirect(`${target}${target.includes('?') ? '&' : '?'}${query}`, 303);
}
