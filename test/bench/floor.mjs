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
const header = Buffer.from('{"alg":"ES256","typ":"at+jwt","kid":"floor"}').toString('base64url');

await pool.query('CREATE TABLE IF NOT EXISTS bench_floor (id uuid PRIMARY KEY, at timestamptz NOT NULL)');
await redis.set('bench:floor', 'value');

function jwt() {
  const now = Math.floor(Date.now() / 1000);
  const claims = Buffer.from(JSON.stringify({ sub: 'floor', iat: now, exp: now + 900 })).toString('base64url');
  const input = `${header}.${claims}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const paths = {
  '/raw': async () => '{"ok":true}',
  '/read': async () => JSON.stringify({ value: await redis.get('bench:floor') }),
  '/sign': async () => {
    await redis.incr('bench:count');
    return JSON.stringify({ access_token: jwt() });
  },
  '/rotate': async () => {
    await pool.query({
      name: 'rotate',
      text: 'INSERT INTO bench_floor (id, at) VALUES ($1, now())',
      values: [randomUUID()],
    });
    return JSON.stringify({ access_token: jwt() });
  },
};

createServer((request, response) => {
  request.on('data', () => {});
  request.on('end', async () => {
    const body = await paths[request.url]();
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
