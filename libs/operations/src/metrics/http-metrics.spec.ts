import { Histogram, Registry } from 'prom-client';
import fc from 'fast-check';
import { HttpMetrics } from './http-metrics.js';

const NAME = 'gatehouse_http_request_duration_seconds';

const ofRequests = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith(NAME))
    .toSorted();

describe('GET /metrics', () => {
  it('counts requests exactly as prom-client’s own histogram does', async () => {
    const request = fc.record({
      method: fc.constantFrom('GET', 'POST'),
      route: fc.constantFrom('/a', '/b/:id'),
      status: fc.integer({ min: 200, max: 599 }),
      seconds: fc.constantFrom(0, 0.0004, 0.001, 0.0011, 0.03, 0.25, 2, 11),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 20 }), async (requests) => {
        const ours = new HttpMetrics();
        const registry = new Registry();
        const theirs = new Histogram({
          name: NAME,
          help: 'x',
          labelNames: ['method', 'route', 'status'],
          buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
          registers: [registry],
        });
        for (const { method, route, status, seconds } of requests) {
          ours.observe(method, route, status, seconds);
          theirs.labels(method, route, `${Math.trunc(status / 100)}xx`).observe(seconds);
        }
        const labels = (line: string) =>
          line.replace(/\{(.*)\}/, (_all, list: string) => `{${list.split(',').toSorted().join()}}`);
        const [got, wanted] = await Promise.all([ours.registry.metrics(), registry.metrics()]);
        expect(ofRequests(got).map(labels).toSorted()).toEqual(ofRequests(wanted).map(labels).toSorted());
        expect(got).toContain(`# TYPE ${NAME} histogram`);
        ours.registry.clear();
      }),
      { numRuns: 15 },
    );
  });

  it('tells about the process too', async () => {
    expect(await new HttpMetrics().registry.metrics()).toContain('process_cpu_seconds_total');
  });
});
