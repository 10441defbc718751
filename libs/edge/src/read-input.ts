import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { OAuthError } from '@app/oauth2';
import { REPEATED_NAMES, type ParsedBody } from './body-parsers.js';

export interface ReadOptions {
  /** Also take `codeVerifier` for `code_verifier`: the TMI client's models serialise so (D2). */
  readonly aliases?: 'camelCase';
  /** 422 with the place of the fault in `details`, for the dialects that want it (D4), instead of 400. */
  readonly faults?: 'unprocessable';
}

interface Field {
  readonly name: string;
  readonly camel: string | undefined;
}

const fieldsOfSchema = new WeakMap<z.ZodObject, readonly Field[]>();

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

function fieldsOf(schema: z.ZodObject): readonly Field[] {
  let fields = fieldsOfSchema.get(schema);
  if (fields === undefined) {
    fields = Object.keys(schema.shape).map((name) => {
      const camel = camelCase(name);
      return { name, camel: camel === name ? undefined : camel };
    });
    fieldsOfSchema.set(schema, fields);
  }
  return fields;
}

function invalid(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}

function refuseRepeated(names: Iterable<string>): void {
  for (const name of names) throw invalid(`The parameter ${name} must not be sent more than once`);
}

/** null and the empty string count as not sent (RFC 6749 §3.1). */
function given(value: unknown): unknown {
  return value === null || value === '' ? undefined : value;
}

function pick(source: Readonly<Record<string, unknown>>, fields: readonly Field[], options: ReadOptions) {
  const input: Record<string, unknown> = {};
  for (const { name, camel } of fields) {
    let value = given(source[name]);
    if (camel !== undefined && options.aliases === 'camelCase') {
      const alias = given(source[camel]);
      if (value !== undefined && alias !== undefined && value !== alias)
        throw invalid(`Send ${name} or ${camel}, not both with different values`);
      value ??= alias;
    }
    if (value !== undefined) input[name] = value;
  }
  return input;
}

const PLURAL_TYPE: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
};

function describeIssue(issue: z.core.$ZodIssue, input: Readonly<Record<string, unknown>>): string {
  const field = issue.path.length === 0 ? 'The request' : issue.path.map(String).join('.');
  const [top] = issue.path;
  if (issue.path.length === 1 && top !== undefined && input[String(top)] === undefined) return `${field} is required`;
  if (issue.code === 'invalid_type') return `${field} must be ${PLURAL_TYPE[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `${field} must be one of: ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'too_big') return `${field} is too long or too large; at most ${issue.maximum}`;
  if (issue.code === 'too_small') return `${field} is too short or too small; at least ${issue.minimum}`;
  if (issue.code === 'custom') return `${field} ${issue.message}`;
  return `${field} has the wrong form: ${issue.message}`;
}

function read<S extends z.ZodObject>(
  schema: S,
  input: Record<string, unknown>,
  part: 'body' | 'query',
  { faults }: ReadOptions,
): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const description = issue === undefined ? 'The request has the wrong form' : describeIssue(issue, input);
  if (faults !== 'unprocessable') throw invalid(description);
  const field = issue?.path.map(String).join('.') ?? '';
  const details = field === '' ? { in: part } : { in: part, field };
  throw new OAuthError('invalid_request', description, { status: 422, details });
}

/**
 * The request body as `schema` describes it; unknown fields are ignored (D2). Throws `invalid_request` that names the
 * field and the fix: repeated parameters (RFC 6749 §3.2), wrong types, missing fields. A message given to a zod check
 * is read after the field's name: `.refine(isPast, 'must be in the future')`.
 */
export function readBody<S extends z.ZodObject>(
  schema: S,
  request: FastifyRequest,
  options: ReadOptions = {},
): z.output<S> {
  const body = (request.body ?? {}) as ParsedBody;
  const repeated = body[REPEATED_NAMES];
  if (repeated !== undefined) refuseRepeated(repeated);
  return read(schema, pick(body, fieldsOf(schema), options), 'body', options);
}

/** The query as `schema` describes it, by the rules of {@link readBody} (RFC 6749 §3.1). Values are strings: coerce. */
export function readQuery<S extends z.ZodObject>(
  schema: S,
  request: FastifyRequest,
  options: Pick<ReadOptions, 'faults'> = {},
): z.output<S> {
  const query = request.query as Readonly<Record<string, unknown>>;
  for (const name in query) if (Array.isArray(query[name])) refuseRepeated([name]);
  return read(schema, pick(query, fieldsOf(schema), {}), 'query', options);
}
