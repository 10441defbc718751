import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Registry, type Metric } from 'prom-client';

/** Upper bounds in seconds: from a cached introspection to a login that waits for its provider. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

const NAME = 'gatehouse_http_request_duration_seconds';

interface Series {
  readonly labels: { readonly method: string; readonly route: string; readonly status: string };
  /** Requests in each bucket alone; the last one holds those above every bound. */
  readonly buckets: number[];
  sum: number;
}

/**
 * Counts and durations of requests by route pattern and class of status. A histogram of our own behind prom-client's
 * registry: observing is one map look-up and three additions, where the library's hashes the labels every time.
 */
export class HttpMetrics {
  readonly registry = new Registry();
  readonly #series = new Map<string, Series>();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.registry.registerMetric(this.#asMetric() as unknown as Metric);
  }

  /** Watches every route that is registered from now on. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onResponse', (request, reply, done) => {
      this.observe(request.method, request.routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1000);
      done();
    });
  }

  /** `route` is a pattern, never a path: the number of series must not depend on what callers send. */
  observe(method: string, route: string, status: number, seconds: number): void {
    const series = this.#find(method, route, Math.trunc(status / 100));
    let bucket = 0;
    while (bucket < BOUNDS.length && seconds > (BOUNDS[bucket] ?? Infinity)) bucket += 1;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    series.sum += seconds;
  }

  #find(method: string, route: string, statusClass: number): Series {
    const key = `${method} ${route} ${statusClass}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const labels = { method, route, status: `${statusClass}xx` };
      series = { labels, buckets: Array<number>(BOUNDS.length + 1).fill(0), sum: 0 };
      this.#series.set(key, series);
    }
    return series;
  }

  #asMetric() {
    return {
      name: NAME,
      type: 'histogram',
      get: () =>
        Promise.resolve({
          name: NAME,
          help: 'Duration of HTTP requests by route pattern and class of status',
          type: 'histogram',
          aggregator: 'sum',
          values: [...this.#series.values()].flatMap(samplesOf),
        }),
      reset: () => this.#series.clear(),
    };
  }
}

function samplesOf({ labels, buckets, sum }: Series) {
  let count = 0;
  const cumulative = buckets.map((inBucket, index) => {
    count += inBucket;
    return { metricName: `${NAME}_bucket`, labels: { ...labels, le: BOUNDS[index] ?? '+Inf' }, value: count };
  });
  return [
    ...cumulative,
    { metricName: `${NAME}_sum`, labels, value: sum },
    { metricName: `${NAME}_count`, labels, value: count },
  ];
}
