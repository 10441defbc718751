import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { OAuthError } from '@app/oauth2';
import { renderFault } from './error-dialects.js';

/** How long the rest of a refused request is read and thrown away, so that the refusal is not lost to a reset. */
const LINGER_MS = 500;

/** Node's parser gives up before there is a request: no route, so the common dialect (D4). */
const REFUSALS: Readonly<Record<string, OAuthError>> = {
  ERR_HTTP_REQUEST_TIMEOUT: new OAuthError('invalid_request', 'The request took too long to arrive', { status: 408 }),
  HPE_HEADER_OVERFLOW: new OAuthError('invalid_request', 'The address and the headers together are too long', {
    status: 431,
  }),
};
const MALFORMED = new OAuthError('invalid_request', 'This is not an HTTP request that can be read');

/**
 * For Fastify's `clientErrorHandler`: answers what never became a request, and ends the connection (RFC 9112 §9.6: ours
 * is closed first and theirs is read on for a moment).
 */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) {
    // What is thrown away after a refusal is malformed again and again.
    if (!socket.writableEnded) socket.destroy();
    return;
  }
  const refusal = REFUSALS[error.code ?? ''] ?? MALFORMED;
  const { status, code, description } = refusal;
  const body = JSON.stringify(renderFault('tmi', { status, code, description, details: undefined }));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
