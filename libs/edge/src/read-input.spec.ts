import { Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { startEdge, type EdgeApplication } from './edge.spec-support.js';
import { readBody, readQuery } from './read-input.js';
import { Dialect, Public } from './route-policy.js';

const Schema = z.object({
  grant_type: z.string().max(20),
  code_verifier: z.string().optional(),
  hint: z.enum(['access_token', 'refresh_token']).optional(),
  count: z.coerce.number().int().optional(),
  tags: z.array(z.string()).optional(),
  expires_at: z
    .string()
    .refine((text) => text.endsWith('Z'), 'must end in Z')
    .optional(),
});

@Controller('read')
@Public()
class ReadController {
  @Post('body')
  @HttpCode(200)
  body(@Req() request: FastifyRequest): unknown {
    return readBody(Schema, request);
  }

  @Post('aliased')
  @HttpCode(200)
  aliased(@Req() request: FastifyRequest): unknown {
    return readBody(Schema, request, { aliases: 'camelCase' });
  }

  @Post('located')
  @HttpCode(200)
  @Dialect('mielto')
  located(@Req() request: FastifyRequest): unknown {
    return readBody(Schema, request, { faults: 'unprocessable' });
  }

  @Get('located')
  @Dialect('mielto')
  locatedQuery(@Req() request: FastifyRequest): unknown {
    return readQuery(Schema, request, { faults: 'unprocessable' });
  }

  @Get('query')
  query(@Req() request: FastifyRequest): unknown {
    return readQuery(Schema, request);
  }
}

let edge: EdgeApplication;
beforeAll(async () => {
  edge = await startEdge([ReadController]);
});
afterAll(() => edge.close());

const described = async (answer: Promise<{ status: number; json(): Record<string, unknown> }>) => {
  const { status, json } = await answer;
  return [status, json()['error'], json()['error_description']];
};

describe('D11', () => {
  it('reads the same fields from JSON and from a form', async () => {
    expect((await edge.json('/read/body', { grant_type: 'x', code_verifier: 'v' })).json()).toEqual({
      grant_type: 'x',
      code_verifier: 'v',
    });
    expect((await edge.form('/read/body', 'grant_type=x&code_verifier=v')).json()).toEqual({
      grant_type: 'x',
      code_verifier: 'v',
    });
  });

  it('accepts a charset parameter that says UTF-8 and refuses any other', async () => {
    const ask = (charset: string) =>
      edge.ask('/read/body', {
        method: 'POST',
        headers: { 'content-type': `application/json; charset=${charset}` },
        body: '{"grant_type":"x"}',
      });
    expect((await ask('UTF-8')).status).toBe(200);
    expect((await ask('"utf-8"')).status).toBe(200);
    expect((await ask('latin1')).status).toBe(415);
  });
});

describe('D2', () => {
  it('ignores fields that the schema does not have', async () => {
    expect((await edge.json('/read/body', { grant_type: 'x', surprise: { a: 1 } })).json()).toEqual({
      grant_type: 'x',
    });
  });

  it('takes camelCase names where the route asks for it, and nowhere else', async () => {
    expect((await edge.json('/read/aliased', { grantType: 'x', codeVerifier: 'v' })).json()).toEqual({
      grant_type: 'x',
      code_verifier: 'v',
    });
    expect((await edge.json('/read/body', { grantType: 'x' })).status).toBe(400);
  });

  it('refuses both spellings with different values', async () => {
    expect(await described(edge.json('/read/aliased', { grantType: 'x', grant_type: 'y' }))).toEqual([
      400,
      'invalid_request',
      'Send grant_type or grantType, not both with different values',
    ]);
  });

  it.each(['POST', 'GET'])('takes %s with a JSON content type and no body', async (method) => {
    const path = method === 'POST' ? '/read/body' : '/read/query?grant_type=x';
    const answer = await edge.ask(path, { method, headers: { 'content-type': 'application/json' } });
    expect(answer.status).toBe(method === 'POST' ? 400 : 200);
    expect(answer.text).toContain(method === 'POST' ? 'grant_type is required' : '"x"');
  });
});

describe('D4 where faults are unprocessable', () => {
  it('is 422 with the place of the fault, in the body and in the query', async () => {
    const body = await edge.json('/read/located', { grant_type: 'x', tags: ['a', 7] });
    expect([body.status, body.json()]).toEqual([
      422,
      { detail: [{ loc: ['body', 'tags', '1'], msg: 'tags.1 must be a string', type: 'value_error' }] },
    ]);
    const query = await edge.ask('/read/located?grant_type=x&count=many');
    expect([query.status, query.json()]).toMatchObject([422, { detail: [{ loc: ['query', 'count'] }] }]);
  });
});

describe('RFC 6749 §3.1', () => {
  it('treats an empty value and null as not sent', async () => {
    expect((await edge.form('/read/body', 'grant_type=x&code_verifier=')).json()).toEqual({ grant_type: 'x' });
    expect((await edge.json('/read/body', { grant_type: 'x', code_verifier: null })).json()).toEqual({
      grant_type: 'x',
    });
    expect(await described(edge.form('/read/body', 'grant_type='))).toEqual([
      400,
      'invalid_request',
      'grant_type is required',
    ]);
  });

  it('refuses a repeated query parameter, known or not', async () => {
    for (const name of ['grant_type', 'other'])
      expect(await described(edge.ask(`/read/query?grant_type=x&${name}=1&${name}=1`))).toEqual([
        400,
        'invalid_request',
        `The parameter ${name} must not be sent more than once`,
      ]);
  });
});

describe('RFC 6749 §3.2', () => {
  it('refuses a repeated parameter in a form and in JSON', async () => {
    const sent = [
      edge.form('/read/body', 'grant_type=x&grant_type=x'),
      edge.ask('/read/body', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"grant_type":"x","grant_type":"x"}',
      }),
    ];
    for (const answer of sent)
      expect(await described(answer)).toEqual([
        400,
        'invalid_request',
        'The parameter grant_type must not be sent more than once',
      ]);
  });
});

describe('errors that name the field and the fix', () => {
  it.each([
    [{ grant_type: 5 }, 'grant_type must be a string'],
    [{ grant_type: true }, 'grant_type must be a string'],
    [{ grant_type: { a: 1 } }, 'grant_type must be a string'],
    [{ grant_type: 'x'.repeat(21) }, 'grant_type is too long or too large; at most 20'],
    [{ grant_type: 'x', hint: 'cookie' }, 'hint must be one of: access_token, refresh_token'],
    [{ grant_type: 'x', tags: 'a' }, 'tags must be an array'],
    [{ grant_type: 'x', tags: ['a', 1] }, 'tags.1 must be a string'],
    [{ grant_type: 'x', count: 'many' }, 'count must be a number'],
    [{ grant_type: 'x', expires_at: 'soon' }, 'expires_at must end in Z'],
  ])('%j', async (body, description) => {
    expect(await described(edge.json('/read/body', body))).toEqual([400, 'invalid_request', description]);
  });
});
