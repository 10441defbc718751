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

/** The one page of ours with script, and it can do one thing: send this form, there and nowhere else (D38). */
export async function sendAutoPost(
  reply: FastifyReply,
  { title, destination, fields, frameAncestors }: AutoPost,
): Promise<void> {
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
    { formAction: formActionOf(destination), script: `'sha256-${SUBMIT_HASH}'`, frameAncestors },
  );
}

/** The destination as a source expression: without query, which CSP does not compare, nor the characters of its own syntax. */
function formActionOf(destination: string): string {
  const { origin, pathname } = new URL(destination);
  return `${origin}${pathname.replaceAll(';', '%3B').replaceAll(',', '%2C')}`;
}
