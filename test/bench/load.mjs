/** One measured run of keep-alive connections against one path; every answer is checked. */
import { Client } from 'undici';
import { cpuSeconds } from './processes.mjs';

/**
 * @typedef {{ path: string, headers: object, body?: string, method?: string }} Request
 * @typedef {{ next: () => Request, answered?: (body: string, headers: object) => Request | undefined }} Caller
 *   one connection's conversation, e.g. a chain of refreshes; what `answered` answers belongs to the same turn, which is
 *   what is counted
 * @typedef {{ perSecond: number, cpuMicros: number, p50: number, p99: number, count: number }} Measured  p50, p99 in milliseconds
 *
 * @param {{ url: string, pid: number, milliseconds: number, callers: Caller[],
 *           check: (status: number, body: string, headers: object) => boolean }} run
 * @returns {Promise<Measured>} throws on the first answer that is not what it should be
 */
export async function measure({ url, pid, milliseconds, callers, check }) {
  const latencies = [];
  const cpuBefore = cpuSeconds(pid);
  const began = performance.now();
  const until = began + milliseconds;
  await Promise.all(
    callers.map(async (caller) => {
      const client = new Client(url);
      while (performance.now() < until) {
        const sent = performance.now();
        let request = caller.next();
        while (request !== undefined) {
          const { method = 'POST', path, headers, body } = request;
          const answer = await client.request({ method, path, headers, body });
          const text = await answer.body.text();
          if (!check(answer.statusCode, text, answer.headers))
            throw new Error(`${path} answered ${answer.statusCode} ${text.slice(0, 300)}`);
          request = caller.answered?.(text, answer.headers);
        }
        latencies.push(performance.now() - sent);
      }
      await client.close();
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  latencies.sort((a, b) => a - b);
  return {
    perSecond: latencies.length / seconds,
    cpuMicros: ((cpuSeconds(pid) - cpuBefore) / latencies.length) * 1e6,
    p50: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    count: latencies.length,
  };
}

/** The median of several runs, figure by figure. */
export function median(runs) {
  const middle = (figure) => runs.map(figure).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)] ?? 0;
  return {
    perSecond: middle((run) => run.perSecond),
    cpuMicros: middle((run) => run.cpuMicros),
    p50: middle((run) => run.p50),
    p99: middle((run) => run.p99),
    count: runs.reduce((sum, run) => sum + run.count, 0),
  };
}
