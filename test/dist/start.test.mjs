/**
 * What a stranger does first: `npm start`, then a sign-in through the test identity provider, as a browser would go.
 * It runs dist/ as ESM, which Jest does not.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

const root = path.resolve(import.meta.dirname, '../..');
const dataDir = path.join(mkdtempSync(path.join(tmpdir(), 'gatehouse-start-')), 'data');
let port;
let idpPort;
let server;

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
}

/** Starts the server and resolves when it says that it is ready. */
async function start() {
  const child = spawn(process.execPath, ['scripts/start.mjs'], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: dataDir, PORT: port, TEST_IDP_PORT: idpPort, GATEHOUSE_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  while (!printed.includes('is ready')) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${printed}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { child, exited, printed: () => printed };
}

before(async () => {
  port = String(await freePort());
  idpPort = String(await freePort());
  server = await start();
});

after(() => {
  if (server.child.exitCode === null) server.child.kill('SIGKILL');
  rmSync(path.dirname(dataDir), { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** A browser without a screen: cookies, redirects, and the first form of a page, be it a login or one that posts itself. */
async function browse(url, isEnd, { login = 'alice', jar = new Map(), init = {} } = {}) {
  let next = new URL(url);
  for (let hops = 0; hops < 30; hops++) {
    if (isEnd(next)) return next;
    const cookies = jar.get(next.host) ?? new Map();
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(next, {
      ...init,
      headers: { accept: 'text/html', ...(cookie === '' ? {} : { cookie }) },
      redirect: 'manual',
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    jar.set(next.host, cookies);
    const body = await response.text();
    const location = response.headers.get('location');
    if (location !== null) {
      next = new URL(location, next);
      init = {};
      continue;
    }
    const action = /<form[^>]*action="([^"]+)"/.exec(body)?.[1];
    assert.ok(action, `${next} answered ${response.status} with neither a redirect nor a form: ${body.slice(0, 500)}`);
    const fields = new URLSearchParams({ login });
    for (const [, name, value] of body.matchAll(/<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"/g))
      fields.set(name, value);
    next = new URL(action.replaceAll('&amp;', '&'), next);
    init = { method: 'POST', body: fields };
  }
  throw new Error('too many hops');
}

const form = (fields) => ({ method: 'POST', body: new URLSearchParams(fields) });

/** Signs in by code and PKCE, as a first-party client would, and answers the tokens. */
async function signIn(idp, browser) {
  const base = `http://localhost:${port}`;
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    idp,
    scope: 'openid profile email',
    response_type: 'code',
    client_callback: `${base}/`,
    state: 'mine',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  });
  const isHome = (url) => url.origin === base && url.pathname === '/';
  const end = await browse(`${base}/oauth2/authorize?${query}`, isHome, browser);
  assert.equal(end.searchParams.get('state'), 'mine');
  assert.equal(end.searchParams.get('iss'), base);
  const answer = await fetch(
    `${base}/oauth2/token`,
    form({
      grant_type: 'authorization_code',
      code: end.searchParams.get('code'),
      code_verifier: verifier,
      redirect_uri: `${base}/`,
    }),
  );
  assert.equal(answer.status, 200);
  return answer.json();
}

describe('npm start on embedded defaults', () => {
  it('prints where to sign in', () => {
    assert.match(server.printed(), new RegExp(`http://localhost:${port}/`));
  });

  it('signs a person in through the test identity provider; userinfo, introspect and revoke work with the tokens', async () => {
    const base = `http://localhost:${port}`;
    const tokens = await signIn('dev');
    const bearer = { headers: { authorization: `Bearer ${tokens.access_token}` } };
    const user = await (await fetch(`${base}/oauth2/userinfo`, bearer)).json();
    assert.equal(user.email, 'alice@idp.test');
    assert.equal(user.idp, 'dev');
    assert.ok(user.groups.includes('engineering'), `groups are ${user.groups}`);
    const introspect = async () =>
      (await fetch(`${base}/oauth2/introspect`, form({ token: tokens.access_token }))).json();
    assert.equal((await introspect()).active, true);
    assert.equal((await fetch(`${base}/oauth2/revoke`, { method: 'POST', ...bearer })).status, 200);
    assert.deepEqual(await introspect(), { active: false });
  });

  it('signs a person in through the SAML test identity provider, and a logout there ends the tokens here', async () => {
    const base = `http://localhost:${port}`;
    const idp = `http://localhost:${idpPort}`;
    const jar = new Map();
    const tokens = await signIn('dev-saml', { login: 'dana', jar });
    const userinfo = () =>
      fetch(`${base}/oauth2/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    const user = await (await userinfo()).json();
    assert.equal(user.email, 'dana@corp.test');
    assert.equal(user.email_verified, true);
    assert.equal(user.idp, 'dev-saml');
    assert.deepEqual(user.groups.toSorted(), ['finance', 'managers']);

    const isAnswer = (url) => url.origin === idp && url.searchParams.has('SAMLResponse');
    const answer = await browse(`${idp}/saml/portal/logout`, isAnswer, { jar, init: form({ binding: 'redirect' }) });
    assert.match(await (await fetch(answer)).text(), /Gatehouse answered: Success/);
    assert.equal((await userinfo()).status, 401);
    const refresh = form({ grant_type: 'refresh_token', client_id: `${base}/`, refresh_token: tokens.refresh_token });
    assert.equal((await fetch(`${base}/oauth2/token`, refresh)).status, 400);
  });

  it('knows the one person of both identity providers as one', async () => {
    const subjects = [];
    for (const idp of ['dev', 'dev-saml']) {
      const { access_token: token } = await signIn(idp);
      subjects.push(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).sub);
    }
    assert.equal(subjects[0], subjects[1]);
  });

  it('is not stopped from starting again by having been killed, and Ctrl-C ends it cleanly', async () => {
    server.child.kill('SIGKILL');
    await server.exited;
    server = await start();
    server.child.kill('SIGINT');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
});
