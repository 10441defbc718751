import { Controller, Get, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { startEdge, type EdgeApplication } from './edge.spec-support.js';
import { listRoutes } from './route-list.js';
import { Dialect, Public, RateClass, RequireAccess, routePolicy } from './route-policy.js';

@Controller('bare')
class BareController {
  @Get()
  policy(@Req() request: FastifyRequest): unknown {
    return routePolicy(request);
  }
}

@Controller('mixed')
@Public()
@RateClass('token')
class MixedController {
  @Get('class')
  ofClass(@Req() request: FastifyRequest): unknown {
    return routePolicy(request);
  }

  @Get('method/:id')
  @RequireAccess('administrator')
  @Dialect('mix')
  ofMethod(@Req() request: FastifyRequest): unknown {
    return routePolicy(request);
  }

  @Post(['a', 'b'])
  @RateClass('none')
  twoPaths(): object {
    return {};
  }
}

let edge: EdgeApplication;
beforeAll(async () => {
  edge = await startEdge([BareController, MixedController]);
});
afterAll(() => edge.close());

describe('R25', () => {
  it('asks for a person where nothing else is said', async () => {
    expect((await edge.ask('/bare')).json()).toEqual({
      access: 'user',
      rateClass: 'api',
      dialect: 'tmi',
      applications: 'refused',
    });
  });

  it('lets the method win over its class', async () => {
    expect((await edge.ask('/mixed/class')).json()).toEqual({
      access: 'public',
      rateClass: 'token',
      dialect: 'tmi',
      applications: 'refused',
    });
    expect((await edge.ask('/mixed/method/1')).json()).toEqual({
      access: 'administrator',
      applications: 'refused',
      rateClass: 'token',
      dialect: 'mix',
    });
  });
});

describe('R32', () => {
  it('lists every route with who may call it, those past the guards too', () => {
    const listed = listRoutes(edge.app).map(({ method, path, access, handler }) => [method, path, access, handler]);
    expect(listed).toEqual([
      ['GET', '/bare', 'user', 'BareController.policy'],
      ['POST', '/mixed/a', 'public', 'MixedController.twoPaths'],
      ['POST', '/mixed/b', 'public', 'MixedController.twoPaths'],
      ['GET', '/mixed/class', 'public', 'MixedController.ofClass'],
      ['GET', '/mixed/method/:id', 'administrator', 'MixedController.ofMethod'],
    ]);
  });
});
