import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { LogoutDelivery, type LogoutBacklog } from '@app/logout-notices';
import { HttpMetrics } from './http-metrics.js';

const PREFIX = 'gatehouse_logout_notice';

/**
 * What applications are still to be told of, in the database, and what this process has told; read anew at each scrape.
 * Without a label for the application: an organization may register any number, and the log names them.
 */
@Injectable()
export class LogoutNoticeMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: HttpMetrics,
    private readonly delivery: LogoutDelivery,
  ) {}

  onModuleInit(): void {
    const { delivery } = this;
    // Both gauges of one scrape from one query, and a lost database takes only these numbers from it.
    let reading: Promise<LogoutBacklog | undefined> | undefined;
    const backlog = (): Promise<LogoutBacklog | undefined> => {
      reading ??= delivery
        .backlog()
        .catch(() => undefined)
        .finally(() => {
          reading = undefined;
        });
      return reading;
    };
    const gauge = (name: string, help: string, valueOf: (backlog: LogoutBacklog) => number) =>
      new Gauge({
        name: `${PREFIX}_${name}`,
        help,
        registers: [],
        async collect() {
          const now = await backlog();
          this.remove();
          if (now !== undefined) this.set(valueOf(now));
        },
      });
    const attempts = new Counter({
      name: `${PREFIX}_attempts_total`,
      help: 'Attempts to tell an application of a logout that this process made: delivered, to be retried, or failed for good',
      labelNames: ['outcome'],
      registers: [],
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(delivery.counts())) this.inc({ outcome }, count);
      },
    });
    const { registry } = this.metrics;
    registry.registerMetric(gauge('pending', 'Logouts that an application is still to be told of', (b) => b.pending));
    registry.registerMetric(
      gauge('oldest_pending_seconds', 'Time since the oldest of these logouts', (b) => b.oldestSeconds),
    );
    registry.registerMetric(attempts);
  }
}
