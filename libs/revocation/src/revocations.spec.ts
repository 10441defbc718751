import { once } from 'node:events';
import { Redis } from 'ioredis';
import pg from 'pg';
import { DatabaseUnavailable } from '@app/database';
import { freshDatabase } from '../../../test/harness/postgres.js';
import { startRedis, type RedisServer } from '../../../test/harness/redis-server.js';
import { startInstance, type Instance } from './revocation.spec-support.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: RedisServer;
let first: Instance;
let second: Instance;
const more: Instance[] = [];

beforeEach(async () => {
  database = await freshDatabase();
  redis = await startRedis();
  first = await startInstance(database.url, redis.url);
  second = await startInstance(database.url, redis.url);
});
afterEach(async () => {
  await Promise.all([first, second, ...more.splice(0)].map((instance) => instance.close()));
  await redis.stop();
  await database.drop();
});

async function another(redisUrl: string | undefined): Promise<Instance> {
  const instance = await startInstance(database.url, redisUrl);
  more.push(instance);
  return instance;
}

/** A connection past our own code, for what a strange transaction or an operator would do. */
async function withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function withRedis<T>(work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url.replace('unix://', ''));
  try {
    return await work(client);
  } finally {
    client.disconnect();
    if (client.status !== 'end') await once(client, 'end');
  }
}

const append = (client: pg.Client, subject: string, generation = 1) =>
  client.query(`INSERT INTO revocations (subject, generation, expires_at) VALUES ($1, $2, now() + interval '1 hour')`, [
    subject,
    generation,
  ]);

const USER = { subject: 'user:u1', generation: 1 };

describe('D20 what is revoked is refused', () => {
  it('at the instance that did it, and at every other by the very next question', async () => {
    expect(await second.revocations.check([USER])).toEqual([]);
    await first.revoke({ subject: 'user:u1', generation: 2 });
    expect(await first.revocations.check([USER])).toEqual(['user:u1']);
    expect(await second.revocations.check([USER])).toEqual(['user:u1']);
  });

  it('only for generations below the recorded one', async () => {
    await first.revoke({ subject: 'user:u1', generation: 2 });
    for (const instance of [first, second]) {
      expect(await instance.revocations.check([{ subject: 'user:u1', generation: 2 }])).toEqual([]);
      expect(await instance.revocations.check([{ subject: 'user:u2', generation: 0 }])).toEqual([]);
    }
  });

  it('names every stale subject that the mirror knows among those asked, and no other', async () => {
    await first.revoke({ subject: 'session:s', generation: 1 }, { subject: 'provider:p', generation: 4 });
    const claims = [
      { subject: 'token:t', generation: 0 },
      { subject: 'provider:p', generation: 3 },
      { subject: 'session:s', generation: 0 },
    ];
    expect(new Set(await second.revocations.check(claims))).toEqual(new Set(['provider:p', 'session:s']));
  });

  it('with a generation that never falls, however late a lower one is written', async () => {
    await first.revoke({ subject: 'user:u1', generation: 5 });
    await second.revoke({ subject: 'user:u1', generation: 3 });
    const third = await another(redis.url);
    const fourth = await another(undefined);
    for (const instance of [first, second, third, fourth]) {
      expect(await instance.revocations.check([{ subject: 'user:u1', generation: 4 }])).toEqual(['user:u1']);
    }
  });

  it('and by nobody when the transaction that named it is undone', async () => {
    const undone = first.revocations.transaction(async (_manager, revoke) => {
      revoke({ subject: 'user:u1', generation: 2 });
      throw new Error('changed my mind');
    });
    await expect(undone).rejects.toThrow('changed my mind');
    await first.revocations.follow();
    expect(await first.revocations.check([USER])).toEqual([]);
    expect(await second.revocations.check([USER])).toEqual([]);
    expect(first.mirror.written).toEqual([]);
  });

  it('in one transaction with what it belongs to', async () => {
    const count = await first.revocations.transaction(async (manager, revoke) => {
      revoke({ subject: 'organization:o', generation: 2 });
      const [row]: [{ n: number }] = await manager.query('SELECT count(*)::int AS n FROM revocations');
      return row.n;
    });
    expect(count).toBe(0);
    expect(await second.log.generationsOf(['organization:o', 'organization:none'])).toEqual([2, undefined]);
  });
});

describe('D20 nothing that happens to Redis makes a revoked token good again', () => {
  beforeEach(() => first.revoke({ subject: 'user:u1', generation: 2 }));

  it('a flush', async () => {
    const third = await another(redis.url);
    await withRedis((client) => client.flushall());
    // It was not there when the token was revoked: neither memory nor mirror knows, so Postgres must be asked.
    const fourth = await startInstance(database.url, redis.url);
    more.push(fourth);
    await withRedis((client) => client.flushall());
    for (const instance of [first, second, third, fourth])
      expect(await instance.revocations.check([USER])).toEqual(['user:u1']);
  });

  it('a flush that is seen before the log was followed', async () => {
    await withClient((client) => append(client, 'user:u9', 7));
    await withRedis((client) => client.flushall());
    expect(await second.revocations.check([{ subject: 'user:u9', generation: 1 }])).toEqual(['user:u9']);
  });

  it('a restart that loses everything', async () => {
    await withClient((client) => append(client, 'user:u9', 7));
    await redis.restart();
    for (const instance of [first, second]) {
      expect(await instance.revocations.check([USER])).toEqual(['user:u1']);
      expect(await instance.revocations.check([{ subject: 'user:u9', generation: 1 }])).toEqual(['user:u9']);
    }
  });

  it('its absence', async () => {
    await withClient((client) => append(client, 'user:u9', 7));
    await redis.kill();
    expect(await second.revocations.check([{ subject: 'user:u9', generation: 1 }])).toEqual(['user:u9']);
    expect(await second.revocations.check([{ subject: 'user:u9', generation: 7 }])).toEqual([]);
    await first.revoke({ subject: 'user:u2', generation: 3 });
    expect(await second.revocations.check([{ subject: 'user:u2', generation: 2 }])).toEqual(['user:u2']);
  });

  it('a marker that somebody forged', async () => {
    await withClient((client) => append(client, 'user:u9', 7));
    await withRedis(async (client) => {
      await client.flushall();
      await client.set('{gth:rev}:marker', 'whole');
    });
    expect(await second.revocations.check([{ subject: 'user:u9', generation: 1 }])).toEqual(['user:u9']);
  });

  it('and a process without Redis asks Postgres', async () => {
    const alone = await another(undefined);
    await withClient((client) => append(client, 'user:u9', 7));
    expect(await alone.revocations.check([{ subject: 'user:u9', generation: 1 }])).toEqual(['user:u9']);
  });

  it('and the mirror is whole again after one turn of following', async () => {
    await withRedis((client) => client.flushall());
    await second.revocations.check([USER]);
    await second.mirror.read(['user:u1']);
    await second.revocations.follow();
    await second.revocations.follow();
    expect(await second.mirror.read(['user:u1', 'user:none'])).toEqual({ trusted: true, generations: [2, undefined] });
  });
});

describe('D20 a commit whose Redis write failed', () => {
  it('is refused at once where it was made, and elsewhere within one turn of following', async () => {
    first.mirror.failsToWrite = true;
    await first.revoke({ subject: 'user:u1', generation: 2 });
    expect(await first.revocations.check([USER])).toEqual(['user:u1']);
    // The mirror is trusted and does not know: this is the gap that following closes.
    expect(await second.revocations.check([USER])).toEqual([]);
    await second.revocations.follow();
    expect(await second.revocations.check([USER])).toEqual(['user:u1']);
  });

  it('reaches the mirror by whoever follows the log, so that its author may die', async () => {
    first.mirror.failsToWrite = true;
    await first.revoke({ subject: 'user:u1', generation: 2 });
    await second.revocations.follow();
    expect(await second.mirror.read(['user:u1'])).toEqual({ trusted: true, generations: [2] });
  });

  it('is written again at the next turn by its author', async () => {
    first.mirror.failsToWrite = true;
    await first.revoke({ subject: 'user:u1', generation: 2 });
    await first.revocations.follow();
    first.mirror.failsToWrite = false;
    await first.revocations.follow();
    expect(await second.revocations.check([USER])).toEqual(['user:u1']);
    expect(first.mirror.written).toHaveLength(1);
    await first.revocations.follow();
    expect(first.mirror.written).toHaveLength(1);
  });
});

describe('D20 following the log', () => {
  it('does not lose a transaction that commits after a later one', async () => {
    await withClient(async (slow) => {
      await slow.query('BEGIN');
      await append(slow, 'user:slow');
      await withClient((quick) => append(quick, 'user:quick'));
      await second.revocations.follow();
      const claims = [
        { subject: 'user:quick', generation: 0 },
        { subject: 'user:slow', generation: 0 },
      ];
      expect(await second.revocations.check(claims)).toEqual(['user:quick']);
      await slow.query('COMMIT');
      await second.revocations.follow();
      expect(new Set(await second.revocations.check(claims))).toEqual(new Set(['user:quick', 'user:slow']));
    });
  });

  it('does not lose one that began to write only after later transactions had been followed', async () => {
    await withClient(async (slow) => {
      await slow.query('BEGIN');
      // It holds its transaction number from here on.
      await slow.query('SELECT pg_current_xact_id()');
      for (const n of [1, 2, 3]) {
        await withClient((quick) => append(quick, `user:quick-${n}`));
        await second.revocations.follow();
      }
      await append(slow, 'user:slow');
      await second.revocations.follow();
      await slow.query('COMMIT');
      await second.revocations.follow();
      expect(await second.revocations.check([{ subject: 'user:slow', generation: 0 }])).toEqual(['user:slow']);
    });
  });

  it('reads each entry once when nothing is open any more', async () => {
    await withClient((client) => append(client, 'user:a'));
    const { cursor, entries } = await first.log.since(undefined);
    expect(entries.map((entry) => entry.subject)).toEqual(['user:a']);
    expect((await first.log.since(cursor)).entries).toEqual([]);
    await withClient((client) => append(client, 'user:b'));
    expect((await first.log.since(cursor)).entries.map((entry) => entry.subject)).toEqual(['user:b']);
  });

  it('never runs two turns at once', async () => {
    const turn = first.revocations.follow();
    expect(first.revocations.follow()).toBe(turn);
    await turn;
    const next = first.revocations.follow();
    expect(next).not.toBe(turn);
    await next;
  });

  it('begins anew from where it was after a turn that failed', async () => {
    await withClient((client) => client.query('ALTER TABLE revocations RENAME TO hidden'));
    await expect(second.revocations.follow()).resolves.toBeUndefined();
    await withClient(async (client) => {
      await client.query('ALTER TABLE hidden RENAME TO revocations');
      await append(client, 'user:meanwhile');
    });
    await second.revocations.follow();
    expect(await second.revocations.check([{ subject: 'user:meanwhile', generation: 0 }])).toEqual(['user:meanwhile']);
  });

  it('starts at a new instance with everything unexpired', async () => {
    await first.revoke({ subject: 'user:u1', generation: 2 });
    const third = await another(undefined);
    await withClient((client) => client.query('ALTER TABLE revocations RENAME TO hidden'));
    // Postgres cannot say it any more, and there is no mirror: it is in memory.
    expect(await third.revocations.check([USER])).toEqual(['user:u1']);
    await withClient((client) => client.query('ALTER TABLE hidden RENAME TO revocations'));
  });
});

describe('D20 when neither store can answer', () => {
  it('throws, so that nobody guesses', async () => {
    const alone = await another(undefined);
    await alone.database.dataSource.destroy();
    await expect(alone.revocations.check([USER])).rejects.toBeInstanceOf(DatabaseUnavailable);
    await alone.database.dataSource.initialize();
  });
});

describe('D20 D40 entries live as long as the tokens that they concern', () => {
  it('by the clock of the database, with tolerance and a margin', async () => {
    await first.revoke({ subject: 'user:u1', generation: 2 });
    const [row] = await first.database.query<{ lifetime: string }>(
      `SELECT extract(epoch FROM expires_at - created_at)::int AS lifetime FROM revocations`,
    );
    // Access tokens live 15 minutes, with 60 seconds of tolerance.
    expect(Number(row?.lifetime)).toBeGreaterThanOrEqual(15 * 60 + 60);
  });

  it('and are purged afterwards, not before', async () => {
    await first.revoke({ subject: 'user:u1', generation: 2 }, { subject: 'user:u2', generation: 2 });
    await first.database.query(
      `UPDATE revocations SET expires_at = now() - interval '1 second' WHERE subject = 'user:u2'`,
    );
    await first.revocations.purge();
    const rows = await first.database.query('SELECT subject FROM revocations');
    expect(rows).toEqual([{ subject: 'user:u1' }]);
    expect(await first.revocations.check([USER])).toEqual(['user:u1']);
  });

  it('leave the memory when this process finds them expired', async () => {
    const alone = await another(undefined);
    await alone.revoke({ subject: 'user:u1', generation: 2 });
    await withClient((client) => client.query('DELETE FROM revocations'));
    await alone.revocations.purge();
    expect(await alone.revocations.check([USER])).toEqual(['user:u1']);
    alone.later(24 * 3_600_000);
    await alone.revocations.purge();
    expect(await alone.revocations.check([USER])).toEqual([]);
  });

  it('a purge that fails is tried again later and breaks nothing', async () => {
    await withClient((client) => client.query('ALTER TABLE revocations RENAME TO hidden'));
    await expect(first.revocations.purge()).resolves.toBeUndefined();
    await withClient((client) => client.query('ALTER TABLE hidden RENAME TO revocations'));
  });
});

describe('D20 an outage of Redis that outlasts the tokens', () => {
  it('leaves nothing to be written of what has expired meanwhile', async () => {
    first.mirror.failsToWrite = true;
    await first.revoke({ subject: 'session:long-gone', generation: 1 });
    await first.database.query(`DELETE FROM revocations`);
    first.later(60 * 60_000);
    await first.revocations.purge();
    first.mirror.failsToWrite = false;
    await first.revoke({ subject: 'session:fresh', generation: 1 });
    expect(first.mirror.written.map(({ subject }) => subject)).toEqual(['session:fresh']);
  });
});
