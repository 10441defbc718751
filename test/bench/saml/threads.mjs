/** The CPU time of a Gatehouse by thread. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** What SAML workers take upon themselves (saml-workers.ts), and no other thread does. */
const NICE_OF_WORKERS = 10;

/** Seconds so far: the event loop, the SAML workers, and V8's own threads with those of libuv. */
export function threadSeconds(pid) {
  const seconds = { main: 0, workers: 0, engine: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      const nice = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
      const kind = thread === String(pid) ? 'main' : nice === NICE_OF_WORKERS ? 'workers' : 'engine';
      seconds[kind] += Number(nanoseconds) / 1e9;
    } catch (error) {
      // It ended meanwhile.
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error;
    }
  }
  return seconds;
}
