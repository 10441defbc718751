/**
 * The floor of a refresh: one round trip by undici to the same upstream, one AES-256-GCM seal of the pair, an INSERT
 * before and an UPDATE after, with nothing around: no lease, no journal, no generation, no spool, no answer distrusted.
 * And that of a token that is fresh: one SELECT by key and one AES-256-GCM open behind node:http.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import pg from 'pg';
import { Pool } from 'undici';
import { serveCommands } from './commands.mjs';
import { grants } from './upstream.mjs';

const { DATABASE_URL, ISSUER, CONCURRENCY, POOL_SIZE } = process.env;
const database = new pg.Pool({ connectionString: DATABASE_URL, max: Number(POOL_SIZE) });
const upstream = new Pool(ISSUER, { connections: Number(CONCURRENCY), pipelining: 1 });
const key = randomBytes(32);
/** Refresh tokens, by number of row: a floor need not read them. */
const refreshTokens = [];

await database.query(`
  CREATE TABLE IF NOT EXISTS bench_floor (id int PRIMARY KEY, tokens bytea NOT NULL, at timestamptz NOT NULL) WITH (fillfactor = 60);
  CREATE TABLE IF NOT EXISTS bench_floor_intents (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, row int NOT NULL, at timestamptz NOT NULL);
  TRUNCATE bench_floor, bench_floor_intents`);

function sealed(text) {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, body, cipher.getAuthTag()]);
}

function opened(bytes) {
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(-16));
  return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8');
}

const INTENT = { name: 'intent', text: 'INSERT INTO bench_floor_intents (row, at) VALUES ($1, now())' };
const KEEP = { name: 'keep', text: 'UPDATE bench_floor SET tokens = $2, at = now() WHERE id = $1' };
const READ = { name: 'read', text: 'SELECT tokens FROM bench_floor WHERE id = $1' };
const head = 'grant_type=refresh_token&client_id=fake-client&client_secret=fake-secret&refresh_token=';
const headers = { 'content-type': 'application/x-www-form-urlencoded' };

async function refresh(row) {
  await database.query({ ...INTENT, values: [row] });
  const body = head + encodeURIComponent(refreshTokens[row]);
  const answer = await upstream.request({ method: 'POST', path: '/token', headers, body });
  const tokens = await answer.body.json();
  if (answer.statusCode !== 200) throw new Error(JSON.stringify(tokens));
  const pair = JSON.stringify([tokens.access_token, tokens.refresh_token]);
  await database.query({ ...KEEP, values: [row, sealed(pair)] });
  refreshTokens[row] = tokens.refresh_token;
}

serveCommands(
  {
    import: async ({ count }) => {
      for await (const sets of grants(ISSUER, count)) {
        const pairs = sets.map((set) => sealed(JSON.stringify([set.access_token, set.refresh_token])));
        await database.query(
          `INSERT INTO bench_floor SELECT $1 + n - 1, tokens, now() FROM unnest($2::bytea[]) WITH ORDINALITY AS t (tokens, n)`,
          [refreshTokens.length, pairs],
        );
        refreshTokens.push(...sets.map((set) => set.refresh_token));
      }
    },
    sweep: async ({ count, concurrency = Number(CONCURRENCY) }) => {
      const began = performance.now();
      let row = 0;
      await Promise.all(
        Array.from({ length: concurrency }, async () => {
          while (row < count) await refresh(row++);
        }),
      );
      return { refreshed: count, failed: 0, milliseconds: performance.now() - began };
    },
  },
  async (request, response) => {
    if (request.url === '/raw') return response.end('{}');
    const { rows } = await database.query({ ...READ, values: [Number(request.url.slice(1))] });
    const [token] = JSON.parse(opened(rows[0].tokens));
    const body = JSON.stringify({ access_token: token });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  },
);
process.on('SIGTERM', () => process.exit(0));
