import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import { sendAutoPost } from './auto-post.js';

const chromium = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'chromium'))
  .find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
if (chromium === undefined)
  process.stderr.write('\nThere is no chromium on PATH: that a browser follows our forms was not tested.\n');

const servers: FastifyInstance[] = [];
let running: ChildProcess | undefined;
afterEach(async () => {
  // A browser that was kept on the page does not end by itself.
  running?.kill('SIGKILL');
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A server of its own origin: another port, and `host` as the browser calls it. */
async function listen(host: 'localhost' | '127.0.0.1', set: (server: FastifyInstance) => void): Promise<string> {
  const server = fastify({ forceCloseConnections: true });
  server.addContentTypeParser('application/x-www-form-urlencoded', (_request, _payload, done) => done(null));
  set(server);
  servers.push(server);
  const address = await server.listen({ port: 0, host: '127.0.0.1' });
  return `http://${host}:${new URL(address).port}`;
}

/** Opens an address in a real browser, which ends when the page and what it leads to have settled. */
async function browse(program: string, address: string): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'gatehouse-chromium-'));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  const settled = ['--virtual-time-budget=20000', '--dump-dom'];
  const child = spawn(program, [...flags, `--user-data-dir=${profile}`, ...settled, address], { stdio: 'ignore' });
  running = child;
  await new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject));
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}

const inBrowser = chromium === undefined ? it.skip : it;

describe('SAML bindings §3.5 in Chromium', () => {
  inBrowser('a form of ours arrives where redirects of the identity provider take it', async () => {
    const visited: string[] = [];
    const application = await listen('127.0.0.1', (server) => {
      server.get('/arrived', (_request, reply) => {
        visited.push('application');
        void reply.type('text/html').send('<p>here</p>');
      });
    });
    const idp = await listen('localhost', (server) => {
      server.post('/sso', (_request, reply) => {
        visited.push('idp');
        void reply.redirect(`${application}/arrived`, 303);
      });
    });
    const ours = await listen('127.0.0.1', (server) => {
      server.get('/', async (_request, reply) =>
        sendAutoPost(reply, { title: 'Going on', destination: `${idp}/sso`, fields: { SAMLRequest: 'PHg+' } }),
      );
    });
    await browse(chromium ?? '', ours);
    expect(visited).toEqual(['idp', 'application']);
  });
});
