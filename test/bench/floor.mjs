/**
 * The floor: raw node:http that does the same cryptography and the same store round trips with nothing around them. No
 * routing, no validation, no claims, no checks: what no server can go below.
 */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import pg from 'pg';

const redis = new Redis(process.env.REDIS_SOCKET, { enableAutoPipelining: true });
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { privateKey: rsaKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const header = Buffer.from('{"alg":"ES256","typ":"at+jwt","kid":"floor"}').toString('base64url');

await pool.query('CREATE TABLE IF NOT EXISTS bench_floor (id uuid PRIMARY KEY, at timestamptz NOT NULL)');
await redis.set('bench:floor', 'value');

function unsigned() {
  const now = Math.floor(Date.now() / 1000);
  const claims = Buffer.from(JSON.stringify({ sub: 'floor', iat: now, exp: now + 900 })).toString('base64url');
  return `${header}.${claims}`;
}

function jwt() {
  const input = unsigned();
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** RS256, as ID tokens are; not on the event loop, which nobody can afford. */
function idToken() {
  const input = unsigned();
  return new Promise((resolve, reject) => {
    sign('sha256', Buffer.from(input), rsaKey, (error, signature) =>
      error ? reject(error) : resolve(`${input}.${signature.toString('base64url')}`),
    );
  });
}

function insert() {
  return pool.query({
    name: 'rotate',
    text: 'INSERT INTO bench_floor (id, at) VALUES ($1, now())',
    values: [randomUUID()],
  });
}

const paths = {
  '/raw': async () => '{"ok":true}',
  '/read': async () => JSON.stringify({ value: await redis.get('bench:floor') }),
  '/sign': async () => {
    await redis.incr('bench:count');
    return JSON.stringify({ access_token: jwt() });
  },
  '/rotate': async () => {
    await insert();
    return JSON.stringify({ access_token: jwt() });
  },
  // An application's login: a session of its own and a code; the code taken and remembered as used, and a refresh family.
  '/authorize': async (_body, response) => {
    await insert();
    const code = randomUUID();
    await redis.set(`bench:code:${code}`, 'value', 'PX', 60_000);
    response.setHeader('location', `https://client.example/cb?code=${code}`);
    response.statusCode = 302;
    return '';
  },
  '/exchange': async (body) => {
    const code = new URLSearchParams(body).get('code');
    if ((await redis.getdel(`bench:code:${code}`)) === null) throw new Error('an unknown code');
    await Promise.all([redis.set(`bench:used:${code}`, 'value', 'PX', 600_000), insert()]);
    return JSON.stringify({ access_token: jwt(), id_token: await idToken(), refresh_token: randomUUID() });
  },
};

createServer((request, response) => {
  let received = '';
  request.on('data', (chunk) => (received += chunk));
  request.on('end', async () => {
    const body = await paths[request.url.split('?', 1)[0]](received, response);
    response.writeHead(response.statusCode, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
