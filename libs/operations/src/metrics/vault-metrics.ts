import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Counter, Gauge, type Metric } from 'prom-client';
import { LATENESS_BUCKETS, RefreshCounts, VaultHealth, type ProviderCounts, type VaultHealthReport } from '@app/vault';
import { HttpMetrics } from './http-metrics.js';

const PREFIX = 'gatehouse_vault';
const LATENESS = `${PREFIX}_refresh_lateness_seconds`;

type Health = VaultHealthReport['providers'][number];

/**
 * What is due in the database, over all processes, and what this process did about it; read anew at each scrape. No
 * label names an organization or a connection.
 */
@Injectable()
export class VaultMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: HttpMetrics,
    private readonly health: VaultHealth,
    private readonly counts: RefreshCounts,
  ) {}

  onModuleInit(): void {
    const { registry } = this.metrics;
    for (const metric of [...this.gauges(), ...this.counters()]) registry.registerMetric(metric);
    registry.registerMetric(this.lateness() as unknown as Metric);
  }

  private gauges(): Gauge[] {
    const { health } = this;
    // All gauges of one scrape from one look, and a lost database takes only these numbers from it.
    let looking: Promise<VaultHealthReport | undefined> | undefined;
    const look = (): Promise<VaultHealthReport | undefined> => {
      looking ??= health
        .report()
        .catch(() => undefined)
        .finally(() => {
          looking = undefined;
        });
      return looking;
    };
    const gauge = (name: string, help: string, valueOf: (one: Health, at: Date) => number) =>
      new Gauge({
        name: `${PREFIX}_${name}`,
        help,
        labelNames: ['provider'],
        registers: [],
        async collect() {
          const report = await look();
          this.reset();
          for (const one of report?.providers ?? [])
            this.set({ provider: one.providerId }, valueOf(one, report?.at ?? new Date(0)));
        },
      });
    return [
      gauge('due_connections', 'Connections that are due for a refresh and have not had it', ({ due }) => due),
      gauge('oldest_due_seconds', 'How long the oldest of them has been due', ({ oldestDueAt }, at) =>
        oldestDueAt === undefined ? 0 : Math.max(0, (+at - +oldestDueAt) / 1000),
      ),
      gauge('expired_connections', 'Of those due: past the end of their token', ({ expired }) => expired),
      gauge(
        'expired_without_refresh',
        'Past their end, with nothing to refresh them with',
        (one) => one.expiredWithoutRefresh,
      ),
      gauge('needs_reauth_connections', 'Connections whose person must connect again', (one) => one.needsReauth),
      gauge('provider_resting', '1 while no refresh is asked of the provider', ({ breaker }, at) =>
        breaker !== undefined && breaker.openUntil > at ? 1 : 0,
      ),
    ];
  }

  private counters(): Counter[] {
    const { counts } = this;
    const counter = (
      name: string,
      help: string,
      label: string | undefined,
      valuesOf: (one: ProviderCounts) => Readonly<Record<string, number>>,
    ) =>
      new Counter({
        name: `${PREFIX}_${name}`,
        help,
        labelNames: label === undefined ? ['provider'] : ['provider', label],
        registers: [],
        collect() {
          this.reset();
          for (const [provider, one] of counts.all())
            for (const [value, number] of Object.entries(valuesOf(one)))
              this.inc(label === undefined ? { provider } : { provider, [label]: value }, number);
        },
      });
    return [
      counter('refresh_answers_total', 'Answers of providers to refreshes, by kind', 'kind', ({ answers }) => answers),
      counter('refresh_upstream_seconds_total', 'Time spent waiting for those answers', undefined, (one) => ({
        all: one.upstreamSeconds,
      })),
      counter('refresh_commits_total', 'New token sets: kept, or discarded for a newer one', 'outcome', (one) => ({
        kept: one.committed,
        discarded: one.discarded,
      })),
      counter('connections_died_total', 'Connections given up, by reason', 'reason', ({ died }) => died),
    ];
  }

  /** A histogram that is kept elsewhere already. */
  private lateness() {
    const help = 'From the moment a refresh was due to the commit of its tokens';
    const get = () =>
      Promise.resolve({
        name: LATENESS,
        help,
        type: 'histogram',
        aggregator: 'sum',
        values: [...this.counts.all()].flatMap(([provider, one]) => samplesOf(provider, one)),
      });
    return { name: LATENESS, type: 'histogram', get, reset: () => undefined };
  }
}

function samplesOf(provider: string, { lateness, latenessSeconds }: ProviderCounts) {
  let count = 0;
  const buckets = lateness.map((inBucket, index) => {
    count += inBucket;
    const le = LATENESS_BUCKETS[index] ?? '+Inf';
    return { metricName: `${LATENESS}_bucket`, labels: { provider, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${LATENESS}_sum`, labels: { provider }, value: latenessSeconds },
    { metricName: `${LATENESS}_count`, labels: { provider }, value: count },
  ];
}
