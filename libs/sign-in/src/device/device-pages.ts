import type { FastifyReply } from 'fastify';
import type { Application } from '@app/clients';
import { shownUserCode } from '@app/oauth2';
import { escapeHtml, sendPage } from '../page.js';

const FORM = { forms: 'here', script: "'none'" } as const;

/** The page that asks for the code of a device (RFC 8628 §3.3). */
export interface CodePage {
  /** Proves that the form is ours and of this browser. */
  readonly proof: string;
  /** What stands in the field. */
  readonly typed: string;
  /** What was wrong with it. */
  readonly fault?: string | undefined;
}

/** Asks for the code. What a link brought stands in the field, and counts only when the person sends it (§3.3.1). */
export async function sendCodePage(reply: FastifyReply, { proof, typed, fault }: CodePage): Promise<void> {
  const wrong = fault === undefined ? '' : `<p class="bad" role="alert" id="fault">${escapeHtml(fault)}</p>`;
  const described = fault === undefined ? 'hint' : 'fault hint';
  await sendPage(
    reply,
    fault === undefined ? 200 : 400,
    'Connect a device',
    `<p id="hint">Your device shows a code of eight letters. Type it here, or compare it with what stands here already. ` +
      `It must be the code on a device that is <strong>in front of you</strong>: somebody who sends you a code wants to ` +
      `sign in as you.</p>${wrong}` +
      `<form method="post" action="/device"><input type="hidden" name="proof" value="${escapeHtml(proof)}">` +
      `<label for="user_code">Code</label>` +
      `<input id="user_code" class="code" name="user_code" value="${escapeHtml(typed)}" required maxlength="64" autofocus ` +
      `autocomplete="off" autocapitalize="characters" autocorrect="off" spellcheck="false" placeholder="XXXX-XXXX" ` +
      `aria-describedby="${described}"${fault === undefined ? '' : ' aria-invalid="true"'}> ` +
      `<button>Continue</button></form>`,
    FORM,
  );
}

/** Names what asks, before anybody signs in for it. `providers` is HTML. */
export async function sendDeviceSignInPage(
  reply: FastifyReply,
  page: { readonly application: Application; readonly userCode: string; readonly providers: string },
): Promise<void> {
  const { name, organizationName } = page.application;
  await sendPage(
    reply,
    200,
    'Sign in for your device',
    `<p><strong>${escapeHtml(name)}</strong> of the organization <strong>${escapeHtml(organizationName)}</strong> asks ` +
      `to sign you in on a device.</p><p>${deviceWarning(page.userCode)}</p><p>Sign in with:</p>${page.providers}`,
  );
}

/** The end of it, in this browser. */
export async function sendDeviceDone(
  reply: FastifyReply,
  decision: 'allow' | 'deny',
  application: string,
): Promise<void> {
  const name = `<strong>${escapeHtml(application)}</strong>`;
  if (decision === 'allow')
    await sendPage(
      reply,
      200,
      'You can go back to your device',
      `<p>${name} on your device is signed in within a few seconds. You may close this window.</p>`,
    );
  else
    await sendPage(
      reply,
      200,
      'Your device was not signed in',
      `<p>${name} gets nothing, and is told so. You may close this window.</p>`,
    );
}

/** RFC 8628 §3.3.1, §5.4: what tells a person's own device from one that somebody else holds. */
export function deviceWarning(userCode: string): string {
  return (
    `Go on only if the device in front of you shows the code <strong>${shownUserCode(userCode)}</strong> and you ` +
    `started this yourself.`
  );
}
