import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { escapeHtml, sendPage } from './page.js';

const SUBMIT = 'document.forms[0].submit()';
const SUBMIT_HASH = createHash('sha256').update(SUBMIT).digest('base64');

/** A form that the browser sends on at once: the POST binding (SAML bindings §3.5.4). */
export interface AutoPost {
  readonly title: string;
  readonly destination: string;
  readonly fields: Readonly<Record<string, string>>;
  /** The one origin that may frame it; nobody unless said (D38). */
  readonly frameAncestors?: string;
}

/**
 * The one page of ours with script, and all that it runs is one constant: to send this form.
 *
 * Its policy has no `form-action`, on purpose and against the letter of D38: Chrome holds that directive against every
 * redirect behind the form too. An identity provider that answers our POST with a redirect to its login page, or straight
 * back to us, would leave the person on a blank page (docs/decisions/0015-auto-post-policy.md).
 * @throws Error for a destination that is no http(s) address
 */
export async function sendAutoPost(
  reply: FastifyReply,
  { title, destination, fields, frameAncestors }: AutoPost,
): Promise<void> {
  if (!/^https?:$/.test(new URL(destination).protocol)) throw new Error('a form goes to an http or https address');
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  await sendPage(
    reply,
    200,
    title,
    `<form method="post" action="${escapeHtml(destination)}">${inputs.join('')}` +
      `<noscript><p>Your browser runs no script: press the button to go on.</p><button>Continue</button></noscript>` +
      `</form><script>${SUBMIT}</script>`,
    { forms: 'anywhere', script: `'sha256-${SUBMIT_HASH}'`, frameAncestors },
  );
}
