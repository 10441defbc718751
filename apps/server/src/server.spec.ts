import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret } from '@app/config';
import { listRoutes } from '@app/edge';
import { openInternalListener } from './internal-listener.js';
import { openApiDocument, previewOpenApiDocument } from './openapi.js';
import { ask, startServer, type RunningServer } from './server.spec-support.js';

const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

const running: RunningServer[] = [];
async function server(changes?: Parameters<typeof startServer>[0]): Promise<RunningServer> {
  const started = await startServer(changes);
  running.push(started);
  return started;
}
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function tokenOf({ ask: get }: RunningServer, hint: string): Promise<string> {
  const { text } = await get(
    `/oauth2/authorize?idp=test&scope=openid&login_hint=${hint}&code_challenge=${CHALLENGE}&code_challenge_method=S256`,
  );
  return (JSON.parse(text) as { access_token: string }).access_token;
}

const LOCAL = { host: 'localhost:8080' };
const ELSEWHERE = { host: 'id.example.com' };

describe('GET /health', () => {
  it('is live and ready, and tells everybody no more than that', async () => {
    const one = await server();
    expect((await one.ask('/health/live', ELSEWHERE)).text).toBe('{"status":"live"}');
    const ready = await one.ask('/health/ready', ELSEWHERE);
    expect([ready.status, ready.text]).toEqual([200, '{"status":"ready"}']);
  });

  it('D27: tells operators what and why', async () => {
    const one = await server();
    const { details } = JSON.parse((await one.ask('/health/ready', LOCAL)).text) as { details: object };
    expect(details).toMatchObject({
      database: { ok: true },
      store: { ok: true, kind: 'in-process' },
      keys: { ok: true },
      providers: [{ id: 'test', state: 'ready' }],
      stopping: false,
    });
  });

  it('is not ready when the store is gone, and still answers', async () => {
    const one = await server({ redisUrl: new Secret('redis://127.0.0.1:1') });
    const { status, text } = await one.ask('/health/ready', LOCAL);
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({
      status: 'not_ready',
      details: { database: { ok: true }, store: { ok: false, error: 'StoreUnavailable' } },
    });
    expect((await one.ask('/health/live')).status).toBe(200);
  });
});

describe('D27 /metrics', () => {
  it('is open to this machine in development, and to no page and no proxy on it', async () => {
    const one = await server();
    expect((await one.ask('/metrics', LOCAL)).text).toContain('gatehouse_http_request_duration_seconds');
    for (const more of [
      ELSEWHERE,
      { ...LOCAL, origin: 'http://localhost:3000' },
      { ...LOCAL, 'sec-fetch-site': 'same-origin' },
      { ...LOCAL, 'x-forwarded-for': '127.0.0.1' },
      { ...LOCAL, forwarded: 'for=127.0.0.1' },
      { ...LOCAL, via: '1.1 proxy' },
    ])
      expect((await one.ask('/metrics', more)).status).toBe(401);
  });

  it.each([[{ production: true }], [{ trustProxy: 1 }]])('asks this machine too with %j', async (changes) => {
    const one = await server(changes);
    const { status, headers } = await one.ask('/metrics', LOCAL);
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer realm="gatehouse"']);
  });

  it('takes INTERNAL_TOKEN, an administrator, and nobody else', async () => {
    const one = await server({
      internalToken: new Secret('internal-token-of-the-operator'),
      admins: [{ provider: 'test', subjectOrEmail: 'boss@test.tmi' }],
    });
    const as = async (token: string) =>
      (await one.ask('/metrics', { ...ELSEWHERE, authorization: `Bearer ${token}` })).status;
    expect(await as('internal-token-of-the-operator')).toBe(200);
    expect(await as('internal-token-of-the-operato')).toBe(403);
    expect(await as(await tokenOf(one, 'boss'))).toBe(200);
    expect(await as(await tokenOf(one, 'alice'))).toBe(403);
  });

  it('R29: locks an address that guesses INTERNAL_TOKEN', async () => {
    const one = await server({ internalToken: new Secret('internal-token-of-the-operator') });
    const limits = { ...one.config.rateLimits, enabled: true };
    await one.stop();
    running.pop();
    const strict = await server({ internalToken: new Secret('internal-token-of-the-operator'), rateLimits: limits });
    const as = async (token: string) =>
      (await strict.ask('/metrics', { ...ELSEWHERE, authorization: `Bearer ${token}` })).status;
    for (let i = 0; i < 10; i++) expect(await as(`guess-${i}`)).toBe(403);
    expect(await as('internal-token-of-the-operator')).toBe(429);
  });

  it('is open on the internal listener, which serves nothing else', async () => {
    const one = await server({ production: true });
    const listener: Server = await openInternalListener(one.app.getHttpAdapter().getInstance(), 0);
    const { port } = listener.address() as AddressInfo;
    expect((await ask(port, '/metrics', LOCAL)).status).toBe(200);
    expect((await ask(port, '/health/ready', LOCAL)).text).toContain('details');
    expect((await ask(port, '/metrics', ELSEWHERE)).status).toBe(401);
    expect((await ask(port, '/oauth2/providers', LOCAL)).status).toBe(404);
    await new Promise((resolve) => listener.close(resolve));
  });

  it('says so when the internal port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const one = await server();
    const { port } = taken.address() as AddressInfo;
    await expect(openInternalListener(one.app.getHttpAdapter().getInstance(), port)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await new Promise((resolve) => taken.close(resolve));
  });
});

describe('R31 the log of a request', () => {
  it('has method, pattern, status and id, and nothing that the caller sent', async () => {
    const one = await server();
    const secret = 'c2VjcmV0LXNlY3JldA';
    await one.ask(`/oauth2/callback?code=${secret}&state=${secret}`, {
      authorization: `Bearer ${secret}`,
      cookie: `a=${secret}`,
    });
    await one.ask(`/unknown?token=${secret}`);
    await one.ask(`/oauth2/callback/${secret}?code=${secret}`);
    const log = one.log();
    expect(log).not.toContain(secret);
    expect(log).toContain('"path":"/oauth2/callback"');
    expect(log).toContain('"path":"/oauth2/callback/:idp"');
    expect(log).toContain('"path":"/unknown"');
    expect(log).toMatch(/"requestId":"[\w-]+"/);
  });
});

describe('D44', () => {
  it('limits before it asks who is there: a flood without tokens is 429, not 401', async () => {
    const one = await server();
    const limits = { ...one.config.rateLimits, enabled: true, api: 2 };
    const strict = await server({ rateLimits: limits });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await strict.ask('/users/me')).status);
    expect(statuses).toEqual([401, 401, 429, 429]);
  });
});

describe('R32', () => {
  it('documents for every route the access that it enforces', async () => {
    const one = await server();
    const { paths } = openApiDocument(one.app);
    for (const { method, path, access } of listRoutes(one.app)) {
      const operation = (
        paths[path.replaceAll(/:(\w+)/g, '{$1}')] as Record<string, { security?: unknown }> | undefined
      )?.[method.toLowerCase()];
      if (operation === undefined) continue;
      expect([method, path, operation.security !== undefined]).toEqual([method, path, access !== 'public']);
    }
  });

  it('the document made without stores is the one that the server serves', async () => {
    const one = await server();
    const served = JSON.parse((await one.ask('/openapi.json')).text) as Record<string, unknown>;
    expect(served['servers']).toEqual([{ url: one.config.publicUrl }]);
    expect({ ...served, servers: undefined }).toEqual({
      ...(JSON.parse(JSON.stringify(await previewOpenApiDocument())) as object),
      servers: undefined,
    });
  });
});

describe('D38 pages', () => {
  it('the front page runs nothing inline and loads only from here', async () => {
    const one = await server();
    const { headers, text } = await one.ask('/');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(text).not.toMatch(/<script(?![^>]*\ssrc="assets\/)|\son\w+=|style=|javascript:/i);
    for (const [file, type] of [
      ['home.js', 'text/javascript; charset=utf-8'],
      ['home.css', 'text/css; charset=utf-8'],
    ]) {
      const asset = await one.ask(`/assets/${file}`);
      expect([asset.status, asset.headers['content-type']]).toEqual([200, type]);
      expect(asset.headers['x-content-type-options']).toBe('nosniff');
    }
  });

  it('signs nobody in on the front page in production', async () => {
    const one = await server({ production: true });
    expect((await one.ask('/')).text).not.toContain('<script');
  });

  it('the API page loads its scripts from here only', async () => {
    const one = await server();
    const { headers, text } = await one.ask('/docs');
    expect(headers['content-security-policy']).toContain("script-src 'self';");
    for (const [, source] of text.matchAll(/<script src="([^"]+)"/g)) {
      const script = await one.ask(new URL(source ?? '', 'http://localhost/docs').pathname);
      expect([source, script.status]).toEqual([source, 200]);
    }
  });
});
