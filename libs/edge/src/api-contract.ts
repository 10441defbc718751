import { applyDecorators } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import { z } from 'zod';
import { apiProperties, apiSchema } from './api-schemas.js';
import type { DialectName, RouteAccess } from './route-policy.js';

export interface ApiAnswer {
  readonly description: string;
  /** Absent where the answer has no JSON body. */
  readonly schema?: z.ZodType;
  /** Default `application/json`. */
  readonly contentType?: string;
}

/** What docs/openapi.json says about one operation. */
export interface ApiContractOptions {
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  /** Documents the access that the route's decorators enforce; a test compares the two. */
  readonly access: RouteAccess;
  /** Likewise the dialect of its errors; default `tmi`. */
  readonly dialect?: DialectName;
  readonly query?: z.ZodObject;
  readonly params?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** Default JSON only. */
  readonly bodyTypes?: readonly ('application/json' | 'application/x-www-form-urlencoded')[];
  readonly responses: Readonly<Record<number, ApiAnswer>>;
  /** Statuses of refusals that this operation gives. */
  readonly errors: readonly number[];
}

/** The error body of the TMI dialect (D4). */
const ErrorSchema = z
  .object({
    error: z.string().describe('An RFC 6749 code where one exists'),
    error_description: z.string(),
    error_uri: z.string().optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Error' });

/** mielto's, and its own form at 422. */
const DetailSchema = z.object({ detail: z.string() }).meta({ id: 'DetailError' });
const ValidationSchema = z
  .object({
    detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.int()])), msg: z.string(), type: z.string() })),
  })
  .meta({ id: 'HTTPValidationError' });

const MixErrorSchema = z
  .object({
    error: z.object({
      code: z.int().describe('The HTTP status'),
      message: z.string(),
      type: z.enum(['bad_request', 'not_found', 'internal_error', 'unauthorized', 'validation_error']),
    }),
  })
  .meta({ id: 'ErrorResponse' });

const PlanetScaleErrorSchema = z.object({ code: z.string(), message: z.string() }).meta({ id: 'CodedError' });

function errorSchema(dialect: DialectName, status: number): z.ZodType {
  if (dialect === 'mielto') return status === 422 ? ValidationSchema : DetailSchema;
  if (dialect === 'mix') return MixErrorSchema;
  return dialect === 'planetscale' ? PlanetScaleErrorSchema : ErrorSchema;
}

const ERROR_DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request is malformed or asks for something that is not possible',
  401: 'Authentication is missing or no good',
  403: 'Authenticated, but not allowed',
  404: 'Unknown',
  405: 'This address does not answer this method',
  409: 'It conflicts with what is stored',
  413: 'The body is larger than this operation takes',
  415: 'The body has another content type than the operation takes',
  422: 'A field does not hold what it must',
  429: 'Too many requests, or locked after too many wrong secrets',
  500: 'Something failed on our side; error_description names the request id',
  503: 'A store that this needs does not answer; try again',
};

function header(description: string, type: 'integer' | 'string') {
  return { description, schema: { type } } as const;
}

const RETRY_AFTER = { 'Retry-After': header('Seconds until another try makes sense', 'integer') };

const ERROR_HEADERS: Readonly<Record<number, Record<string, ReturnType<typeof header>>>> = {
  401: { 'WWW-Authenticate': header('How to authenticate (RFC 6750 §3, RFC 6749 §5.2)', 'string') },
  405: { Allow: header('Methods that this address answers', 'string') },
  429: {
    ...RETRY_AFTER,
    'X-RateLimit-Limit': header('Requests allowed in the window', 'integer'),
    'X-RateLimit-Remaining': header('Requests left in the window', 'integer'),
    'X-RateLimit-Reset': header('End of the window, seconds since the epoch', 'integer'),
  },
  503: RETRY_AFTER,
};

function errorResponse(status: number, dialect: DialectName): MethodDecorator {
  return ApiResponse({
    status,
    description: ERROR_DESCRIPTIONS[status] ?? 'Refused',
    headers: ERROR_HEADERS[status] ?? {},
    content: { 'application/json': { schema: apiSchema(errorSchema(dialect, status), 'output') } },
  });
}

function answer(status: number, { description, schema, contentType = 'application/json' }: ApiAnswer): MethodDecorator {
  if (schema === undefined) return ApiResponse({ status, description });
  return ApiResponse({ status, description, content: { [contentType]: { schema: apiSchema(schema, 'output') } } });
}

function accessDescription(access: RouteAccess): string | undefined {
  if (access === 'administrator') return 'For administrators.';
  if (access === 'any') return 'For any good access token, a machine’s too.';
  if (access === 'tenant')
    return 'For callers of one organization: members, API keys, service tokens, machines with a vault scope.';
  return undefined;
}

/**
 * Writes one operation into the OpenAPI document from the same zod schemas that the handler reads with, so the document
 * cannot promise what the code does not do. It enforces nothing.
 */
export function ApiContract(contract: ApiContractOptions): MethodDecorator {
  const description = [contract.description, accessDescription(contract.access)].filter(Boolean).join(' ');
  const decorators: MethodDecorator[] = [
    ApiTags(contract.tag),
    ApiOperation({ summary: contract.summary, ...(description === '' ? {} : { description }) }),
    ...Object.entries(contract.responses).map(([status, one]) => answer(Number(status), one)),
    ...contract.errors.map((status) => errorResponse(status, contract.dialect ?? 'tmi')),
  ];
  if (contract.access !== 'public') decorators.push(ApiBearerAuth('bearerAuth'));
  if (contract.access === 'tenant') decorators.push(ApiSecurity('apiKey'), ApiSecurity('serviceToken'));
  for (const field of contract.query === undefined ? [] : apiProperties(contract.query))
    decorators.push(ApiQuery({ ...field, description: field.description ?? '' }));
  for (const field of contract.params === undefined ? [] : apiProperties(contract.params))
    decorators.push(ApiParam({ ...field, description: field.description ?? '' }));
  if (contract.body !== undefined)
    decorators.push(
      ApiConsumes(...(contract.bodyTypes ?? ['application/json'])),
      ApiBody({ schema: apiSchema(contract.body, 'input'), required: !contract.body.safeParse({}).success }),
    );
  return applyDecorators(...decorators) as MethodDecorator;
}
