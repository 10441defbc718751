import type { FastifyRequest } from 'fastify';
import { readBody } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import type { z } from 'zod';

const LONGEST_NAME = 100;

/** The body as it came, before anything was made of it. */
export function bodyOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  return (request.body ?? {}) as Readonly<Record<string, unknown>>;
}

/**
 * `readBody`, and a field that `schema` has not is refused as well: a setting that was misspelt must not look as if it
 * had been made, and PlanetScale's bodies have no others (D2).
 * @param aliases also take `clientId` for `client_id`
 * @throws OAuthError 422 that names the field
 */
export function readStrictBody<S extends z.ZodObject>(
  schema: S,
  request: FastifyRequest,
  aliases?: 'camelCase',
): z.output<S> {
  const names = Object.keys(schema.shape);
  const known = new Set(aliases === undefined ? names : [...names, ...names.map(camelCase)]);
  const unknown = Object.keys(bodyOf(request)).find((name) => !known.has(name));
  if (unknown !== undefined) throw unprocessable(unknown.slice(0, LONGEST_NAME), 'is not a field of this request');
  try {
    return readBody(schema, request, { faults: 'unprocessable', ...(aliases === undefined ? {} : { aliases }) });
  } catch (error) {
    // A field that came twice: one place where these APIs put everything that is wrong with a body.
    if (!(error instanceof OAuthError) || error.status !== 400) throw error;
    throw new OAuthError('invalid_request', error.description, { status: 422, details: { in: 'body' } });
  }
}

/** 422 for one field of the body. */
export function unprocessable(field: string, message: string): OAuthError {
  return new OAuthError('invalid_request', `${field} ${message}`, { status: 422, details: { in: 'body', field } });
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}
