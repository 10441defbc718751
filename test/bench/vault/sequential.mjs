/**
 * The baseline: the sweep of a well-known vault as its published description has it. One lock for the whole sweep; pages
 * of a hundred rows; one connection after another: a lock with a time to live and no owner, the row read again, the
 * request, an unconditional UPDATE, the lock deleted whoever holds it by now. The tokens are one encrypted JSON.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { request } from 'undici';
import { serveCommands } from './commands.mjs';
import { grants } from './upstream.mjs';

const { DATABASE_URL, ISSUER, REDIS_SOCKET } = process.env;
const PAGE = 100;
const SWEEP_LOCK_MS = 600_000;
const REFRESH_LOCK_MS = 10_000;
const database = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
const redis = new Redis(REDIS_SOCKET, { keyPrefix: 'sequential:' });
const key = randomBytes(32);

await database.query(`
  CREATE TABLE IF NOT EXISTS bench_sequential (id serial PRIMARY KEY, credentials text NOT NULL, expires_at timestamptz NOT NULL,
    last_fetched_at timestamptz NOT NULL);
  TRUNCATE bench_sequential RESTART IDENTITY`);

function encrypted(credentials) {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const body = Buffer.concat([cipher.update(JSON.stringify(credentials), 'utf8'), cipher.final()]);
  return [nonce, body, cipher.getAuthTag()].map((part) => part.toString('base64')).join('.');
}

function decrypted(text) {
  const [nonce, body, tag] = text.split('.').map((part) => Buffer.from(part, 'base64'));
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAuthTag(tag);
  return JSON.parse(decipher.update(body, undefined, 'utf8') + decipher.final('utf8'));
}

async function refresh(id) {
  const lock = `refresh:${id}`;
  if ((await redis.set(lock, '1', 'PX', REFRESH_LOCK_MS, 'NX')) === null) return 0;
  try {
    const { rows } = await database.query('SELECT credentials FROM bench_sequential WHERE id = $1', [id]);
    const { refresh_token } = decrypted(rows[0].credentials);
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'fake-client',
      client_secret: 'fake-secret',
      refresh_token,
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await request(`${ISSUER}/token`, { method: 'POST', headers, body: body.toString() });
    const tokens = await answer.body.json();
    if (answer.statusCode !== 200) throw new Error(JSON.stringify(tokens));
    await database.query(
      `UPDATE bench_sequential SET credentials = $2, expires_at = now() + interval '1 hour', last_fetched_at = now() WHERE id = $1`,
      [id, encrypted(tokens)],
    );
    return 1;
  } finally {
    await redis.del(lock);
  }
}

/** What is due, until `milliseconds` are over. */
async function sweep({ count, milliseconds }) {
  if ((await redis.set('sweep', '1', 'PX', SWEEP_LOCK_MS, 'NX')) === null) throw new Error('another sweep runs');
  await database.query(`UPDATE bench_sequential SET last_fetched_at = now() - interval '2 days' WHERE id <= $1`, [
    count,
  ]);
  const began = performance.now();
  let refreshed = 0;
  try {
    for (let after = 0, page = PAGE; page === PAGE && performance.now() - began < milliseconds;) {
      const { rows } = await database.query(
        `SELECT id, credentials FROM bench_sequential WHERE id > $1 AND last_fetched_at < now() - interval '1 day' ORDER BY id LIMIT ${PAGE}`,
        [after],
      );
      for (const { id } of rows) {
        if (performance.now() - began >= milliseconds) break;
        refreshed += await refresh(id);
        after = id;
      }
      page = rows.length;
    }
  } finally {
    await redis.del('sweep');
  }
  return { refreshed, failed: 0, milliseconds: performance.now() - began };
}

serveCommands({
  import: async ({ count }) => {
    for await (const sets of grants(ISSUER, count))
      await database.query(
        `INSERT INTO bench_sequential (credentials, expires_at, last_fetched_at)
         SELECT credentials, now() + interval '1 hour', now() FROM unnest($1::text[]) AS t (credentials)`,
        [sets.map(encrypted)],
      );
  },
  sweep,
});
process.on('SIGTERM', () => process.exit(0));
