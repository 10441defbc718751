import type { DeliveryCounts, EndpointBacklog, WebhookDelivery } from '@app/webhooks';
import { HttpMetrics } from './http-metrics.js';
import { WebhookMetrics } from './webhook-metrics.js';

describe('the metrics of webhooks', () => {
  it('say what waits now and what was sent, from one query a scrape, and survive a lost database', async () => {
    let waiting: EndpointBacklog[] | undefined = [{ endpointId: 'app', pending: 3, oldestSeconds: 61.5 }];
    let asked = 0;
    const counts = new Map<string, DeliveryCounts>([['app', { delivered: 5, retried: 2, failed: 1 }]]);
    const delivery = {
      backlog: async () => {
        asked += 1;
        if (waiting === undefined) throw new Error('gone');
        return waiting;
      },
      counts: () => counts,
    } as unknown as WebhookDelivery;
    const metrics = new HttpMetrics();
    new WebhookMetrics(metrics, delivery).onModuleInit();
    const scrape = async () =>
      (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('gatehouse_webhook'));
    const sent = [
      'gatehouse_webhook_attempts_total{endpoint="app",outcome="delivered"} 5',
      'gatehouse_webhook_attempts_total{endpoint="app",outcome="retried"} 2',
      'gatehouse_webhook_attempts_total{endpoint="app",outcome="failed"} 1',
    ];
    expect(await scrape()).toEqual([
      'gatehouse_webhook_pending{endpoint="app"} 3',
      'gatehouse_webhook_oldest_pending_seconds{endpoint="app"} 61.5',
      ...sent,
    ]);
    expect(asked).toBe(1);
    waiting = undefined;
    expect(await scrape()).toEqual(sent);
    waiting = [];
    expect(await scrape()).toEqual(sent);
  });
});
