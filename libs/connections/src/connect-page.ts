import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { escapeHtml, sendPage } from '@app/sign-in';
import type { ConnectOrder } from './connect-tickets.js';

/**
 * What the page's form carries so that only whoever saw the page in this browser can send it: a form of another site
 * lacks the cookie, and one of a neighbouring host cannot know this (R19, D47).
 */
export function agreementOf(ticket: string, browserHash: string): string {
  return createHash('sha256').update(`${ticket}.${browserHash}`).digest('base64url');
}

/**
 * Says who will be able to do what, and asks (D47). No script. No `form-action` either: Chrome holds that against every
 * redirect behind the form, and where a provider sends people on to is not ours to know
 * (docs/decisions/0015-auto-post-policy.md).
 */
export async function sendConnectPage(
  reply: FastifyReply,
  page: {
    readonly ticket: string;
    readonly order: ConnectOrder;
    readonly provider: string;
    readonly agreement: string;
  },
): Promise<void> {
  const { organizationName, scopes, connectionId } = page.order;
  const provider = `<strong>${escapeHtml(page.provider)}</strong>`;
  const organization = `<strong>${escapeHtml(organizationName)}</strong>`;
  const permissions =
    scopes.length === 0
      ? `<p>It asks for no particular permission: ${provider} gives what it gives to everybody.</p>`
      : `<p>At ${provider} it asks for these permissions:</p>` +
        `<ul>${scopes.map((scope) => `<li><code>${escapeHtml(scope)}</code></li>`).join('')}</ul>`;
  const again = connectionId === undefined ? '' : ' This account takes the place of the one that was connected before.';
  await sendPage(
    reply,
    200,
    `Connect your account at ${page.provider}`,
    `<p>The organization ${organization} wants to use your account at ${provider}, in your name, until you or it ends ` +
      `the connection.${again}</p>${permissions}` +
      `<p>If you did not expect this, or do not know ${organization}, do not continue.</p>` +
      `<form method="post" action="/connect/${escapeHtml(page.ticket)}">` +
      `<input type="hidden" name="agreement" value="${escapeHtml(page.agreement)}">` +
      `<button name="decision" value="continue">Continue</button> ` +
      `<button name="decision" value="cancel" class="plain">Cancel</button></form>`,
    { forms: 'anywhere', script: "'none'" },
  );
}
