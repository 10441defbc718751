import { connect } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { answerClientError } from './client-error.js';

describe('D4 what never became a request', () => {
  let app: FastifyInstance;

  beforeAll(async () => {
    app = fastify({ clientErrorHandler: answerClientError });
    app.get('/', () => 'never reached');
    await app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => app.close());

  async function send(bytes: string): Promise<{ status: string; head: string; body: unknown }> {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(bytes);
    await once(socket, 'end');
    socket.destroy();
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    return { status: head.split('\r\n')[0] ?? '', head, body: JSON.parse(body) };
  }

  it('says that headers are too long, however much is still to come', async () => {
    const { status, head, body } = await send(`GET /?${'x'.repeat(2_000_000)} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(status).toBe('HTTP/1.1 431 Request Header Fields Too Large');
    expect(head).toContain('Content-Type: application/json\r\n');
    expect(body).toEqual({ error: 'invalid_request', error_description: expect.stringContaining('too long') });
  });

  it('says that what came is no request', async () => {
    const { status, body } = await send('hello there\r\n\r\n');
    expect(status).toBe('HTTP/1.1 400 Bad Request');
    expect(body).toMatchObject({ error: 'invalid_request' });
  });

  it('goes on serving afterwards', async () => {
    await send('\u0000\u0001');
    const { port } = app.server.address() as AddressInfo;
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });
});
