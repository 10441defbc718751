import type { FastifyReply } from 'fastify';
import type { Application } from '@app/clients';
import type { SessionFacts } from '@app/tokens';
import type { AuthorizationRequest } from '../authorization-request.js';
import { deviceWarning } from '../device/device-pages.js';
import { escapeHtml, sendPage } from '../page.js';

/** What each scope lets an application know or do, in words for the person who is asked. */
const MEANING: Readonly<Record<string, string>> = {
  openid: 'Know that it is you who signs in',
  profile: 'See your name',
  email: 'See your e-mail address',
  groups: 'See which groups you belong to',
  offline_access: 'Stay signed in for you while you are away',
};

/** Asks a person whether an application may have what it asks for. Works without script (D38, D49). */
export async function sendConsentPage(
  reply: FastifyReply,
  page: {
    readonly ticket: string;
    readonly application: Application;
    readonly session: SessionFacts;
    readonly asked: AuthorizationRequest;
  },
): Promise<void> {
  const { application, session, asked } = page;
  const name = `<strong>${escapeHtml(application.name)}</strong>`;
  const scopes = asked.scopes.map((scope) => `<li>${escapeHtml(MEANING[scope] ?? scope)}</li>`).join('');
  await sendPage(
    reply,
    200,
    `Allow ${application.name}?`,
    `<p>You are signed in as <strong>${escapeHtml(session.name ?? session.email)}</strong> ` +
      `(${escapeHtml(session.email)}).</p><p>${name} of the organization ` +
      `<strong>${escapeHtml(application.organizationName)}</strong> asks to:</p><ul>${scopes}</ul>` +
      whatFollows(asked) +
      `<form method="post" action="/oauth2/consent">` +
      `<input type="hidden" name="ticket" value="${escapeHtml(page.ticket)}">` +
      `<button name="decision" value="allow">Allow</button> ` +
      `<button name="decision" value="deny" class="plain">Do not allow</button></form>`,
    { forms: 'here', script: "'none'" },
  );
}

/** What the person can tell a trick by: where he goes on to, or the code on his device (RFC 8628 §5.4). */
function whatFollows({ delivery }: AuthorizationRequest): string {
  if (delivery.kind === 'device')
    return `<p>${deviceWarning(delivery.userCode)} Whoever has that device will act as you.</p>`;
  const place = 'target' in delivery ? new URL(delivery.target).host : '';
  return `<p>You will go on to <strong>${escapeHtml(place)}</strong>. If you did not expect this, do not allow it.</p>`;
}
