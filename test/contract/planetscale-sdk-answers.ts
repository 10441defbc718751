/** How PlanetScale's SDKs, and clients that check its schema, read an answer. */
import { z } from 'zod';
import type { RawAnswer } from './raw-exchange.js';

const text = z.string();
const accesses = z.array(z.strictObject({ name: text, description: text }));

/** PlanetScale's document: all required, nothing else, no null (vault-apis §1.3). */
export const DocumentedServiceToken = z.strictObject({
  id: text,
  name: text,
  display_name: text,
  token: text,
  plain_text_refresh_token: text,
  avatar_url: text,
  created_at: text,
  updated_at: text,
  expires_at: text,
  last_used_at: text,
  actor_id: text,
  actor_display_name: text,
  actor_type: text,
  service_token_accesses: z.array(
    z.strictObject({
      id: text,
      access: text,
      description: text,
      resource_name: text,
      resource_id: text,
      resource_type: text,
      resource: z.strictObject({ id: text, name: text, created_at: text, updated_at: text, deleted_at: text }),
    }),
  ),
  oauth_accesses_by_resource: z.strictObject({
    database: z.strictObject({
      databases: z.array(z.strictObject({ name: text, id: text, organization: text, url: text })),
      accesses,
    }),
    organization: z.strictObject({
      organizations: z.array(z.strictObject({ name: text, id: text, url: text })),
      accesses,
    }),
    branch: z.strictObject({
      branches: z.array(z.strictObject({ name: text, id: text, database: text, organization: text, url: text })),
      accesses,
    }),
    user: z.strictObject({ users: z.array(z.strictObject({ name: text, id: text })), accesses }),
  }),
});

export const DocumentedApplication = z.strictObject({
  id: text,
  name: text,
  redirect_uri: text,
  domain: text,
  created_at: text,
  updated_at: text,
  scopes: z.array(text),
  avatar: text,
  client_id: text,
  tokens: z.int(),
});

export const documentedPage = <T extends z.ZodType>(of: T) =>
  z.strictObject({
    current_page: z.int(),
    next_page: z.int(),
    prev_page: z.int(),
    next_page_url: text,
    prev_page_url: text,
    data: z.array(of),
  });

/** The error of the official clients. */
export const DocumentedError = z.strictObject({
  code: z.enum([
    'unauthorized',
    'forbidden',
    'not_found',
    'conflict',
    'unprocessable_entity',
    'bad_request',
    'too_many_requests',
    'internal_server_error',
    'service_unavailable',
  ]),
  message: z.string().min(1),
});

/** What the Go SDK returns: the value of its one field, or an error; any status but 200 is a result without a value. */
export type GoOutcome =
  | {
      readonly kind: 'ok';
      readonly status: number;
      readonly object: Record<string, Record<string, unknown>> | undefined;
    }
  | { readonly kind: 'error'; readonly error: string };

/** It unmarshals into map[string]map[string]interface{}: each value must be an object, or null. */
export function readGo({ status, headers, body }: RawAnswer): GoOutcome {
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';');
  if (status !== 200 || mediaType.trim().toLowerCase() !== 'application/json')
    return { kind: 'ok', status, object: undefined };
  const read = z.record(z.string(), z.record(z.string(), z.unknown()).nullable()).safeParse(JSON.parse(body));
  if (!read.success) return { kind: 'error', error: 'error unmarshalling json response body' };
  const object = Object.fromEntries(Object.entries(read.data).map(([key, value]) => [key, value ?? {}]));
  return { kind: 'ok', status, object };
}

/** What the TypeScript SDK resolves with, or the AxiosError that it rejects with for whatever is not 2xx. */
export type TypescriptOutcome =
  | { readonly kind: 'ok'; readonly status: number; readonly data: unknown }
  | { readonly kind: 'AxiosError'; readonly status: number; readonly data: unknown };

export function readTypescript({ status, headers, body }: RawAnswer): TypescriptOutcome {
  if (status < 200 || status >= 300) return { kind: 'AxiosError', status, data: JSON.parse(body) };
  const isJson = (headers['content-type'] ?? '').startsWith('application/json');
  return { kind: 'ok', status, data: status === 200 && isJson ? JSON.parse(body) : undefined };
}
