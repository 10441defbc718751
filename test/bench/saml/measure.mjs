/** Measured runs over prepared logins; each is used once, every answer is checked. */
import { Client } from 'undici';
import { cpuSeconds } from '../processes.mjs';
import { threadSeconds } from './threads.mjs';

/**
 * @param {{ url: string, pid: number, logins: object[], connections: number, complete?: boolean }} run
 *   `complete`: also follow our ACS's redirect, which is where a login of ours ends
 * @returns {Promise<{ perSecond: number, cpuMicros: number, p99: number, main: number, workers: number, engine: number }>}
 *   p99 in milliseconds, of a whole login; the last three are microseconds by thread
 */
export async function measureLogins({ url, pid, logins, connections, complete = false }) {
  const waiting = [...logins];
  const latencies = [];
  const cpuBefore = cpuSeconds(pid);
  const threadsBefore = threadSeconds(pid);
  const began = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const client = new Client(url);
      for (let login = waiting.pop(); login !== undefined; login = waiting.pop()) {
        const sent = performance.now();
        const location = await locationOf(client, { method: 'POST', ...login });
        if (complete) {
          const { pathname, search } = new URL(location, url);
          const target = await locationOf(client, {
            method: 'GET',
            path: pathname + search,
            headers: { cookie: login.cookie },
          });
          if (!target.includes('code=')) throw new Error(`a login ended at ${target.slice(0, 300)}`);
        } else if (location.includes('error=')) throw new Error(`a login ended at ${location.slice(0, 300)}`);
        latencies.push(performance.now() - sent);
      }
      await client.close();
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const threads = threadSeconds(pid);
  const microsOf = (kind) => ((threads[kind] - threadsBefore[kind]) / latencies.length) * 1e6;
  latencies.sort((a, b) => a - b);
  return {
    main: microsOf('main'),
    workers: microsOf('workers'),
    engine: microsOf('engine'),
    perSecond: latencies.length / seconds,
    cpuMicros: ((cpuSeconds(pid) - cpuBefore) / latencies.length) * 1e6,
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

async function locationOf(client, { method, path, headers, body }) {
  const answer = await client.request({ method, path, headers, body });
  const text = await answer.body.text();
  const { location } = answer.headers;
  if (answer.statusCode < 300 || answer.statusCode >= 400 || location === undefined)
    throw new Error(`${method} ${path} answered ${answer.statusCode} ${text.slice(0, 500)}`);
  return location;
}
