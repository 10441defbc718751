import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { OAuthError } from '@app/oauth2';
import { scanJson } from './json-scan.js';
import { policyOfRoute } from './route-policy.js';

/** No request of any documented client comes near this; larger ones are 413 before they are read, but for `BodyLimit`. */
export const BODY_LIMIT_BYTES = 64 * 1024;

const MAX_FORM_FIELDS = 200;

/** Where a parsed body remembers the names that came more than once. */
export const REPEATED_NAMES = Symbol('gatehouse:repeated-names');

/** A parsed body: no prototype, so no name in it can collide with one of Object's. */
export interface ParsedBody {
  readonly [name: string]: unknown;
  readonly [REPEATED_NAMES]?: ReadonlySet<string>;
}

type MutableBody = { -readonly [K in keyof ParsedBody]: ParsedBody[K] };

function emptyBody(): MutableBody {
  return Object.create(null) as MutableBody;
}

function refuse(reason: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_request', `The request body ${reason}`, { cause });
}

/** Strict decoding: JSON.parse and TextDecoder would put U+FFFD where bytes are wrong, and two secrets could look alike. */
function decodeUtf8(body: Buffer): string {
  if (!isUtf8(body)) throw refuse('is not valid UTF-8');
  return body.toString('utf8');
}

/**
 * Parses a JSON body. An empty one is `{}`: the TMI client sends a JSON content type with every bodyless request (D2).
 * Throws `invalid_request` for bad UTF-8, bad JSON, anything but an object, prototype keys and deep nesting.
 */
export function parseJsonBody(body: Buffer): ParsedBody {
  const parsed = emptyBody();
  if (body.length === 0) return parsed;
  const text = decodeUtf8(body);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The cause is kept out on purpose: V8 quotes the document, which may hold a secret.
    if (error instanceof SyntaxError) throw refuse('is not valid JSON');
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse('must be a JSON object');
  const { fault, repeated } = scanJson(text);
  if (fault !== undefined) throw refuse(fault);
  Object.assign(parsed, value);
  if (repeated !== undefined) parsed[REPEATED_NAMES] = repeated;
  return parsed;
}

function decodeFormText(text: string): string {
  try {
    return decodeURIComponent(text.includes('+') ? text.replaceAll('+', ' ') : text);
  } catch (error) {
    throw refuse('holds a percent sequence that is not valid UTF-8', error);
  }
}

/**
 * Parses application/x-www-form-urlencoded as URLSearchParams does, but refuses with `invalid_request` what that would
 * repair. The first of repeated values is kept and the name remembered for {@link REPEATED_NAMES}.
 */
export function parseFormBody(body: Buffer): ParsedBody {
  const parsed = emptyBody();
  if (body.length === 0) return parsed;
  const pairs = decodeUtf8(body).split('&');
  if (pairs.length > MAX_FORM_FIELDS) throw refuse(`holds more than ${MAX_FORM_FIELDS} fields`);
  let repeated: Set<string> | undefined;
  for (const pair of pairs) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeFormText(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decodeFormText(pair.slice(equals + 1));
    if (name in parsed) (repeated ??= new Set()).add(name);
    else parsed[name] = value;
  }
  if (repeated !== undefined) parsed[REPEATED_NAMES] = repeated;
  return parsed;
}

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]+)/i;

function assertUtf8Charset(request: FastifyRequest): void {
  const charset = CHARSET.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    throw new OAuthError('unsupported_media_type', 'The request body must be in UTF-8; send no other charset');
}

type Parser = (body: Buffer) => ParsedBody;

function addParser(fastify: FastifyInstance, contentType: string, parse: Parser): void {
  fastify.addContentTypeParser(
    contentType,
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => {
      try {
        assertUtf8Charset(request);
        done(null, parse(body as Buffer));
      } catch (error) {
        done(error as Error, undefined);
      }
    },
  );
}

/**
 * Replaces Fastify's parsers by the two that the documented clients need (D2, D11). Any other content type with a body
 * stays without a parser and is 415. Nest must be created with `bodyParser: false`.
 */
export function registerBodyParsers(fastify: FastifyInstance): void {
  // Go's HTTP client, told to send the type of a body that there is not, sends the name with nothing behind it (D2).
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (request.raw.headers['content-type'] === '') delete request.raw.headers['content-type'];
    done();
  });
  // Fastify's limit of a route wins over that of a parser.
  fastify.addHook('onRoute', (route) => {
    const { bodyLimitBytes } = policyOfRoute(route.config);
    if (bodyLimitBytes !== undefined) route.bodyLimit = bodyLimitBytes;
  });
  fastify.removeAllContentTypeParsers();
  addParser(fastify, 'application/json', parseJsonBody);
  addParser(fastify, 'application/x-www-form-urlencoded', parseFormBody);
}
