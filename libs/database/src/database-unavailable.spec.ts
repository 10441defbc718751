import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { asDatabaseUnavailable, DatabaseUnavailable, isDatabaseUnavailable } from './database-unavailable.js';

const withCode = (code: string, more: object = {}) => Object.assign(new Error('x'), { code, ...more });

async function failureOf(config: pg.ClientConfig): Promise<unknown> {
  return new pg.Client(config).connect().then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('isDatabaseUnavailable', () => {
  it.each(['08000', '08003', '08006', '08P01', '53300', '57P01', '57P02', '57P03', 'ECONNRESET', 'EPIPE', 'ENOTFOUND'])(
    'is true of %s',
    (code) => expect(isDatabaseUnavailable(withCode(code))).toBe(true),
  );

  it.each(['23505', '40001', '40P01', '42P01', '57014', '0A000', '22P02', '08', 'EINVAL'])('is false of %s', (code) =>
    expect(isDatabaseUnavailable(withCode(code))).toBe(false),
  );

  it('knows a refused connection, by name and by address', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    expect(isDatabaseUnavailable(await failureOf({ host: '127.0.0.1', port }))).toBe(true);
    // Two addresses: Node reports an AggregateError without words of its own.
    expect(isDatabaseUnavailable(await failureOf({ host: 'localhost', port }))).toBe(true);
  });

  it('knows a socket whose file is gone, but no other missing file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-none-'));
    expect(isDatabaseUnavailable(await failureOf({ host: folder }))).toBe(true);
    const missing = await readFile(join(folder, 'none')).catch((error: unknown) => error);
    rmSync(folder, { recursive: true });
    expect(isDatabaseUnavailable(missing)).toBe(false);
  });

  it('knows a peer that hangs up, or says nothing at all', async () => {
    const silent = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1');
    const rude = createServer((socket) => void socket.destroy()).listen(0, '127.0.0.1');
    await Promise.all([once(silent, 'listening'), once(rude, 'listening')]);
    const at = (server: typeof silent) => ({ host: '127.0.0.1', port: (server.address() as { port: number }).port });
    const pool = new pg.Pool({ ...at(silent), connectionTimeoutMillis: 50 });
    const timeout = await pool.query('SELECT 1').catch((error: unknown) => error);
    expect(isDatabaseUnavailable(timeout)).toBe(true);
    expect(isDatabaseUnavailable(await failureOf({ ...at(silent), connectionTimeoutMillis: 50 }))).toBe(true);
    expect(isDatabaseUnavailable(await failureOf(at(rude)))).toBe(true);
    silent.close();
    rude.close();
  });

  it('looks inside errors that TypeORM and others wrap', () => {
    const inner = withCode('57P01');
    expect(isDatabaseUnavailable(new QueryFailedError('SELECT 1', [], inner))).toBe(true);
    expect(isDatabaseUnavailable(new Error('outer', { cause: inner }))).toBe(true);
    expect(isDatabaseUnavailable(new QueryFailedError('SELECT 1', [], withCode('23505')))).toBe(false);
    expect(isDatabaseUnavailable(new AggregateError([inner, withCode('EINVAL')]))).toBe(false);
  });

  it('is false of whatever is no error', () => {
    const self = new Error('its own cause');
    self.cause = self;
    for (const thing of [undefined, null, 'ECONNREFUSED', { code: 'ECONNREFUSED' }, self]) {
      expect(isDatabaseUnavailable(thing)).toBe(false);
    }
  });

  it('turns a failed connection into DatabaseUnavailable with its cause, and leaves the rest alone', () => {
    const lost = withCode('ECONNRESET');
    const mapped = asDatabaseUnavailable(lost);
    expect(mapped).toBeInstanceOf(DatabaseUnavailable);
    expect((mapped as Error).cause).toBe(lost);
    expect(asDatabaseUnavailable(mapped)).toBe(mapped);
    const constraint = withCode('23505');
    expect(asDatabaseUnavailable(constraint)).toBe(constraint);
  });
});
