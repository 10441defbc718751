import type { FastifyReply } from 'fastify';
import { escapeHtml, sendPage } from '../page.js';

/** How long the applications' frames have to load before the browser goes on. */
const FRAMES_SECONDS = 2;

/** What the last page of a logout does beside saying so. */
export interface SignedOut {
  /** Of each application that is told through the browser (Front-Channel Logout §2). */
  readonly frontChannel: readonly string[];
  readonly issuer: string;
  readonly sid: string | undefined;
  /** Where the browser goes on to. */
  readonly next: string | undefined;
}

/** The end of a logout: tells the applications that want it so in frames of their own, then leads on. */
export async function sendSignedOut(
  reply: FastifyReply,
  { frontChannel, issuer, sid, next }: SignedOut,
): Promise<void> {
  const frames = frontChannel.map((uri) => frameOf(uri, issuer, sid));
  if (next !== undefined) void reply.header('Refresh', `${frames.length === 0 ? 0 : FRAMES_SECONDS}; url=${next}`);
  const onward =
    next === undefined
      ? '<p>You may close this window.</p>'
      : `<p><a href="${escapeHtml(next)}">Go on to the application</a></p>`;
  const powers = { forms: 'nowhere', script: "'none'" } as const;
  const origins = [...new Set(frontChannel.map((uri) => new URL(uri).origin))];
  await sendPage(
    reply,
    200,
    'You are signed out',
    onward + frames.join(''),
    origins.length === 0 ? powers : { ...powers, frames: origins },
  );
}

/** Front-Channel Logout §2: `iss` and `sid` beside the application's own query. */
function frameOf(uri: string, issuer: string, sid: string | undefined): string {
  const url = new URL(uri);
  url.searchParams.set('iss', issuer);
  if (sid !== undefined) url.searchParams.set('sid', sid);
  return `<iframe src="${escapeHtml(url.href)}" title="Signing out" hidden></iframe>`;
}
