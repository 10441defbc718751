import { PEOPLE, type Person } from './people.js';

/**
 * Headers of every page. There is no `form-action` on purpose: Chrome applies it to the whole chain of redirects
 * behind a form, which ends at whatever application started the sign-in.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem;color:#1c2430;background:#f6f7f9}
h1{font-size:1.4rem}form{margin:.5rem 0}
button,input{font:inherit;padding:.6rem .8rem;border:1px solid #c3cad5;border-radius:6px;background:#fff}
button{cursor:pointer}button.person{display:block;width:100%;text-align:left}button:focus,input:focus{outline:3px solid #7aa7ff}
small{display:block;color:#5b6675}.problem{color:#a3190f}input{width:100%;box-sizing:border-box;margin:.3rem 0}`;

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A whole page. `body` is HTML; `title` is text. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>${STYLE}</style></head>
<body><h1>${escapeHtml(title)}</h1>
${body}
<p><small>A development identity provider: nobody here has a password. Never expose it to a network.</small></p>
</body></html>
`;
}

export interface LoginPageInput {
  readonly title: string;
  readonly people: readonly Person[];
  /** Path that both forms post to. */
  readonly action: string;
  readonly clientName: string;
  /** What the application sent as `login_hint`, or what was typed and not found. */
  readonly hint: string;
  readonly preselected: Person | undefined;
  readonly problem: string | undefined;
}

/** The login page: one button a person, a field to type a login in, and a way to refuse. It needs no JavaScript. */
export function loginPage(input: LoginPageInput): string {
  const action = escapeHtml(input.action);
  const buttons = input.people.map((person) => {
    const selected = person === input.preselected ? ' autofocus aria-current="true"' : '';
    return `<form method="post" action="${action}"><button class="person" name="login" value="${escapeHtml(person.login)}"${selected}>
${escapeHtml(person.name)}<small>${escapeHtml([person.login, ...person.groups].join(' · '))}</small></button></form>`;
  });
  const problem = input.problem === undefined ? '' : `<p class="problem" role="alert">${escapeHtml(input.problem)}</p>`;
  return page(
    input.title,
    `<p><b>${escapeHtml(input.clientName)}</b> asks who you are.</p>${problem}
${buttons.join('\n')}
<form method="post" action="${action}"><label>or type a login
<input name="login" autocomplete="username" required value="${escapeHtml(input.hint)}"></label>
<button>Sign in</button></form>
<form method="post" action="${action}"><button name="cancel" value="yes">Cancel</button></form>`,
  );
}

/** What somebody sees who opens the issuer's address itself. */
export function indexPage(issuer: string): string {
  const people = PEOPLE.map(
    (person) => `<li>${escapeHtml(person.login)}<small>${escapeHtml(person.groups.join(', '))}</small></li>`,
  );
  return page(
    'Test identity provider',
    `<ul>${people.join('')}</ul>
<p><a href="${escapeHtml(issuer)}/.well-known/openid-configuration">Discovery document</a> ·
<a href="${escapeHtml(issuer)}/session/end">Sign out here</a></p>
<p>A SAML identity provider lives here too: <a href="${escapeHtml(issuer)}/saml/portal">its portal</a> ·
<a href="${escapeHtml(issuer)}/saml/metadata">its metadata</a></p>`,
  );
}
