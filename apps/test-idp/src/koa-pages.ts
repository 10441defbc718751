import type { IncomingMessage } from 'node:http';
import type { Provider } from 'oidc-provider';
import { PAGE_HEADERS } from './pages.js';

export type Middleware = Parameters<Provider['use']>[0];
export type Context = Parameters<Middleware>[0];

/** Answers with a page. */
export function show(ctx: Context, status: number, html: string, headers = PAGE_HEADERS): void {
  ctx.status = status;
  ctx.set({ ...headers });
  ctx.type = 'html';
  ctx.body = html;
}

export function seeOther(ctx: Context, location: string): void {
  ctx.redirect(location);
  ctx.status = 303;
}

/** Reads a posted form as it was sent; undefined when it is larger. */
export async function readForm(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
