import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { WebhookDelivery, type EndpointBacklog } from '@app/webhooks';
import { HttpMetrics } from './http-metrics.js';

const PREFIX = 'gatehouse_webhook';

/** What waits for each webhook, in the database, and what this process has sent; read anew at each scrape. */
@Injectable()
export class WebhookMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: HttpMetrics,
    private readonly delivery: WebhookDelivery,
  ) {}

  onModuleInit(): void {
    const { delivery } = this;
    // Both gauges of one scrape from one query, and a lost database takes only these numbers from it.
    let reading: Promise<readonly EndpointBacklog[]> | undefined;
    const backlog = (): Promise<readonly EndpointBacklog[]> => {
      reading ??= delivery
        .backlog()
        .catch(() => [])
        .finally(() => {
          reading = undefined;
        });
      return reading;
    };
    const gauge = (name: string, help: string, valueOf: (one: EndpointBacklog) => number) =>
      new Gauge({
        name: `${PREFIX}_${name}`,
        help,
        labelNames: ['endpoint'],
        registers: [],
        async collect() {
          const rows = await backlog();
          this.reset();
          for (const row of rows) this.set({ endpoint: row.endpointId }, valueOf(row));
        },
      });
    const deliveries = new Counter({
      name: `${PREFIX}_attempts_total`,
      help: 'Attempts to deliver an event that this process made: delivered, to be retried, or failed for good',
      labelNames: ['endpoint', 'outcome'],
      registers: [],
      collect() {
        this.reset();
        for (const [endpoint, counts] of delivery.counts()) {
          this.inc({ endpoint, outcome: 'delivered' }, counts.delivered);
          this.inc({ endpoint, outcome: 'retried' }, counts.retried);
          this.inc({ endpoint, outcome: 'failed' }, counts.failed);
        }
      },
    });
    const { registry } = this.metrics;
    registry.registerMetric(gauge('pending', 'Events that wait for a webhook', ({ pending }) => pending));
    registry.registerMetric(
      gauge('oldest_pending_seconds', 'Age of the oldest event that waits', ({ oldestSeconds }) => oldestSeconds),
    );
    registry.registerMetric(deliveries);
  }
}
