/** Starting, pinning and measuring the processes of the benchmark. Linux only: CPU time is read from /proc. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';

const TICKS_PER_SECOND = 100;
const canPin = os.cpus().length > 1 && spawnSync('taskset', ['--version']).status === 0;

/** What runs under test has this core for itself; load and stores share the other. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;
export const pinned = canPin;

export function pin(pid, core) {
  if (canPin) spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
}

/**
 * Starts a Node script on the server core; `ready` is asked until it answers true.
 * @param {{ cores?: string }} options which cores instead, as taskset writes them
 */
export async function startPinned(script, env, ready, { cores = String(SERVER_CORE) } = {}) {
  const command = canPin ? ['taskset', ['-c', cores, process.execPath, script]] : [process.execPath, [script]];
  const child = spawn(command[0], command[1], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk) => (complaints = (complaints + chunk).slice(-4000)));
  while (!(await ready().catch(() => false))) {
    if (child.exitCode !== null) throw new Error(`${script} ended with ${child.exitCode}:\n${complaints}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    pid: child.pid,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', resolve);
        child.kill('SIGTERM');
      }),
  };
}

/** CPU seconds that a process has used, user and system. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory in MiB. */
export function residentMiB(pid) {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB$/m);
  return Number(line?.[1] ?? 0) / 1024;
}

export function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
