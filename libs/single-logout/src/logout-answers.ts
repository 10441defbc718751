import type { FastifyReply, FastifyRequest } from 'fastify';
import { noStore } from '@app/edge';
import type { OAuthError } from '@app/oauth2';
import type { OutgoingMessage } from '@app/saml';
import { escapeHtml, sendAutoPost, sendPage, wantsHtml } from '@app/sign-in';
import type { PostLogoutTarget } from '@app/tokens';

/** An API caller, as the seed's client is, rather than a browser that was sent here (D25). */
export function wantsJson(request: FastifyRequest): boolean {
  return !wantsHtml(request) && (request.headers.accept ?? '').includes('application/json');
}

/**
 * Sends a message of ours through the browser.
 * @param framing `idp`: it is an answer, which the identity provider may run in frames of its own page (D38).
 */
export async function sendMessage(
  message: OutgoingMessage,
  framing: 'idp' | 'nobody',
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  noStore(reply);
  const destination = message.binding === 'redirect' ? message.url : message.action;
  const frameAncestors = framing === 'idp' ? new URL(destination).origin : "'none'";
  if (message.binding === 'post') {
    const { action, fields } = message;
    return sendAutoPost(reply, { title: 'Signing out', destination: action, fields, frameAncestors });
  }
  await reply
    .header('Content-Security-Policy', `default-src 'none'; frame-ancestors ${frameAncestors}`)
    .redirect(message.url, request.method === 'POST' ? 303 : 302);
}

/** A refusal: a page for browsers, JSON by the error filter for everybody else (D34). */
export async function refuseLogout(error: OAuthError, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  noStore(reply);
  if (!wantsHtml(request)) throw error;
  if (error.retryAfterSeconds !== undefined) void reply.header('Retry-After', String(error.retryAfterSeconds));
  await sendPage(
    reply,
    error.status,
    'Signing out did not work',
    `<p>${escapeHtml(error.description)}</p><p><small>Reference <code>${escapeHtml(request.id)}</code></small></p>`,
  );
}

/** Where our own logout ends: at the client, unless there is something that the person has to know first. */
export async function endOfLogout(
  outcome: 'complete' | 'partial' | 'failed' | 'not-asked',
  providerName: string,
  target: PostLogoutTarget | undefined,
  reply: FastifyReply,
): Promise<void> {
  noStore(reply);
  const next = target === undefined ? undefined : addressOf(target);
  if (outcome === 'complete' && next !== undefined) {
    await reply.redirect(next, 302);
    return;
  }
  if (outcome === 'complete') return sendPage(reply, 200, 'You are signed out', '<p>You may close this window.</p>');
  const name = escapeHtml(providerName);
  const what: Record<typeof outcome, string> = {
    partial: `${name} signed you out, but could not reach every application that you used.`,
    failed: `${name} reported that it could not sign you out there.`,
    'not-asked': `${name} could not be asked to sign you out there.`,
  };
  const onward = next === undefined ? '' : `<p><a href="${escapeHtml(next)}">Continue</a></p>`;
  await sendPage(
    reply,
    200,
    'You are signed out here',
    `<p>${what[outcome]} Close all windows of the browser to be sure.</p>${onward}`,
  );
}

/** The client's own query is kept. */
function addressOf({ uri, state }: PostLogoutTarget): string {
  if (state === undefined) return uri;
  return `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams({ state }).toString()}`;
}
