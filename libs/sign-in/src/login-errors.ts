import type { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { noStore } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { UpstreamError } from '@app/oauth-providers';
import { escapeHtml, sendPage, wantsHtml } from './page.js';
import { upstreamRefusal } from './upstream-refusal.js';

/** The refusal behind a fault of the login, or undefined when it is a fault of ours that the error filter reports. */
export function loginRefusal(error: unknown): OAuthError | undefined {
  if (error instanceof UpstreamError) return upstreamRefusal(error);
  return error instanceof OAuthError ? error : undefined;
}

/** The client is told next to nothing, and the error filter sees none of this: here the operator learns why. */
export function logRefusal(logger: Logger, refusal: OAuthError, provider: string, requestId: string): void {
  const { code, status, logDetail, cause } = refusal;
  const entry = { requestId, provider, error: code, detail: logDetail };
  const message = 'A sign-in was refused';
  if (status < 500) logger.log({ message, ...entry });
  else logger.warn({ message, ...entry, err: cause });
}

/** Runs a step whose refusals may go nowhere but to whoever asked; what is no refusal is thrown on. */
export async function refusingHere(
  request: FastifyRequest,
  reply: FastifyReply,
  step: () => Promise<void>,
  title?: string,
): Promise<void> {
  try {
    await step();
  } catch (error) {
    const refusal = loginRefusal(error);
    if (refusal === undefined) throw error;
    await refuseHere(refusal, request, reply, title);
  }
}

const TITLES: Partial<Record<string, string>> = {
  account_conflict: 'This e-mail address already has an account',
  temporarily_unavailable: 'Sign-in is not available at the moment',
};

/** A refusal that may go nowhere else: a page for browsers, JSON by the error filter for everybody else (D34). */
export async function refuseHere(
  error: OAuthError,
  request: FastifyRequest,
  reply: FastifyReply,
  title = TITLES[error.code] ?? 'Sign-in did not work',
): Promise<void> {
  noStore(reply);
  if (!wantsHtml(request)) throw error;
  if (error.retryAfterSeconds !== undefined) void reply.header('Retry-After', String(error.retryAfterSeconds));
  await sendPage(
    reply,
    error.status,
    title,
    `<p>${escapeHtml(error.description)}</p><p class="quiet"><small>For whoever runs the application: error ` +
      `<code>${escapeHtml(error.code)}</code>, reference <code>${escapeHtml(referenceOf(error, request))}</code></small></p>`,
  );
}

/** What finds the refusal in the log: this request, unless an earlier one of the same login was refused. */
export function referenceOf({ details }: OAuthError, request: FastifyRequest): string {
  const reference = details?.['reference'];
  return typeof reference === 'string' ? reference : request.id;
}
