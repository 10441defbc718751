import type { LogoutBacklog, LogoutDelivery } from '@app/logout-notices';
import { HttpMetrics } from './http-metrics.js';
import { LogoutNoticeMetrics } from './logout-notice-metrics.js';

describe('the metrics of logout notices', () => {
  it('say what waits now and what was sent, from one query a scrape, and survive a lost database', async () => {
    let waiting: LogoutBacklog | undefined = { pending: 3, oldestSeconds: 61.5 };
    let asked = 0;
    const delivery = {
      backlog: async () => {
        asked += 1;
        if (waiting === undefined) throw new Error('gone');
        return waiting;
      },
      counts: () => ({ delivered: 5, retried: 2, failed: 1 }),
    } as unknown as LogoutDelivery;
    const metrics = new HttpMetrics();
    new LogoutNoticeMetrics(metrics, delivery).onModuleInit();
    const scrape = async () =>
      (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('gatehouse_logout_notice'));
    const sent = [
      'gatehouse_logout_notice_attempts_total{outcome="delivered"} 5',
      'gatehouse_logout_notice_attempts_total{outcome="retried"} 2',
      'gatehouse_logout_notice_attempts_total{outcome="failed"} 1',
    ];
    expect(await scrape()).toEqual([
      'gatehouse_logout_notice_pending 3',
      'gatehouse_logout_notice_oldest_pending_seconds 61.5',
      ...sent,
    ]);
    expect(asked).toBe(1);
    waiting = undefined;
    expect(await scrape()).toEqual(sent);
    waiting = { pending: 0, oldestSeconds: 0 };
    expect(await scrape()).toContain('gatehouse_logout_notice_pending 0');
  });
});
