import type { FastifyReply, FastifyRequest } from 'fastify';

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text made safe inside HTML and inside a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

/** A browser that navigates, as against an API caller (D34). */
export function wantsHtml(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('text/html');
}

/** What a page may do beyond being read. `script` and `frameAncestors` are CSP source expressions. */
export interface PagePowers {
  /** `anywhere`: no `form-action` at all, for a form whose way on is not ours to know ({@link sendAutoPost}). */
  readonly forms: 'nowhere' | 'here' | 'anywhere';
  readonly script: string;
  /** Origins that it frames; none unless said. */
  readonly frames?: readonly string[];
  /** Who may frame it; nobody unless said (D38). */
  readonly frameAncestors?: string | undefined;
}

const FORM_ACTION = { nowhere: "form-action 'none'; ", here: "form-action 'self'; ", anywhere: '' } as const;

/** Sends a page, as a rule without script; styles come from our own style sheet alone (D38). `body` is HTML. */
export async function sendPage(
  reply: FastifyReply,
  status: number,
  title: string,
  body: string,
  powers?: PagePowers,
): Promise<void> {
  const script = powers === undefined ? '' : `script-src ${powers.script}; `;
  const frames = powers?.frames === undefined ? '' : `frame-src ${powers.frames.join(' ')}; `;
  const formAction = FORM_ACTION[powers?.forms ?? 'nowhere'];
  await reply
    .status(status)
    .header('Content-Type', 'text/html; charset=utf-8')
    .header('Cache-Control', 'no-store')
    .header(
      'Content-Security-Policy',
      `default-src 'none'; style-src 'self'; ${script}${frames}${formAction}base-uri 'none'; ` +
        `frame-ancestors ${powers?.frameAncestors ?? "'none'"}`,
    )
    .send(
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
        `<title>${escapeHtml(title)}</title><link rel="stylesheet" href="/assets/home.css"></head>` +
        `<body class="page"><main><h1>${escapeHtml(title)}</h1>${body}</main></body></html>`,
    );
}
