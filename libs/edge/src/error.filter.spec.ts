import { Controller, Delete, Get, HttpCode, NotFoundException, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OAuthError, temporarilyUnavailable } from '@app/oauth2';
import { StoreUnavailable } from '@app/transient-store';
import { startEdge, type EdgeApplication } from './edge.spec-support.js';
import { BodyLimit, Dialect, Public } from './route-policy.js';

const SECRET = 'gth_refresh_very-secret-upstream-text';

class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable';
}

@Controller('faults')
@Public()
class FaultController {
  @Get('unexpected')
  unexpected(): never {
    throw new Error(SECRET, { cause: new Error(SECRET) });
  }

  @Get('not-an-error')
  notAnError(): never {
    // Some libraries do throw such things.
    throw SECRET;
  }

  @Get('refused')
  refused(): never {
    throw new OAuthError('invalid_scope', 'no', { cause: new Error(SECRET), logDetail: SECRET });
  }

  @Get('upstream-lookalike')
  lookalike(): never {
    throw Object.assign(new Error(SECRET), { statusCode: 404, status: 404, code: 'EUPSTREAM' });
  }

  @Get('nest')
  nest(): never {
    throw new NotFoundException(SECRET);
  }

  @Get('late')
  async late(@Res() reply: FastifyReply): Promise<void> {
    void reply.send({ sent: true });
    await Promise.resolve();
    throw new Error(SECRET);
  }

  @Get('store')
  store(): never {
    throw new StoreUnavailable(`ECONNREFUSED ${SECRET}`);
  }

  @Get('database')
  database(): never {
    throw new DatabaseUnavailable(SECRET);
  }

  @Get('unavailable')
  unavailable(): never {
    throw temporarilyUnavailable('The provider');
  }

  @Get('unauthorized')
  unauthorized(): never {
    throw new OAuthError('invalid_token', 'expired');
  }
}

@Controller('things')
@Public()
class ThingsController {
  @Post()
  @HttpCode(200)
  create(@Req() request: FastifyRequest): unknown {
    return { body: request.body ?? null };
  }

  @Post('large')
  @HttpCode(200)
  @BodyLimit(100_000)
  large(@Req() request: FastifyRequest): unknown {
    return { fields: Object.keys(request.body as object) };
  }

  @Put(':id')
  put(): object {
    return {};
  }

  @Delete(':id')
  remove(): object {
    return {};
  }

  @Post('mix')
  @Dialect('mix')
  mix(): object {
    return {};
  }

  @Post('mielto')
  @Dialect('mielto')
  mielto(): object {
    return {};
  }

  @Post('planetscale')
  @Dialect('planetscale')
  planetscale(): object {
    return {};
  }
}

let edge: EdgeApplication;
beforeAll(async () => {
  edge = await startEdge([FaultController, ThingsController]);
});
afterAll(() => edge.close());

const JSON_TYPE = { 'content-type': 'application/json' };

describe('R31', () => {
  it.each(['unexpected', 'not-an-error', 'upstream-lookalike'])(
    'answers %s with one neutral 500 that names the request and nothing else',
    async (name) => {
      const answer = await edge.ask(`/faults/${name}`);
      expect(answer.status).toBe(500);
      expect(answer.text).not.toContain('secret');
      expect(JSON.stringify(answer.headers)).not.toContain('secret');
      expect(answer.json()).toEqual({
        error: 'server_error',
        error_description: `Something failed on our side; request id ${String(answer.headers['x-request-id'])}`,
      });
    },
  );

  it.each(['refused', 'nest', 'store', 'database'])(
    'keeps cause, detail and foreign text of %s to itself',
    async (name) => {
      const answer = await edge.ask(`/faults/${name}`);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.text).not.toContain('secret');
    },
  );

  it('leaves an answer alone that is already on its way', async () => {
    const answer = await edge.ask('/faults/late');
    expect([answer.status, answer.text]).toEqual([200, '{"sent":true}']);
  });
});

describe('D4', () => {
  it.each(['store', 'database', 'unavailable'])('answers %s with 503 and Retry-After', async (name) => {
    const answer = await edge.ask(`/faults/${name}`);
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('5');
    expect(answer.json()['error']).toBe('temporarily_unavailable');
  });

  it('challenges at 401', async () => {
    expect((await edge.ask('/faults/unauthorized')).headers['www-authenticate']).toMatch(/^Bearer realm="gatehouse", /);
  });

  it('speaks the dialect of the route when the body cannot even be read', async () => {
    const broken = { method: 'POST', headers: JSON_TYPE, body: '{' };
    expect((await edge.ask('/things/mix', broken)).json()).toEqual({
      error: { code: 400, message: 'The request body is not valid JSON', type: 'bad_request' },
    });
    expect((await edge.ask('/things/mielto', broken)).json()).toEqual({ detail: 'The request body is not valid JSON' });
    expect((await edge.ask('/things/planetscale', broken)).json()).toEqual({
      code: 'bad_request',
      message: 'The request body is not valid JSON',
    });
  });

  it('where no route is, an address speaks as the routes beside it would', async () => {
    const bodyOf = async (url: string) => Object.keys((await edge.ask(url)).json());
    await expect(bodyOf('/api/v1/nothing')).resolves.toEqual(['detail']);
    await expect(bodyOf('/v1/organizations/acme/nothing')).resolves.toEqual(['code', 'message']);
    await expect(bodyOf('/internal/nothing')).resolves.toEqual(['error']);
    await expect(bodyOf('/nothing')).resolves.toEqual(['error', 'error_description']);
  });

  it('answers an unknown address with 404', async () => {
    const answer = await edge.ask('/nowhere?code=1');
    expect([answer.status, answer.json()['error']]).toEqual([404, 'not_found']);
  });

  it('refuses a body of more than 64 KiB with 413', async () => {
    const answer = await edge.ask('/things', { method: 'POST', headers: JSON_TYPE, body: `"${'x'.repeat(65_536)}"` });
    expect([answer.status, answer.json()['error']]).toEqual([413, 'payload_too_large']);
  });

  it('reads a body of exactly 64 KiB', async () => {
    const body = `{"a":"${'x'.repeat(65_536 - 8)}"}`;
    expect((await edge.ask('/things', { method: 'POST', headers: JSON_TYPE, body })).status).toBe(200);
  });

  it('reads as much as a route says that it takes, and no more', async () => {
    const sized = (bytes: number) => ({ method: 'POST', headers: JSON_TYPE, body: `{"a":"${'x'.repeat(bytes - 8)}"}` });
    expect((await edge.ask('/things/large', sized(100_000))).json()).toEqual({ fields: ['a'] });
    expect((await edge.ask('/things/large', sized(100_001))).status).toBe(413);
  });

  it.each([
    ['text/xml', '<a/>'],
    ['text/plain', 'a=1'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['nonsense', 'x'],
  ])('refuses a body of type %s with 415', async (type, body) => {
    const answer = await edge.ask('/things', { method: 'POST', headers: { 'content-type': type }, body });
    expect([answer.status, answer.json()['error']]).toEqual([415, 'unsupported_media_type']);
  });

  it('refuses a body without a type with 415, and takes no body without a type', async () => {
    expect((await edge.ask('/things', { method: 'POST', body: 'x' })).status).toBe(415);
    expect((await edge.ask('/things', { method: 'POST' })).json()).toEqual({ body: null });
  });

  it('never lets an error be stored', async () => {
    expect((await edge.ask('/nowhere')).headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
  });
});

describe('RFC 9110 §15.5.6', () => {
  it.each([
    ['GET', '/things', 'POST'],
    ['DELETE', '/faults/refused', 'GET, HEAD'],
    ['GET', '/things/1', 'DELETE, PUT'],
    ['PATCH', '/things/mix?x=1', 'DELETE, POST, PUT'],
  ])('answers %s %s with 405 and Allow: %s', async (method, path, allow) => {
    const answer = await edge.ask(path, { method });
    expect([answer.status, answer.json()['error'], answer.headers['allow']]).toEqual([
      405,
      'method_not_allowed',
      allow,
    ]);
  });
});

describe('D2', () => {
  it('takes a JSON content type with an empty body on DELETE', async () => {
    expect((await edge.ask('/things/1', { method: 'DELETE', headers: JSON_TYPE })).status).toBe(200);
  });

  it('says application/json exactly, for answers and for errors', async () => {
    expect((await edge.json('/things', {})).headers['content-type']).toBe('application/json');
    expect((await edge.ask('/nowhere')).headers['content-type']).toBe('application/json');
    expect((await edge.ask('/faults/unexpected')).headers['content-type']).toBe('application/json');
  });
});
