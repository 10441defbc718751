import { DEFAULT_ORGANIZATION } from '@app/database';
import { CLAIM } from './outbox.repository.js';
import { WebhookOutbox } from './webhook-outbox.js';
import { anEndpoint, anEvent, Deployment, Receiver } from './webhooks.spec-support.js';

let deployment: Deployment;
let receiver: Receiver;

beforeEach(async () => {
  [deployment, receiver] = await Promise.all([Deployment.open(), Receiver.start()]);
});
afterEach(async () => {
  await receiver.stop();
  await deployment.close();
});

/** Settled or waiting rows as they pile up in the life of an installation. */
async function fill(count: number, columns: string, values: string): Promise<void> {
  await deployment.client.query(
    `INSERT INTO outbox_events
       (event_id, organization_id, endpoint_id, connection_id, kind, payload, created_at, next_attempt_at, ${columns})
     SELECT gen_random_uuid(), $1, 'app', 'con_' || n, 'connection.recovered', '{}', app_now() - interval '1 day',
            app_now() + interval '1 hour', ${values}
     FROM generate_series(1, $2) n`,
    [DEFAULT_ORGANIZATION.id, count],
  );
}

async function count(): Promise<number> {
  return Number((await deployment.client.query<{ n: string }>('SELECT count(*) AS n FROM outbox_events')).rows[0]?.n);
}

describe('vault events for whoever wants them', () => {
  it('are one row for each endpoint, with one id, and none where nobody listens', async () => {
    const endpoints = [
      anEndpoint(receiver.url),
      anEndpoint(receiver.url, { id: 'second' }),
      anEndpoint(receiver.url, { id: 'other-kind', events: ['connection.expiring'] }),
    ];
    const { outbox } = await deployment.start(endpoints);
    const rows = outbox.rowsFor(anEvent({ data: { reason: 'revoked', error: undefined, status: 400 } }));
    expect(rows.map(({ endpoint_id }) => endpoint_id)).toEqual(['app', 'second']);
    expect(new Set(rows.map(({ event_id }) => event_id)).size).toBe(1);
    expect(rows[0]?.payload).toEqual({
      reason: 'revoked',
      status: 400,
      connection_id: 'con_1',
      organization_id: DEFAULT_ORGANIZATION.id,
      provider_id: 'acme',
    });
    expect(outbox.rowsFor(anEvent({ organizationId: 'ffffffff-ffff-4fff-8fff-ffffffffffff' }))).toEqual([]);
    expect((await deployment.start([])).outbox.rowsFor(anEvent())).toEqual([]);
  });

  it('R31: tell words, not whatever somebody answered', async () => {
    const { outbox } = await deployment.start([anEndpoint(receiver.url)]);
    const [row] = outbox.rowsFor(anEvent({ data: { error: 'x'.repeat(10_000), connection_id: 'another' } }));
    expect(row?.payload['error']).toHaveLength(256);
    expect(row?.payload['connection_id']).toBe('con_1');
  });

  it('stand or fall with the transaction that tells of them', async () => {
    const { outbox, database, delivery } = await deployment.start([anEndpoint(receiver.url)]);
    const undone = database.transaction(async (manager) => {
      await outbox.record(manager, outbox.rowsFor(anEvent()));
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await delivery.tick();
    expect(receiver.received).toEqual([]);
    expect(await count()).toBe(0);
  });

  it('can be written by the statement of another room, on its condition', async () => {
    const { outbox, database } = await deployment.start([anEndpoint(receiver.url)]);
    const write = (condition: boolean, rows: readonly object[]) =>
      database.query(
        `WITH told AS (
           INSERT INTO outbox_events (${WebhookOutbox.columns})
           SELECT ${WebhookOutbox.values('e')}
           FROM jsonb_to_recordset($1::jsonb) AS e (${WebhookOutbox.recordset}) WHERE $2::boolean
         ) SELECT 1`,
        [JSON.stringify(rows), condition],
      );
    const rows = outbox.rowsFor(anEvent());
    await write(false, rows);
    await write(true, []);
    expect(await count()).toBe(0);
    await write(true, rows);
    expect(await deployment.rows()).toMatchObject([{ event_id: rows[0]?.event_id, attempts: 0, delivered: false }]);
  });
});

describe('R27', () => {
  it('an endpoint of one organization never gets an event of another', async () => {
    const endpoints = [
      anEndpoint(receiver.url, { url: `${receiver.url}/default` }),
      anEndpoint(receiver.url, { id: 'theirs', organization: 'acme', url: `${receiver.url}/acme` }),
    ];
    const { record, delivery } = await deployment.start(endpoints);
    const acme = await deployment.organizationId('acme');
    await record(anEvent({ organizationId: acme, connectionId: 'con_acme' }), anEvent({ connectionId: 'con_default' }));
    await delivery.tick();
    const got = receiver.received.map(({ path, body }) => [path, /con_[a-z]+/.exec(body)?.[0]]);
    expect(got.toSorted()).toEqual([
      ['/acme', 'con_acme'],
      ['/default', 'con_default'],
    ]);
  });

  it('an id that is given to another organization does not bring it what waits for the first', async () => {
    const { record } = await deployment.start([anEndpoint(receiver.url)]);
    await record(anEvent());
    const renamed = await deployment.start([anEndpoint(receiver.url, { organization: 'acme' })]);
    await renamed.delivery.tick();
    expect(receiver.received).toEqual([]);
    expect(await deployment.rows()).toMatchObject([{ attempts: 0 }]);
  });

  it('an organization that only a webhook names exists, and its making is in the audit', async () => {
    const endpoint = anEndpoint(receiver.url, { organization: 'acme' });
    await Promise.all([deployment.start([endpoint]), deployment.start([endpoint])]);
    const { rows } = await deployment.client.query<{ organization_id: string }>(
      `SELECT organization_id FROM audit_events WHERE kind = 'organization.created'`,
    );
    expect(rows).toEqual([{ organization_id: await deployment.organizationId('acme') }]);
  });
});

describe('what is kept', () => {
  it('goes seven days after delivery and thirty after giving up, in batches', async () => {
    const { delivery } = await deployment.start([anEndpoint(receiver.url)]);
    await fill(2500, 'delivered_at', 'app_now()');
    await fill(3, 'failed_at', 'app_now()');
    await fill(2, 'attempts', '0');
    await delivery.tidy();
    expect(await count()).toBe(2505);
    await deployment.later(7 * 86_400 + 1);
    await delivery.tidy();
    expect(await count()).toBe(5);
    await deployment.later(23 * 86_400);
    await delivery.tidy();
    expect(await count()).toBe(2);
  });

  it('is given up where no endpoint is left for it, but not before its time', async () => {
    const { record } = await deployment.start([anEndpoint(receiver.url)]);
    await record(anEvent());
    const without = await deployment.start([anEndpoint(receiver.url, { id: 'another' })]);
    await deployment.later(3 * 86_400 - 1);
    await without.delivery.tidy();
    expect(await deployment.rows()).toMatchObject([{ failed: false }]);
    await deployment.later(2);
    await without.delivery.tidy();
    expect(await deployment.rows()).toMatchObject([{ failed: true, last_error: 'endpoint_removed' }]);
  });

  it('is not given up while an endpoint waits that was never tried', async () => {
    const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
    await record(anEvent());
    await deployment.later(4 * 86_400);
    await delivery.tidy();
    await delivery.tick();
    expect(await deployment.rows()).toMatchObject([{ delivered: true }]);
  });
});

describe('a tick with nothing due', () => {
  it('reads a few pages of an index, whatever has piled up', async () => {
    await deployment.start([anEndpoint(receiver.url)]);
    // As the connections of the pool are.
    await deployment.client.query('SET enable_seqscan = off');
    const parameters = [['app'], [DEFAULT_ORGANIZATION.id], [4], 32, 'me', 60_000];
    const pagesOfIdleClaim = async (): Promise<number> => {
      await deployment.client.query('VACUUM ANALYZE outbox_events');
      const explain = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${CLAIM}`;
      const { rows } = await deployment.client.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
        explain,
        parameters,
      );
      const [row] = rows;
      const text = JSON.stringify(row);
      expect(text).toContain('outbox_events_pending');
      expect(text).not.toContain('Seq Scan');
      const plan = row?.['QUERY PLAN'][0].Plan ?? {};
      return (plan['Shared Hit Blocks'] ?? NaN) + (plan['Shared Read Blocks'] ?? NaN);
    };
    await fill(10, 'delivered_at', 'app_now()');
    await fill(10, 'attempts', '3');
    const few = await pagesOfIdleClaim();
    await fill(20_000, 'delivered_at', 'app_now()');
    await fill(5_000, 'attempts', '3');
    // The depth of the index may grow.
    expect((await pagesOfIdleClaim()) - few).toBeLessThanOrEqual(2);
    expect(few).toBeGreaterThan(0);
  });
});

describe('what waits', () => {
  it('is counted for each endpoint, with the age of the oldest', async () => {
    const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
    await record(anEvent());
    await deployment.later(100);
    await record(anEvent({ connectionId: 'con_2' }));
    const [backlog] = await delivery.backlog();
    expect(backlog).toMatchObject({ endpointId: 'app', pending: 2 });
    expect(Math.round(backlog?.oldestSeconds ?? 0)).toBeGreaterThanOrEqual(100);
    await delivery.tick();
    expect(await delivery.backlog()).toEqual([]);
    expect(delivery.counts().get('app')).toEqual({ delivered: 2, retried: 0, failed: 0 });
  });
});
