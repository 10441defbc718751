import { DEFAULT_ORGANIZATION } from '@app/database';
import { LogoutReceiver } from '../../../test/harness/logout-receiver.js';
import { Deployment, USER_ID } from './logout-notices.spec-support.js';

let deployment: Deployment;
let receiver: LogoutReceiver;

beforeAll(async () => {
  deployment = await Deployment.open();
});
afterAll(() => deployment.close());
beforeEach(async () => {
  receiver = await LogoutReceiver.start();
});
afterEach(async () => {
  await deployment.reset();
  await receiver.stop();
});

/** A logout that an application at this receiver is to be told of. */
async function logout(path = '/wiki'): Promise<string> {
  const applicationId = await deployment.application(`${receiver.url}${path}`);
  await deployment.logout(applicationId);
  return applicationId;
}

describe('OpenID Connect Back-Channel Logout §2.5', () => {
  it('POSTs one form field, logout_token, to the registered address, its query kept', async () => {
    const { delivery } = await deployment.start();
    await logout('/wiki?tenant=1');
    await delivery.tick();
    const [one] = receiver.received;
    expect(one).toMatchObject({ method: 'POST', path: '/wiki?tenant=1' });
    expect(one?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect([...(one?.form.keys() ?? [])]).toEqual(['logout_token']);
  });

  it('tells each application of each of its logouts, once', async () => {
    const { delivery } = await deployment.start();
    const wiki = await logout('/wiki');
    await logout('/chat');
    for (let index = 0; index < 9; index += 1) await deployment.logout(wiki);
    await delivery.tick();
    await delivery.tick();
    expect([receiver.at('/wiki').length, receiver.at('/chat').length]).toEqual([10, 1]);
    expect(delivery.counts()).toEqual({ delivered: 11, retried: 0, failed: 0 });
  });

  it('gives one slow application four attempts at a time, and lets it hold up nobody else', async () => {
    const { delivery } = await deployment.start();
    const slow = await deployment.application(`${receiver.url}/slow`);
    for (let index = 0; index < 40; index += 1) await deployment.logout(slow);
    await logout('/quick');
    const held: (() => void)[] = [];
    receiver.answer = ({ path }, response) => {
      if (path === '/quick') response.writeHead(200).end();
      else held.push(() => response.writeHead(200).end());
    };
    const ticking = delivery.tick();
    await receiver.until('/slow', 4);
    await receiver.until('/quick', 1);
    expect(receiver.at('/slow')).toHaveLength(4);
    receiver.answers(200);
    for (const release of held) release();
    await ticking;
    expect(receiver.at('/slow')).toHaveLength(40);
  });
});

describe('OpenID Connect Back-Channel Logout §2.8', () => {
  it.each([200, 202, 204])('takes %d for done', async (status) => {
    const { delivery } = await deployment.start();
    receiver.answers(status);
    await logout();
    await delivery.tick();
    await deployment.later(7200);
    await delivery.tick();
    expect(receiver.received).toHaveLength(1);
    expect(await deployment.notices()).toMatchObject([{ delivered: true, failed: false, last_error: null }]);
  });

  it.each([400, 401, 403, 404, 410, 412])(
    'takes %d for final: the logout failed there, and the audit says so',
    async (status) => {
      const instance = await deployment.start();
      receiver.answers(status);
      const applicationId = await logout();
      await instance.delivery.tick();
      await deployment.later(7200);
      await instance.delivery.tick();
      expect(receiver.received).toHaveLength(1);
      expect(await deployment.notices()).toMatchObject([
        { delivered: false, failed: true, last_error: `http_${status}` },
      ]);
      expect(instance.delivery.counts()).toEqual({ delivered: 0, retried: 0, failed: 1 });
      expect(await deployment.audited(applicationId)).toEqual([
        {
          organization_id: DEFAULT_ORGANIZATION.id,
          subject: USER_ID,
          details: {
            application: applicationId,
            session: expect.any(String) as string,
            attempts: 1,
            reason: `http_${status}`,
          },
        },
      ]);
    },
  );

  it.each([408, 429, 500, 502, 503, 504])('asks again after %d, later and later', async (status) => {
    const { delivery } = await deployment.start();
    receiver.answers(status);
    await logout();
    await delivery.tick();
    await delivery.tick();
    const [first] = await deployment.notices();
    expect(first).toMatchObject({ attempts: 1, delivered: false, failed: false, leased: false });
    expect(first?.wait).toBeGreaterThan(0);
    expect(first?.wait).toBeLessThanOrEqual(5);
    await deployment.later(5);
    receiver.answers(200);
    await delivery.tick();
    expect(receiver.received).toHaveLength(2);
    expect(await deployment.notices()).toMatchObject([{ attempts: 2, delivered: true }]);
  });

  it('RFC 9110 §10.2.3: not before the application says', async () => {
    const { delivery } = await deployment.start();
    receiver.answers(503, { 'retry-after': '600' });
    await logout();
    await delivery.tick();
    await deployment.later(590);
    await delivery.tick();
    expect(receiver.received).toHaveLength(1);
    await deployment.later(11);
    await delivery.tick();
    expect(receiver.received).toHaveLength(2);
  });

  it.each([301, 302, 307, 308])('never follows %d to another address', async (status) => {
    const { delivery } = await deployment.start();
    receiver.answers(status, { location: `${receiver.url}/elsewhere` });
    await logout();
    await delivery.tick();
    await deployment.later(7200);
    await delivery.tick();
    expect(receiver.received.map(({ path }) => path)).toEqual(['/wiki']);
    expect(await deployment.notices()).toMatchObject([{ failed: true, last_error: 'redirect_refused' }]);
  });

  it('asks again where nobody answers, and where nobody is', async () => {
    const { delivery } = await deployment.start({ timeoutMs: 200 });
    receiver.answer = () => undefined;
    await logout();
    await deployment.logout(await deployment.application('http://127.0.0.1:1/'));
    await delivery.tick();
    expect(await deployment.notices()).toMatchObject([
      { failed: false, last_error: 'timeout' },
      { failed: false, last_error: 'network' },
    ]);
  });

  it('gives up a day after the logout', async () => {
    const instance = await deployment.start();
    receiver.answers(500);
    const applicationId = await logout();
    for (let hour = 0; hour < 23; hour += 1) {
      await instance.delivery.tick();
      await deployment.later(3600);
    }
    expect(await deployment.notices()).toMatchObject([{ failed: false, attempts: 23 }]);
    receiver.answers(503, { 'retry-after': '7200' });
    await instance.delivery.tick();
    expect(await deployment.notices()).toMatchObject([{ failed: true, attempts: 24, last_error: 'http_503' }]);
    expect(await deployment.audited(applicationId)).toMatchObject([{ details: { attempts: 24, reason: 'http_503' } }]);
  });

  it('R31: keeps nothing of what the application said', async () => {
    const { delivery } = await deployment.start();
    receiver.answers(500);
    await logout();
    await delivery.tick();
    const { rows } = await deployment.client.query('SELECT * FROM logout_notices');
    expect(JSON.stringify(rows)).not.toContain('a word of theirs');
  });
});

describe('D37 several instances', () => {
  it('tell an application once between them', async () => {
    const instances = await Promise.all([deployment.start(), deployment.start(), deployment.start()]);
    for (const path of ['/a', '/b', '/c', '/d']) {
      const applicationId = await logout(path);
      for (let index = 0; index < 12; index += 1) await deployment.logout(applicationId);
    }
    await Promise.all(instances.map(({ delivery }) => delivery.tick()));
    expect(receiver.received).toHaveLength(4 * 13);
    const told = instances.map(({ delivery }) => delivery.counts().delivered);
    expect(told.reduce((sum, count) => sum + count)).toBe(4 * 13);
  });

  it('leave a notice alone while another is telling it, and take it over when that one is gone', async () => {
    const [dying, living] = await Promise.all([deployment.start({ timeoutMs: 60_000 }), deployment.start()]);
    await logout();
    const held: (() => void)[] = [];
    receiver.answer = (_received, response) => void held.push(() => response.writeHead(503).end());
    const ticking = dying.delivery.tick();
    await receiver.until('/wiki', 1);
    await living.delivery.tick();
    expect(receiver.received).toHaveLength(1);
    await deployment.later(60);
    receiver.answers(200);
    await living.delivery.tick();
    expect(await deployment.notices()).toMatchObject([{ attempts: 2, delivered: true }]);
    for (const release of held) release();
    await ticking;
    // What the first reports now is of a lease that it lost.
    expect(await deployment.notices()).toMatchObject([{ attempts: 2, delivered: true, last_error: null }]);
    expect(dying.delivery.counts()).toEqual({ delivered: 0, retried: 0, failed: 0 });
  });

  it('leave no lease behind when they end', async () => {
    const ending = await deployment.start({ timeoutMs: 60_000 });
    await logout();
    receiver.answer = () => undefined;
    const ticking = ending.delivery.tick();
    await receiver.until('/wiki', 1);
    await ending.stop();
    await ticking;
    expect(await deployment.notices()).toMatchObject([{ delivered: false, failed: false, leased: false }]);
  });
});

describe('D37 applications that do not want to know', () => {
  it.each([
    ['is disabled', `UPDATE applications SET disabled_at = now() WHERE id = $1`],
    ['is deleted', `DELETE FROM applications WHERE id = $1`],
    ['has no address any more', `UPDATE applications SET backchannel_logout_uri = NULL WHERE id = $1`],
  ])('drops what waits for one that %s', async (_what, change) => {
    const { delivery } = await deployment.start();
    await deployment.client.query(change, [await logout()]);
    const other = await logout('/other');
    await delivery.tick();
    await delivery.tidy();
    expect(receiver.received.map(({ path }) => path)).toEqual(['/other']);
    expect((await deployment.notices()).map(({ application_id: id }) => id)).toEqual([other]);
  });

  it('goes to the address of now, not of then', async () => {
    const { delivery } = await deployment.start();
    const applicationId = await logout('/old');
    await deployment.client.query(`UPDATE applications SET backchannel_logout_uri = $2 WHERE id = $1`, [
      applicationId,
      `${receiver.url}/new`,
    ]);
    await delivery.tick();
    expect(receiver.received.map(({ path }) => path)).toEqual(['/new']);
  });
});

describe('what operators see of logout notices', () => {
  it('counts what waits and since when', async () => {
    const { delivery } = await deployment.start();
    expect(await delivery.backlog()).toEqual({ pending: 0, oldestSeconds: 0 });
    receiver.answers(500);
    await logout();
    await delivery.tick();
    await deployment.later(90);
    await logout('/other');
    const { pending, oldestSeconds } = await delivery.backlog();
    expect(pending).toBe(2);
    expect(oldestSeconds).toBeGreaterThanOrEqual(90);
  });

  it('keeps what arrived for a week and what failed for a month', async () => {
    const { delivery } = await deployment.start();
    await logout('/good');
    await delivery.tick();
    receiver.answers(400);
    await logout('/bad');
    await delivery.tick();
    const kept = async () => {
      await delivery.tidy();
      return (await deployment.notices()).map(({ failed }) => failed);
    };
    await deployment.later(6 * 86_400);
    expect(await kept()).toEqual([false, true]);
    await deployment.later(2 * 86_400);
    expect(await kept()).toEqual([true]);
    await deployment.later(23 * 86_400);
    expect(await kept()).toEqual([]);
  });
});
