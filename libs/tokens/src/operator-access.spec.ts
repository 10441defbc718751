import { startServer, type RunningServer } from '../../../apps/server/src/server.spec-support.js';
import { send } from '../../../test/protocol/http.js';

let server: RunningServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const statusOf = async (headers: Record<string, string>) =>
  (await send('GET', `http://127.0.0.1:${server.port}/metrics`, { headers })).status;

describe('D27 who counts as this machine', () => {
  it.each(['localhost', 'LOCALHOST:8080', '127.0.0.1', '127.0.0.1:1', '[::1]', '[::1]:8080'])(
    'Host %s does',
    async (host) => {
      expect(await statusOf({ host })).toBe(200);
    },
  );

  it.each([
    'evil.com@localhost',
    'localhost?evil.com',
    'localhost#evil.com',
    'localhost/evil.com',
    'localhost\\evil.com',
    'localhost:80:80',
    'localhost:',
    'localhost.evil.com',
    'evil.com',
    '%6Cocalhost',
    '2130706433',
    '0x7f.1',
    '::1',
  ])('Host %p does not', async (host) => {
    expect([401, 400]).toContain(await statusOf({ host }));
  });

  it.each([
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-port',
    'x-forwarded',
    'X-Forwarded-Client-Cert',
    'forwarded',
    'via',
    'x-real-ip',
    'x-client-ip',
    'true-client-ip',
    'x-original-forwarded-for',
    'cf-connecting-ip',
    'CF-Ray',
  ])('a request with %s does not, even empty', async (name) => {
    for (const value of ['127.0.0.1', '']) expect(await statusOf({ host: 'localhost', [name]: value })).toBe(401);
  });
});
