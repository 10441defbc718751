import { createHmac } from 'node:crypto';
import { DEFAULT_ORGANIZATION } from '@app/database';
import { verifyWebhook } from './signature.js';
import { anEndpoint, anEvent, aSecret, Deployment, Receiver, written } from './webhooks.spec-support.js';

let deployment: Deployment;
let receiver: Receiver;

beforeEach(async () => {
  [deployment, receiver] = await Promise.all([Deployment.open(), Receiver.start()]);
});
afterEach(async () => {
  await receiver.stop();
  await deployment.close();
});

describe('vault events on the wire', () => {
  it('say what happened, when and to which connection', async () => {
    const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
    await record(anEvent());
    await delivery.tick();
    const [got] = receiver.received;
    expect(got?.path).toBe('/hooks');
    expect(got?.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'gatehouse' });
    expect(JSON.parse(got?.body ?? '')).toEqual({
      id: got?.headers['webhook-id'],
      type: 'connection.needs_reauth',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      data: {
        connection_id: 'con_1',
        organization_id: DEFAULT_ORGANIZATION.id,
        provider_id: 'acme',
        reason: 'revoked',
        error: 'invalid_grant',
      },
    });
    expect(await deployment.rows()).toMatchObject([
      { delivered: true, attempts: 1, last_status: 204, last_error: null },
    ]);
  });

  it('are signed as Standard Webhooks wants it, by every secret', async () => {
    const secrets = [aSecret(), aSecret()];
    const { record, delivery } = await deployment.start([anEndpoint(receiver.url, { secrets })]);
    await record(anEvent());
    await delivery.tick();
    const [{ headers, body }] = receiver.received as [(typeof receiver.received)[0]];
    const signed = `${headers['webhook-id'] as string}.${headers['webhook-timestamp'] as string}.${body}`;
    const wanted = secrets.map(
      (secret) => `v1,${createHmac('sha256', secret.reveal()).update(signed, 'utf8').digest('base64')}`,
    );
    expect(headers['webhook-signature']).toBe(wanted.join(' '));
    for (const secret of secrets) {
      expect(verifyWebhook(headers, body, [written(secret)], new Date()).type).toBe('connection.needs_reauth');
    }
  });

  it('D59: carry the time of the database', async () => {
    const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
    await deployment.later(86_400);
    await record(anEvent());
    await delivery.tick();
    const [got] = receiver.received;
    const tomorrow = Date.now() / 1000 + 86_400;
    expect(Math.abs(Number(got?.headers['webhook-timestamp']) - tomorrow)).toBeLessThan(60);
    const { timestamp } = JSON.parse(got?.body ?? '') as { timestamp: string };
    expect(Math.abs(Date.parse(timestamp) / 1000 - tomorrow)).toBeLessThan(60);
  });

  it('R31: carry nothing but what the event says, and no secret of ours', async () => {
    const endpoint = anEndpoint(receiver.url);
    const { record, delivery } = await deployment.start([endpoint]);
    receiver.answers(500);
    await record(anEvent());
    await delivery.tick();
    const secret = endpoint.secrets[0]?.reveal().toString('base64') ?? '';
    const { rows } = await deployment.client.query('SELECT * FROM outbox_events');
    const told = JSON.stringify([receiver.received, rows]);
    expect(told).not.toContain(secret);
    expect(JSON.stringify(rows)).not.toContain('a word of theirs');
  });
});

describe('vault events are retried', () => {
  it.each([408, 429, 500, 502, 503, 504])('after %d, under the same id, until they arrive', async (status) => {
    const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
    receiver.answers(status);
    await record(anEvent());
    await delivery.tick();
    await delivery.tick();
    const [row] = await deployment.rows();
    expect(row).toMatchObject({ attempts: 1, delivered: false, failed: false, leased: false, last_status: status });
    expect(row?.wait).toBeGreaterThan(0);
    expect(row?.wait).toBeLessThanOrEqual(5);
    receiver.answers(200);
    await deployment.later(6);
    await delivery.tick();
    expect(await deployment.rows()).toMatchObject([{ attempts: 2, delivered: true }]);
    expect(receiver.ids).toEqual([row?.event_id, row?.event_id]);
    expect(receiver.received[0]?.body).toBe(receiver.received[1]?.body);
  });

  it.each([300, 301, 307, 400, 401, 403, 404, 409, 410, 422])('not after %d: that is final', async (status) => {
    const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
    receiver.answers(status, { location: `${receiver.url}/elsewhere` });
    await record(anEvent());
    await delivery.tick();
    await deployment.later(7 * 3600);
    await delivery.tick();
    expect(receiver.received.map(({ path }) => path)).toEqual(['/hooks']);
    expect(await deployment.rows()).toMatchObject([{ attempts: 1, failed: true, delivered: false }]);
    expect(delivery.counts().get('app')).toEqual({ delivered: 0, retried: 0, failed: 1 });
  });

  it('when nobody answers, and when nobody is there', async () => {
    const silent = anEndpoint(receiver.url, { id: 'silent' });
    receiver.answer = () => undefined;
    const closed = anEndpoint('http://127.0.0.1:1', { id: 'closed' });
    const { record, delivery } = await deployment.start([silent, closed], { delivery: { timeoutMs: 200 } });
    await record(anEvent());
    await delivery.tick();
    const rows = await deployment.rows();
    expect(rows.map(({ endpoint_id, last_error, failed }) => [endpoint_id, last_error, failed]).toSorted()).toEqual([
      ['closed', 'network', false],
      ['silent', 'timeout', false],
    ]);
  });

  it('not before the time that Retry-After names', async () => {
    const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
    receiver.answers(429, { 'retry-after': '120' });
    await record(anEvent());
    await delivery.tick();
    await deployment.later(119 - 5);
    await delivery.tick();
    expect(receiver.received).toHaveLength(1);
    receiver.answers(204);
    await deployment.later(7);
    await delivery.tick();
    expect(await deployment.rows()).toMatchObject([{ attempts: 2, delivered: true }]);
  });

  it('until three days have passed', async () => {
    const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
    receiver.answers(503);
    await record(anEvent());
    await deployment.later(3 * 86_400 - 60);
    await delivery.tick();
    expect(await deployment.rows()).toMatchObject([{ attempts: 1, failed: false }]);
    await deployment.later(120);
    await delivery.tick();
    expect(await deployment.rows()).toMatchObject([{ attempts: 2, failed: true, last_error: 'http_503' }]);
  });

  it('and do not hold up what happened to another connection, nor what happened later', async () => {
    const { record, delivery } = await deployment.start([anEndpoint(receiver.url)]);
    receiver.answer = ({ body }, response) => void response.writeHead(body.includes('con_1') ? 503 : 204).end();
    await record(anEvent(), anEvent({ connectionId: 'con_2' }));
    await delivery.tick();
    receiver.answers(204);
    await record(anEvent({ kind: 'connection.recovered' }));
    await delivery.tick();
    expect((await deployment.rows()).map(({ delivered }) => delivered)).toEqual([false, true, true]);
  });
});

describe('vault events of one connection', () => {
  it('arrive in the order in which they happened, whoever has room', async () => {
    const endpoint = anEndpoint(receiver.url);
    const [first, second] = [await deployment.start([endpoint]), await deployment.start([endpoint])];
    const kinds = ['connection.refresh_failed', 'connection.needs_reauth', 'connection.recovered'] as const;
    for (const kind of kinds) await first.record(anEvent({ kind }));
    const held: (() => void)[] = [];
    receiver.answer = (_received, response) => void held.push(() => response.writeHead(204).end());
    const ticked = first.delivery.tick();
    await receiver.until(1);
    // The first is still under way.
    await second.delivery.tick();
    expect(receiver.received).toHaveLength(1);
    receiver.answers(204);
    for (const answer of held) answer();
    await ticked;
    await second.delivery.tick();
    expect(receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual(kinds);
  });
});

describe('several instances', () => {
  it('deliver each event once', async () => {
    const endpoint = anEndpoint(receiver.url);
    const instances = await Promise.all([1, 2, 3].map(() => deployment.start([endpoint])));
    const events = Array.from({ length: 60 }, (_, index) => anEvent({ connectionId: `con_${index % 25}` }));
    await instances[0]?.record(...events);
    await Promise.all(instances.map(({ delivery }) => delivery.tick()));
    expect(receiver.ids).toHaveLength(60);
    expect(new Set(receiver.ids).size).toBe(60);
    expect((await deployment.rows()).every(({ delivered, attempts }) => delivered && attempts === 1)).toBe(true);
  });

  it('send again, under the same id, what one sent and could not settle', async () => {
    const endpoint = anEndpoint(receiver.url);
    const [first, second] = [await deployment.start([endpoint]), await deployment.start([endpoint])];
    await first.record(anEvent());
    jest.spyOn(first.repository, 'settle').mockRejectedValue(new Error('the process died here'));
    await first.delivery.tick();
    expect(await deployment.rows()).toMatchObject([{ delivered: false, leased: true }]);
    await second.delivery.tick();
    expect(receiver.received).toHaveLength(1);
    await deployment.later(120);
    await second.delivery.tick();
    expect(receiver.received).toHaveLength(2);
    expect(new Set(receiver.ids).size).toBe(1);
    expect(await deployment.rows()).toMatchObject([{ delivered: true, attempts: 2 }]);
  });

  it('do not let one that slept past its lease settle for the other', async () => {
    const endpoint = anEndpoint(receiver.url);
    const [sleeper, other] = [await deployment.start([endpoint]), await deployment.start([endpoint])];
    await sleeper.record(anEvent());
    const rooms = [{ endpointId: 'app', organizationId: DEFAULT_ORGANIZATION.id, room: 1 }];
    const [claimed] = await sleeper.repository.claim(rooms, 1, 60_000);
    await deployment.later(61);
    receiver.answers(503);
    await other.delivery.tick();
    if (claimed === undefined) throw new Error('nothing was claimed');
    expect(await sleeper.repository.settle(claimed, { verdict: 'delivered' }, 0, 1e9)).toBe('lost');
    expect(await deployment.rows()).toMatchObject([{ delivered: false, attempts: 2 }]);
  });

  it('that end let an attempt under way finish', async () => {
    const { record, delivery, stop } = await deployment.start([anEndpoint(receiver.url)]);
    await record(anEvent(), anEvent({ connectionId: 'con_2' }));
    const held: (() => void)[] = [];
    receiver.answer = (_received, response) => void held.push(() => response.writeHead(204).end());
    void delivery.tick();
    await receiver.until(2);
    const stopped = stop();
    for (const answer of held) answer();
    await stopped;
    expect(await deployment.rows()).toMatchObject([{ delivered: true }, { delivered: true }]);
  });

  it('that end break off what takes too long and leave no lease behind', async () => {
    const { record, delivery, stop } = await deployment.start([anEndpoint(receiver.url)]);
    await record(anEvent());
    receiver.answer = () => undefined;
    void delivery.tick();
    await receiver.until(1);
    await stop();
    expect(await deployment.rows()).toMatchObject([{ delivered: false, failed: false, leased: false }]);
  });
});

describe('room for attempts', () => {
  it('is bounded for one endpoint and for all, and a slow endpoint keeps none of the others', async () => {
    const endpoints = ['slow', 'one', 'two'].map((id) =>
      anEndpoint(receiver.url, { id, url: `${receiver.url}/${id}` }),
    );
    const { record, delivery } = await deployment.start(endpoints, {
      delivery: { concurrency: 5, concurrencyPerEndpoint: 2 },
    });
    const held: (() => void)[] = [];
    let open = 0;
    let most = 0;
    receiver.answer = ({ path }, response) => {
      open += 1;
      most = Math.max(most, open);
      const answer = () => {
        open -= 1;
        response.writeHead(204).end();
      };
      if (path === '/slow') held.push(answer);
      else setImmediate(answer);
    };
    await record(...Array.from({ length: 10 }, (_, index) => anEvent({ connectionId: `con_${index}` })));
    const ticked = delivery.tick();
    await receiver.until(22);
    expect(held).toHaveLength(2);
    expect(most).toBeLessThanOrEqual(5);
    receiver.answer = (_received, response) => void response.writeHead(204).end();
    for (const answer of held) answer();
    await ticked;
    expect((await deployment.rows()).filter(({ delivered }) => delivered)).toHaveLength(30);
  });
});

describe('R26', () => {
  it('sends nothing to a private address where outbound.allow_private is off', async () => {
    const port = new URL(receiver.url).port;
    const endpoints = [
      anEndpoint('', { id: 'name', url: `https://localhost:${port}/` }),
      anEndpoint('', { id: 'literal', url: `https://127.0.0.1:${port}/` }),
      anEndpoint('', { id: 'metadata', url: 'https://169.254.169.254/latest/meta-data' }),
      anEndpoint('', { id: 'plain', url: `${receiver.url}/` }),
    ];
    const { record, delivery } = await deployment.start(endpoints, { allowPrivate: false });
    await record(anEvent());
    await delivery.tick();
    const errors = (await deployment.rows()).map(({ endpoint_id, last_error }) => [endpoint_id, last_error]);
    expect(Object.fromEntries(errors)).toEqual({
      name: 'address_refused',
      literal: 'address_refused',
      metadata: 'address_refused',
      plain: 'scheme_refused',
    });
    expect(receiver.received).toEqual([]);
  });
});

describe('without endpoints', () => {
  it('nothing is asked of Postgres', async () => {
    const { delivery, database, repository } = await deployment.start([]);
    const asked = [jest.spyOn(database, 'query'), jest.spyOn(database, 'queryNamed'), jest.spyOn(repository, 'claim')];
    await delivery.tick();
    await delivery.tidy();
    expect(await delivery.backlog()).toEqual([]);
    for (const spy of asked) expect(spy).not.toHaveBeenCalled();
  });
});

describe('a lost Postgres', () => {
  it('ends no tick with an error, and delivery goes on afterwards', async () => {
    const { record, delivery, repository } = await deployment.start([anEndpoint(receiver.url)]);
    await record(anEvent());
    const claim = jest.spyOn(repository, 'claim').mockRejectedValueOnce(new Error('gone'));
    await delivery.tick();
    expect(receiver.received).toEqual([]);
    claim.mockRestore();
    await delivery.tick();
    expect(await deployment.rows()).toMatchObject([{ delivered: true }]);
  });
});
