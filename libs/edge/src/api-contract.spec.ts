import { Controller, Get, Post } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { ApiContract } from './api-contract.js';
import { apiComponents, apiSchema } from './api-schemas.js';
import { startEdge } from './edge.spec-support.js';
import { Public } from './route-policy.js';

const Inner = z.object({ a: z.string() }).meta({ id: 'SpecInner' });
const Outer = z
  .object({ inner: Inner, list: z.array(Inner), closed: z.strictObject({ b: z.int() }) })
  .meta({ id: 'SpecOuter' });

@Controller('documented')
@Public()
class DocumentedController {
  @Post(':id')
  @ApiContract({
    summary: 'Does it',
    tag: 'Spec',
    access: 'any',
    params: z.object({ id: z.string().describe('Which one') }),
    query: z.object({ limit: z.coerce.number().int().max(500).default(100), name: z.string() }),
    body: z.object({ grant_type: z.string(), code: z.string().optional() }),
    bodyTypes: ['application/json', 'application/x-www-form-urlencoded'],
    responses: { 200: { description: 'Done', schema: Outer } },
    errors: [400, 401, 429, 503],
  })
  post(): object {
    return {};
  }

  @Get()
  @ApiContract({
    summary: 'Open',
    tag: 'Spec',
    access: 'public',
    responses: { 302: { description: 'Away' } },
    errors: [],
  })
  get(): object {
    return {};
  }

  @Post('of-a-tenant')
  @ApiContract({
    summary: 'Of a tenant',
    tag: 'Spec',
    access: 'tenant',
    dialect: 'mielto',
    responses: {},
    errors: [404, 422],
  })
  ofATenant(): object {
    return {};
  }
}

describe('docs/openapi.json', () => {
  let document: OpenAPIObject;
  beforeAll(async () => {
    const edge = await startEdge([DocumentedController]);
    document = SwaggerModule.createDocument(edge.app, new DocumentBuilder().setOpenAPIVersion('3.1.0').build());
    await edge.close();
  });

  const operation = () => document.paths['/documented/{id}']?.post;

  it('has parameters with what the schema says of them', () => {
    expect(new Set(operation()?.parameters)).toEqual(
      new Set([
        { name: 'id', in: 'path', required: true, description: 'Which one', schema: { type: 'string' } },
        {
          name: 'limit',
          in: 'query',
          required: false,
          description: '',
          schema: { type: 'integer', maximum: 500, default: 100 },
        },
        { name: 'name', in: 'query', required: true, description: '', schema: { type: 'string' } },
      ]),
    );
  });

  it('has the body in both types', () => {
    const body = operation()?.requestBody as { required: boolean; content: Record<string, { schema: unknown }> };
    expect(Object.keys(body.content)).toEqual(['application/json', 'application/x-www-form-urlencoded']);
    expect(body.required).toBe(true);
    expect(body.content['application/json']?.schema).toMatchObject({ required: ['grant_type'] });
  });

  it('has answers and refusals with their schemas, and the headers of 401, 429 and 503 (D4)', () => {
    const responses = operation()?.responses as Record<string, { content?: object; headers?: object }>;
    expect(Object.keys(responses)).toEqual(['200', '400', '401', '429', '503']);
    expect(responses['200']?.content).toEqual({
      'application/json': { schema: { $ref: '#/components/schemas/SpecOuter' } },
    });
    expect(responses['400']?.content).toEqual({
      'application/json': { schema: { $ref: '#/components/schemas/Error' } },
    });
    expect(Object.keys(responses['429']?.headers ?? {})).toEqual([
      'Retry-After',
      'X-RateLimit-Limit',
      'X-RateLimit-Remaining',
      'X-RateLimit-Reset',
    ]);
    expect(Object.keys(responses['401']?.headers ?? {})).toEqual(['WWW-Authenticate']);
  });

  it('asks for a bearer wherever the route is not public', () => {
    expect(operation()?.security).toEqual([{ bearerAuth: [] }]);
    expect(document.paths['/documented']?.get?.security).toBeUndefined();
  });

  it('D28 offers keys beside the bearer where a tenant is called, and writes refusals in the dialect of the route', () => {
    const tenant = document.paths['/documented/of-a-tenant']?.post;
    expect(tenant?.security).toEqual(
      expect.arrayContaining([{ bearerAuth: [] }, { apiKey: [] }, { serviceToken: [] }]),
    );
    const refusals = (tenant?.responses ?? {}) as Record<string, { content: Record<string, { schema: unknown }> }>;
    const schemaOf = (status: string) => refusals[status]?.content['application/json']?.schema;
    expect(schemaOf('404')).toEqual({ $ref: '#/components/schemas/DetailError' });
    expect(schemaOf('422')).toEqual({ $ref: '#/components/schemas/HTTPValidationError' });
  });

  it('names components once, refers to them inside each other, and closes only strict objects', () => {
    expect(apiComponents()['SpecOuter']).toEqual({
      type: 'object',
      required: ['inner', 'list', 'closed'],
      properties: {
        inner: { $ref: '#/components/schemas/SpecInner' },
        list: { type: 'array', items: { $ref: '#/components/schemas/SpecInner' } },
        closed: expect.objectContaining({ additionalProperties: false }) as unknown,
      },
    });
    expect(apiComponents()['SpecInner']).toEqual({
      type: 'object',
      required: ['a'],
      properties: { a: { type: 'string' } },
    });
  });

  it('refuses two different schemas of one name', () => {
    expect(() => apiSchema(z.object({ other: z.string() }).meta({ id: 'SpecInner' }), 'output')).toThrow(/SpecInner/);
  });
});
