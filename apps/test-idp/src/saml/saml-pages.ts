import { createHash } from 'node:crypto';
import { escapeHtml, page, PAGE_HEADERS } from '../pages.js';
import type { IdpSession } from './saml-sessions.js';
import type { Outgoing } from './saml-idp.js';

const SUBMIT = 'document.forms[0].submit()';

/** Headers of the page that sends its form by itself: that one script runs, and no other. */
export const POST_PAGE_HEADERS: Readonly<Record<string, string>> = {
  ...PAGE_HEADERS,
  'Content-Security-Policy': `${PAGE_HEADERS['Content-Security-Policy']}; script-src 'sha256-${createHash('sha256').update(SUBMIT).digest('base64')}'`,
};

/** The POST binding (bindings §3.5.4): a form with a button, and a script that presses it. */
export function postPage({ destination, fields }: Extract<Outgoing, { binding: 'post' }>): string {
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  return page(
    'One moment',
    `<form method="post" action="${escapeHtml(destination)}">${inputs.join('')}<button>Continue</button></form>
<script>${SUBMIT}</script>`,
  );
}

/** What somebody sees who is signed in here and asked for nothing. */
export function portalPage({ person, authenticatedAt }: IdpSession): string {
  return page(
    'Company portal',
    `<p>You are <b>${escapeHtml(person.name)}</b><small>${escapeHtml(person.login)}, signed in at ${authenticatedAt.toISOString()}</small></p>
<form method="post" action="/saml/portal/open"><button class="person">Open Gatehouse<small>A login that begins here (IdP-initiated)</small></button></form>
<form method="post" action="/saml/portal/logout"><button class="person" name="binding" value="redirect">Log out everywhere
<small>A signed LogoutRequest by the Redirect binding</small></button></form>
<form method="post" action="/saml/portal/logout"><button class="person" name="binding" value="post">Log out everywhere, by form
<small>The same by the POST binding</small></button></form>`,
  );
}

const PORTAL_LINK = '<p><a href="/saml/portal">Back to the portal</a></p>';

export function loggedOutPage(outcome: string): string {
  return page('Logged out', `<p>${escapeHtml(outcome)}</p>${PORTAL_LINK}`);
}

export function problemPage(title: string, problem: string): string {
  return page(title, `<p class="problem" role="alert">${escapeHtml(problem)}</p>${PORTAL_LINK}`);
}
