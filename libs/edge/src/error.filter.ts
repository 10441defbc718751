import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OAuthError, temporarilyUnavailable, type OAuthErrorCode } from '@app/oauth2';
import { authenticateHeader } from './authenticate-header.js';
import { renderFault } from './error-dialects.js';
import { routePolicy, type DialectName } from './route-policy.js';
import { routeTableOf } from './route-table.js';
import { writeSecurityHeaders } from './security-headers.js';

/**
 * Faults of stores that this library may not import, known by the names of their classes: the request could not be
 * decided, so it is refused, and may be tried again (D4).
 */
const UNAVAILABLE: Readonly<Record<string, string>> = {
  StoreUnavailable: 'A store that this request needs',
  DatabaseUnavailable: 'The database',
};

const CODE_OF_STATUS: Readonly<Record<number, OAuthErrorCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limit_exceeded',
  503: 'temporarily_unavailable',
};

/** Our own words for what the framework refuses: its texts quote the request and change between versions. */
const WORDS_OF_STATUS: Readonly<Record<number, string>> = {
  404: 'There is nothing at this address; see /openapi.json for the routes',
  405: 'This address does not answer this method; see the Allow header',
  413: 'The request body is larger than this address takes',
  414: 'A part of the address is too long',
  415: 'Send the body as application/json or application/x-www-form-urlencoded',
};

function fromStatus(status: number, cause: unknown): OAuthError {
  return new OAuthError(
    CODE_OF_STATUS[status] ?? 'invalid_request',
    WORDS_OF_STATUS[status] ?? 'The request is malformed',
    { status, cause },
  );
}

/** The 4xx that an error of Nest or Fastify stands for, undefined when it is a fault of ours. */
function clientStatus(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus() < 500 ? error.getStatus() : undefined;
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return undefined;
  const { code, statusCode } = error;
  const fromFastify = typeof code === 'string' && code.startsWith('FST_');
  return fromFastify && typeof statusCode === 'number' && statusCode < 500 ? statusCode : undefined;
}

/** The refusal that stands for anything thrown. The neutral 500 names nothing but the request (R31). */
export function toOAuthError(error: unknown, requestId: string): OAuthError {
  if (error instanceof OAuthError) return error;
  const status = clientStatus(error);
  if (status !== undefined) {
    const cause: unknown = error instanceof HttpException ? error.cause : undefined;
    return cause instanceof OAuthError ? cause : fromStatus(status, error);
  }
  const unavailable = error instanceof Error ? UNAVAILABLE[error.name] : undefined;
  if (unavailable !== undefined) return temporarilyUnavailable(unavailable, error);
  return new OAuthError('server_error', `Something failed on our side; request id ${requestId}`, { cause: error });
}

/** 405 with `Allow` in place of Fastify's 404 where the path answers other methods (RFC 9110 §15.5.6). */
function methodFault(request: FastifyRequest, error: OAuthError): OAuthError {
  if (error.status !== 404 || !request.is404) return error;
  const [path = ''] = request.url.split('?');
  const allowed = routeTableOf(request.server).allowedMethods(path);
  if (allowed.length === 0) return error;
  return new OAuthError('method_not_allowed', WORDS_OF_STATUS[405] ?? '', { headers: { Allow: allowed.join(', ') } });
}

/** Where the addresses of one family of routes begin: what is refused before a route is found speaks as they do. */
const DIALECT_OF_PREFIX: readonly (readonly [prefix: string, dialect: DialectName])[] = [
  ['/api/v1/', 'mielto'],
  ['/internal/', 'mix'],
  ['/v1/organizations/', 'planetscale'],
  ['/organizations/', 'planetscale'],
  ['/compat/planetscale-go/', 'planetscale'],
];

function dialectOf(request: FastifyRequest): DialectName {
  const unmatched = request.is404 || request.routeOptions.url === undefined;
  const family = unmatched ? DIALECT_OF_PREFIX.find(([prefix]) => request.url.startsWith(prefix)) : undefined;
  return family?.[1] ?? routePolicy(request).dialect;
}

/** Writes a refusal: status, headers of D4, and the body in the dialect of the route. */
export function sendFault(request: FastifyRequest, reply: FastifyReply, error: OAuthError): void {
  const challenge = authenticateHeader(error, request.headers.authorization);
  if (challenge !== undefined) void reply.header('WWW-Authenticate', challenge);
  if (error.retryAfterSeconds !== undefined) void reply.header('Retry-After', String(error.retryAfterSeconds));
  for (const [name, value] of Object.entries(error.headers)) void reply.header(name, value);
  void reply.header('Cache-Control', 'no-store').header('Pragma', 'no-cache').header('X-Request-Id', request.id);
  // As bytes, because Fastify appends a charset to the type of any JSON text (D2), hooks or no hooks.
  const body = Buffer.from(JSON.stringify(renderFault(dialectOf(request), error)));
  void reply.header('Content-Type', 'application/json').status(error.status).send(body);
}

/**
 * For Fastify's `frameworkErrors`: a malformed address or an over-long part of it is refused before any hook runs, so
 * the headers of every answer (D38) are written here.
 */
export function answerFrameworkError(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  writeSecurityHeaders(reply);
  sendFault(request, reply, toOAuthError(error, request.id));
}

/**
 * The one place where an error becomes an answer (D4). Register globally. Everything that is not a refusal of ours is
 * logged with its whole cause and answered with a neutral 500.
 */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  readonly #logger = new Logger('Errors');

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const error = methodFault(request, toOAuthError(thrown, request.id));
    if (error.status >= 500) this.#record(request, error);
    else if (error.logDetail !== undefined)
      this.#logger.debug({ requestId: request.id, error: error.code, detail: error.logDetail });
    if (reply.sent || reply.raw.headersSent) return;
    sendFault(request, reply, error);
  }

  #record(request: FastifyRequest, error: OAuthError): void {
    const path = request.routeOptions.url ?? 'unknown';
    const entry = { requestId: request.id, method: request.method, path, detail: error.logDetail, err: error };
    if (error.status === 503) this.#logger.warn(entry);
    else this.#logger.error(entry);
  }
}
