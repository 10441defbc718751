import { Controller, Get, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { startEdge, type EdgeApplication } from './edge.spec-support.js';
import { noStore, remoteAddress, requestContext, trustProxyOption } from './http-context.js';
import { countedAddress } from './network-address.js';
import { Public } from './route-policy.js';

@Controller()
@Public()
class PagesController {
  @Get('thing')
  thing(@Res({ passthrough: true }) reply: FastifyReply): object {
    noStore(reply);
    return { ok: true };
  }

  @Get('page')
  page(@Res() reply: FastifyReply): void {
    void reply
      .header('Content-Security-Policy', "default-src 'self'")
      .header('Vary', 'Accept')
      .type('text/html; charset=utf-8')
      .send('<p>');
  }

  @Get('where')
  where(@Req() request: FastifyRequest): object {
    return { address: remoteAddress(request), context: requestContext(request) };
  }

  @Get('oauth2/authorize')
  authorize(): object {
    return {};
  }

  @Get('oauth2/callback/:idp')
  callback(): object {
    return {};
  }

  @Post('saml/acs')
  acs(): object {
    return {};
  }
}

const ORIGIN = 'https://app.example.com';
const settings = {
  publicUrl: 'https://id.example.com',
  clientCallbacks: [{ clientId: 'app', url: `${ORIGIN}/auth/callback` }],
  corsOrigins: ['https://console.example.com'],
};

let edge: EdgeApplication;
beforeAll(async () => {
  edge = await startEdge([PagesController], settings);
});
afterAll(() => edge.close());

const preflight = (path: string, origin: string) =>
  edge.ask(path, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
  });

describe('D38 headers', () => {
  it.each(['/thing', '/nowhere', '/%zz'])('are on every answer: %s', async (path) => {
    const { headers } = await edge.ask(path);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'");
  });

  it('leave the policy of a page alone', async () => {
    const { headers } = await edge.ask('/page');
    expect(headers['content-security-policy']).toBe("default-src 'self'");
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['vary']).toBe('Accept, Origin');
  });

  it('insist on https where PUBLIC_URL is https, and only there', async () => {
    expect((await edge.ask('/thing')).headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
    const local = await startEdge([PagesController]);
    expect((await local.ask('/thing')).headers['strict-transport-security']).toBeUndefined();
    await local.close();
  });
});

describe('D5', () => {
  it('noStore writes both headers', async () => {
    expect((await edge.ask('/thing')).headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
  });
});

describe('D38 CORS', () => {
  it.each([ORIGIN, 'https://console.example.com'])('lets %s read, without credentials', async (origin) => {
    const { headers } = await edge.ask('/thing', { headers: { origin } });
    expect(headers['access-control-allow-origin']).toBe(origin);
    expect(headers['access-control-allow-credentials']).toBeUndefined();
    expect(headers['vary']).toContain('Origin');
  });

  it.each(['https://evil.example', 'null', 'https://app.example.com.evil.example', 'http://app.example.com'])(
    'tells %s nothing',
    async (origin) => {
      for (const answer of [await edge.ask('/thing', { headers: { origin } }), await preflight('/thing', origin)])
        expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    },
  );

  it('answers the preflight of a registered origin', async () => {
    const { status, headers } = await preflight('/thing', ORIGIN);
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'GET, POST, PUT, DELETE',
      'access-control-allow-headers': 'Authorization, DPoP, Content-Type, Accept, X-Workspace-Id',
      'access-control-max-age': '600',
      vary: 'Origin',
    });
  });

  it('makes errors readable too', async () => {
    expect((await edge.ask('/nowhere', { headers: { origin: ORIGIN } })).headers['access-control-allow-origin']).toBe(
      ORIGIN,
    );
  });

  it.each([
    ['GET', '/oauth2/authorize'],
    ['GET', '/oauth2/%61uthorize?a=1'],
    ['GET', '/oauth2/callback/dev'],
    ['POST', '/saml/acs'],
  ])('never on %s %s', async (method, path) => {
    for (const answer of [await edge.ask(path, { method, headers: { origin: ORIGIN } }), await preflight(path, ORIGIN)])
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('D44 the caller’s address', () => {
  const address = async (application: EdgeApplication, forwarded: string) =>
    (await application.ask('/where', { headers: { 'x-forwarded-for': forwarded } })).json()['address'];

  it('is the peer’s where no proxy is trusted', async () => {
    expect(await address(edge, '192.0.2.1')).toBe('127.0.0.1');
  });

  it.each([
    [1, '203.0.113.9, 192.0.2.1', '192.0.2.1'],
    [2, '203.0.113.9, 192.0.2.1', '203.0.113.9'],
    [['127.0.0.0/8'], '203.0.113.9, 192.0.2.1', '192.0.2.1'],
    [['10.0.0.0/8'], '192.0.2.1', '127.0.0.1'],
    [1, '::ffff:192.0.2.1', '192.0.2.1'],
    [1, '192.0.2.1:4711', '192.0.2.1'],
    [1, '[2001:db8::1]:4711', '2001:db8::1'],
    [1, 'unknown', '127.0.0.1'],
    [1, '', '127.0.0.1'],
  ])('TRUST_PROXY %j, X-Forwarded-For %j: %s', async (trustProxy, forwarded, expected) => {
    const behind = await startEdge([PagesController], { trustProxy });
    expect(await address(behind, forwarded)).toBe(expected);
    await behind.close();
  });

  it('trusts nobody for zero hops', () => {
    expect(trustProxyOption(0)).toBe(false);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0000:0007:1:2:3:4', '2001:db8:0:7::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('%s is counted as %s', (address, counted) => {
    expect(countedAddress(address)).toBe(counted);
  });
});
